/**
 * The conversation over openvpn's management socket: its questions asked of the user's agent, the answers
 * written, and what it tells of its tunnel passed on. openvpn connects to it before anything else.
 * Invariant: each question is asked when it is put, and nothing refused is sent again.
 */

import { Lines, type Field, type Session } from '../../api.ts';
import { afterRefusal, KEEPING, refused } from '../lib/questions.ts';
import {
  answer,
  dynamicResponse,
  parseQuestion,
  ReportReader,
  staticResponse,
  type DynamicChallenge,
  type Question,
  type Report,
} from './management.ts';

/** Who hears of what. */
export interface Listener {
  /** Of the question that nobody answered. */
  onFailure(error: unknown): void;
  onReport(report: Report): void;
}

/** The conversation of one session. */
export class Conversation {
  readonly #session: Session;
  readonly #listener: Listener;
  readonly #reports = new ReportReader();
  #send: (line: string) => void = () => undefined;
  #isKeyRefused = false;
  #dynamic: DynamicChallenge | undefined;

  constructor(session: Session, listener: Listener) {
    this.#session = session;
    this.#listener = listener;
  }

  /** Waits for openvpn at the path that it returns, until the session's scope closes. Throws SystemError. */
  open(): string {
    const { env, ident, scope } = this.#session;
    return env.awaitHelper('openvpn', `openvpn-${ident}`, scope, (stream) => {
      const lines = new Lines((line) => void this.#onLine(line));
      stream.onData = (bytes) => lines.push(bytes);
      this.#send = (line) => {
        if (!scope.isClosed) stream.send(Buffer.from(`${line}\n`));
      };
      this.#send('state on');
    });
  }

  async #onLine(line: string): Promise<void> {
    const report = this.#reports.read(line);
    if (report?.kind === 'waiting') this.#send('hold release');
    else if (report !== undefined) this.#listener.onReport(report);
    const question = parseQuestion(line);
    if (question === undefined) return;
    try {
      await this.#answer(question);
    } catch (error) {
      if (!this.#session.signal.aborted) this.#listener.onFailure(error);
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
