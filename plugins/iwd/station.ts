/**
 * Has one station of iwd join and leave, one thing after the other. iwd 2.3 may answer never again who has it
 * leave while it begins to join, or who has it join while it scans: it is waited for, and where it is not done
 * in time, its device is turned off and on.
 */

import { JoinError, type Scope } from '../../src/api.ts';
import { iwdDeviceInterface, iwdNetworkInterface, iwdStationInterface } from '../../src/dbus/interfaces/iwd.ts';
import { variant } from '../../src/dbus/signature.ts';
import { unlessAborted } from '../../src/shared/abort.ts';
import { ConnmanError, messageOf } from '../../src/shared/errors.ts';
import { logger } from '../../src/shared/log.ts';
import type { IwdEnv } from './joiner.ts';
import type { SignalMeter } from './signal-meter.ts';

const log = logger('plugins/iwd/station.ts');

/** What it takes from the radio. */
export interface IwdStationEnv extends Pick<IwdEnv, 'core' | 'objects'> {
  readonly meter: Pick<SignalMeter, 'ended'>;
}

/** A scan that goes on for longer is waited for by iwd alone. */
const SCAN_PATIENCE_MS = 3_000;
/** Who gives up a join lets iwd come to an end of it for so long. */
const JOIN_PATIENCE_MS = 3_000;
const LEAVE_LIMIT_MS = 10_000;
const TELL_LIMIT_MS = 2_000;

/** The station at `path`, until `scope` closes. */
export class IwdStation {
  readonly #env: IwdStationEnv;
  readonly #path: string;
  readonly #scope: Scope;
  /** Resolves when iwd has answered the last that it was told to join. */
  #answered: Promise<void> = Promise.resolve();

  constructor(env: IwdStationEnv, path: string, scope: Scope) {
    this.#env = env;
    this.#path = path;
    this.#scope = scope;
  }

  /** `connected`, `connecting`, `disconnected` …; undefined where there is no station. */
  get state(): string | undefined {
    return this.#properties?.get('State')?.as('s');
  }

  /** The path of the network that iwd has joined, for whomever. */
  get connected(): string | undefined {
    return this.state === 'connected' || this.state === 'roaming' ? this.network : undefined;
  }

  /** The path of the network that iwd has joined or joins. */
  get network(): string | undefined {
    return this.#properties?.get('ConnectedNetwork')?.as('o');
  }

  /**
   * Joins a network that iwd shows. Rejects with what iwd says, JoinError where it joined another, OperationTimeout
   * where it did not end and was left, or the reason of `signal`; iwd may be joining it all the same then.
   */
  async connect(path: string, limitMs: number, signal: AbortSignal): Promise<void> {
    const { core: { clock }, objects } = this.#env;
    const limits = this.#scope.child();
    try {
      await this.#within(SCAN_PATIENCE_MS, objects.wait(() => (this.#isScanning ? undefined : true), signal, limits));
      const limit = clock.deadline('iwd to join', limitMs, signal, limits);
      const answer = objects.proxy(iwdNetworkInterface, path).Connect({}, { timeoutMs: Number.POSITIVE_INFINITY });
      this.#answered = answer.catch(() => undefined);
      await unlessAborted(answer, limit);
      // It answers at once where it is joining that network already, for somebody else or by itself.
      const outcome = (): string | undefined => (this.state === 'connecting' ? undefined : this.connected ?? '');
      if ((await objects.wait(outcome, limit, limits)) !== path) throw new JoinError('connect-failed');
    } catch (error) {
      if (isTimeout(error)) await this.disconnect();
      throw error;
    } finally {
      await limits.close();
    }
  }

  /** Leaves whatever it is in; resolves when it has. Never rejects. */
  async disconnect(): Promise<void> {
    const { meter, objects } = this.#env;
    const isOut = (): true | undefined => ((this.state ?? 'disconnected') === 'disconnected' ? true : undefined);
    // What it tells to have joined is measured at once, which ends before it is to leave.
    const hasTold = (): true | undefined => (this.state === 'connecting' ? undefined : true);
    const joined = this.#answered.then(() => objects.wait(hasTold, this.#scope.signal, this.#scope));
    await this.#within(JOIN_PATIENCE_MS, joined).catch(() => undefined);
    await meter.ended;
    try {
      await objects.proxy(iwdStationInterface, this.#path).Disconnect({}, { timeoutMs: LEAVE_LIMIT_MS });
    } catch (error) {
      log.debug('%s: %s', this.#path, messageOf(error));
      if (isTimeout(error)) await this.#restart();
    }
    // It answers before it tells: until then somebody else seems to have had it join.
    await this.#within(TELL_LIMIT_MS, objects.wait(isOut, this.#scope.signal, this.#scope)).catch(() => undefined);
  }

  get #properties() {
    return this.#env.objects.get(this.#path, iwdStationInterface);
  }

  get #isScanning(): boolean {
    return this.#properties?.get('Scanning')?.as('b') ?? false;
  }

  async #restart(): Promise<void> {
    log.warn('%s: iwd does not leave: its device is turned off and on', this.#path);
    for (const isOn of [false, true]) {
      await this.#env.objects.set(this.#path, iwdDeviceInterface, 'Powered', variant('b', isOn))
        .catch((error: unknown) => log.debug('%s: %s', this.#path, messageOf(error)));
    }
  }

  /** Waits for something, but no longer than so. Rejects as it does. */
  async #within(limitMs: number, promise: Promise<unknown>): Promise<void> {
    const limits = this.#scope.child();
    const late = new Promise<void>((resolve) => {
      this.#env.core.clock.after('patience with iwd', limitMs, limits, resolve);
      limits.defer(resolve);
    });
    try {
      await Promise.race([promise, late]);
    } finally {
      await limits.close();
    }
  }
}

/** Whether iwd was asked something that it did not answer in time. */
export function isTimeout(error: unknown): boolean {
  return error instanceof ConnmanError && error.code === 'OperationTimeout';
}
