/**
 * The conversation over openvpn's management socket: its questions asked of the user's agent, and the
 * answers written. Invariant: each question is asked when it is put, and nothing refused is sent again.
 */

import { Lines, type Field, type Session } from '../../api.ts';
import { afterRefusal, KEEPING, refused } from '../lib/questions.ts';
import {
  answer,
  dynamicResponse,
  parseQuestion,
  staticResponse,
  type DynamicChallenge,
  type Question,
} from './management.ts';

/** The socket of openvpn's is there soon after its start, if at all. */
const MANAGEMENT = { everyMs: 200, attempts: 30 } as const;

/** The conversation of one session; `onFailure` hears of the question that nobody answered. */
export class Conversation {
  readonly #session: Session;
  readonly #path: string;
  readonly #onFailure: (error: unknown) => void;
  #send: (line: string) => void = () => undefined;
  #isKeyRefused = false;
  #dynamic: DynamicChallenge | undefined;

  constructor(session: Session, path: string, onFailure: (error: unknown) => void) {
    this.#session = session;
    this.#path = path;
    this.#onFailure = onFailure;
  }

  /** Tries until the socket is there; without it openvpn asks nobody and ends by itself. */
  connect(attempt = 1): void {
    const { env, scope, signal } = this.#session;
    if (signal.aborted || scope.signal.aborted) return;
    try {
      const socket = env.connectUnix(this.#path, scope);
      const lines = new Lines((line) => void this.#onLine(line));
      socket.onData = (bytes) => lines.push(bytes);
      socket.onEnd = () => undefined;
      this.#send = (line) => {
        if (!scope.signal.aborted) socket.send(Buffer.from(`${line}\n`));
      };
    } catch {
      if (attempt >= MANAGEMENT.attempts) return;
      env.clock.after('management of openvpn', MANAGEMENT.everyMs, scope, () => this.connect(attempt + 1));
    }
  }

  async #onLine(line: string): Promise<void> {
    const question = parseQuestion(line);
    if (question === undefined) return;
    try {
      await this.#answer(question);
    } catch (error) {
      if (!this.#session.signal.aborted) this.#onFailure(error);
    }
  }

  async #answer(question: Question): Promise<void> {
    switch (question.kind) {
      case 'auth':
        for (const line of await this.#credentials(question)) this.#send(line);
        return;
      case 'key':
        this.#send(answer('password', 'Private Key', await this.#passphrase()));
        return;
      case 'authRefused':
        this.#dynamic = question.dynamic;
        if (question.dynamic === undefined) this.#session.countAuthError();
        return;
      case 'keyRefused':
        this.#isKeyRefused = true;
        return;
    }
  }

  // Asked every time: what openvpn needs again was refused, or is used once.
  async #credentials({ challenge }: { challenge?: string | undefined }): Promise<string[]> {
    const session = this.#session;
    const dynamic = this.#dynamic;
    this.#dynamic = undefined;
    if (dynamic !== undefined) return this.#respond(dynamic);
    const given = await session.ask([
      ...afterRefusal(session),
      { key: 'OpenVPN.Username', type: 'string', requirement: 'mandatory' },
      { key: 'OpenVPN.Password', type: 'password', requirement: 'mandatory' },
      ...(challenge === undefined ? [] : [challengeField(challenge)]),
    ]);
    const [username, password] = [given.get('OpenVPN.Username'), given.get('OpenVPN.Password')];
    if (username === undefined || password === undefined) throw refused();
    const response = given.get(CHALLENGE) ?? '';
    const sent = challenge === undefined ? password : staticResponse(password, response);
    return [answer('username', 'Auth', username), answer('password', 'Auth', sent)];
  }

  // Name and password were right: only the server's question is left.
  async #respond(dynamic: DynamicChallenge): Promise<string[]> {
    const response = (await this.#session.ask([challengeField(dynamic.text)])).get(CHALLENGE);
    if (response === undefined) throw refused();
    return [
      answer('username', 'Auth', dynamic.username),
      answer('password', 'Auth', dynamicResponse(dynamic, response)),
    ];
  }

  async #passphrase(): Promise<string> {
    const key = 'OpenVPN.PrivateKeyPassword';
    const { settings } = this.#session;
    const stored = settings.get(key);
    if (stored !== undefined && !this.#isKeyRefused) return stored;
    const given = (
      await this.#session.ask([
        { key, type: 'password', requirement: 'mandatory' },
        ...KEEPING,
        { key: 'Enter Private Key password', type: 'string', requirement: 'informational' },
      ])
    ).get(key);
    if (given === undefined) throw refused();
    settings.setHidden(key, given);
    this.#isKeyRefused = false;
    return given;
  }
}

const CHALLENGE = 'OpenVPN.StaticChallenge';

function challengeField(text: string): Field {
  return { key: CHALLENGE, type: 'password', requirement: 'mandatory', value: text };
}
