/**
 * How well the access point in use is heard, and which it is: iwd tells when the signal crosses a
 * level, and has the rest when asked (its documentation "SignalLevelAgent", "StationDiagnostic").
 */

import type { Scope } from '../../src/api.ts';
import { iwdDiagnosticInterface, iwdStationInterface } from '../../src/dbus/interfaces/iwd.ts';
import { Emitter, type Observable } from '../../src/shared/emitter.ts';
import { messageOf } from '../../src/shared/errors.ts';
import { logger } from '../../src/shared/log.ts';
import { AGENT_PATH } from './agent.ts';
import type { IwdEnv } from './joiner.ts';

const log = logger('plugins/iwd/signal-meter.ts');

/** In dBm; every five, where it matters. */
const LEVELS = [-40, -45, -50, -55, -60, -65, -70, -75, -80, -85, -90] as const;

/** What is known of the connection. */
export interface Measurement {
  readonly strength: number | undefined;
  readonly frequencyMhz: number | undefined;
  readonly point: { readonly bssid: string; readonly frequencyMhz: number } | undefined;
}

/** Of one station, until `scope` closes. */
export class SignalMeter {
  readonly #env: IwdEnv;
  readonly #path: string;
  readonly #measured = new Emitter<Measurement>();
  /** What iwd is asked and has not answered. */
  #running: Promise<Measurement | undefined> | undefined;

  constructor(env: IwdEnv, path: string, scope: Scope) {
    this.#env = env;
    this.#path = path;
    scope.defer(() => this.ended);
    env.agent.levels.observe(scope, ({ device }) => {
      if (device === path) void this.measure();
    });
    // Roaming ends in the state it began in.
    env.objects.changed.observe(scope, (change) => {
      if (change.path !== path || change.interface !== iwdStationInterface.name) return;
      if (env.objects.get(path, iwdStationInterface)?.get('State')?.as('s') === 'connected') void this.measure();
    });
  }

  /**
   * Resolves when iwd has answered what it was asked; at once where that is nothing. Whoever has it leave
   * waits for this: iwd 2.3 dies where the connection ends before the kernel has told it of that connection.
   */
  get ended(): Promise<void> {
    return this.#running === undefined ? Promise.resolve() : this.#running.then(() => undefined);
  }

  /** Emits what was measured. */
  get measured(): Observable<Measurement> {
    return this.#measured;
  }

  /** Has iwd tell of a station's signal from now on, for as long as there is that station. */
  register(): void {
    this.#env.objects.proxy(iwdStationInterface, this.#path)
      .RegisterSignalLevelAgent({ path: AGENT_PATH, levels: [...LEVELS] })
      .catch((error: unknown) => log.debug('%s: %s', this.#path, messageOf(error)));
  }

  /** Asks iwd; undefined where it does not say, as while nothing is joined. */
  measure(): Promise<Measurement | undefined> {
    this.#running ??= this.#measure().finally(() => (this.#running = undefined));
    return this.#running;
  }

  async #measure(): Promise<Measurement | undefined> {
    if (this.#env.objects.get(this.#path, iwdDiagnosticInterface) === undefined) return undefined;
    try {
      const said = await this.#env.objects.proxy(iwdDiagnosticInterface, this.#path).GetDiagnostics();
      const numberOf = (name: string): number | undefined => {
        const value = said.get(name)?.value;
        return typeof value === 'number' ? value : undefined;
      };
      const [dbm, frequencyMhz, bssid] = [numberOf('RSSI'), numberOf('Frequency'), said.get('ConnectedBss')?.as('s')];
      const measurement = {
        strength: dbm === undefined ? undefined : strengthOf(dbm),
        frequencyMhz,
        point: bssid === undefined || frequencyMhz === undefined ? undefined : { bssid, frequencyMhz },
      };
      this.#measured.emit(measurement);
      return measurement;
    } catch (error) {
      log.debug('%s: %s', this.#path, messageOf(error));
      return undefined;
    }
  }
}

/** dBm in ConnMan's percent: 120 more, between 0 and 100. */
export function strengthOf(signalDbm: number): number {
  return Math.max(0, Math.min(100, 120 + Math.round(signalDbm)));
}
