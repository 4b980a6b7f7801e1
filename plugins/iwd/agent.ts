/**
 * Whom iwd asks for secrets, which is us, and whom it tells how well an access point is heard. Answers
 * are there only while a network is being joined; anything else iwd asks for is refused.
 */

import type { Core, Scope } from '../../src/api.ts';
import { DBusError } from '../../src/dbus/errors.ts';
import { iwdFullAgentInterface, iwdSignalAgentInterface } from '../../src/dbus/interfaces/iwd-agent.ts';
import { Emitter, type Observable } from '../../src/shared/emitter.ts';
import { logger } from '../../src/shared/log.ts';

const log = logger('plugins/iwd/agent.ts');

/** Where iwd finds it, as with ConnMan. */
export const AGENT_PATH = '/net/connman/iwd_agent';

/** What may be asked for on behalf of a network. */
export interface Answers {
  /** Of the network, or the password of the user. */
  readonly passphrase?: string | undefined;
  readonly identity?: string | undefined;
  readonly keyPassphrase?: string | undefined;
}

/** A station crossed a level. */
export interface LevelReport {
  /** The object path of the station. */
  readonly device: string;
  /** 0 for the strongest. */
  readonly level: number;
}

/** The agent of one life of iwd. */
export class IwdAgent {
  readonly #answers = new Map<string, Answers>();
  readonly #levels = new Emitter<LevelReport>();

  constructor({ bus }: Pick<Core, 'bus'>, life: Scope) {
    bus.export(AGENT_PATH, iwdFullAgentInterface, {
      methods: {
        Release: () => undefined,
        Cancel: ({ reason }) => log.debug('iwd asks no more: %s', reason),
        RequestPassphrase: ({ path }) => given(this.#answers.get(path)?.passphrase),
        RequestPrivateKeyPassphrase: ({ path }) => given(this.#answers.get(path)?.keyPassphrase),
        RequestUserNameAndPassword: ({ path }) => {
          const { identity, passphrase } = this.#answers.get(path) ?? {};
          return { user: given(identity), password: given(passphrase) };
        },
        RequestUserPassword: ({ path }) => given(this.#answers.get(path)?.passphrase),
      },
    }, life);
    bus.export(AGENT_PATH, iwdSignalAgentInterface, {
      methods: { Release: () => undefined, Changed: (report) => this.#levels.emit(report) },
    }, life);
  }

  /** Emits what iwd measures of stations that asked for it. */
  get levels(): Observable<LevelReport> {
    return this.#levels;
  }

  /** Answers for the network at `path` until `scope` closes. */
  answer(path: string, answers: Answers, scope: Scope): void {
    this.#answers.set(path, answers);
    scope.defer(() => {
      if (this.#answers.get(path) === answers) this.#answers.delete(path);
    });
  }
}

function given(secret: string | undefined): string {
  if (secret === undefined) throw new DBusError('net.connman.iwd.Agent.Error.Failed', 'Invalid parameters');
  return secret;
}
