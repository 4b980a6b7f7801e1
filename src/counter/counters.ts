/**
 * Counters: who wants to know how much services carry is told when it registers, then in intervals,
 * and once more when a service goes down. The kernel is asked only while there is a counter; the
 * shortest interval is that of all.
 */

import type { Rtnetlink } from '../netlink/rtnetlink.ts';
import type { UsageFiles } from '../daemon/usage-files.ts';
import type { Service } from '../service/service.ts';
import type { Services } from '../service/services.ts';
import { isConnected } from '../service/state.ts';
import { USAGE_KEYS, type Usage } from '../service/statistics.ts';
import type { Alarm, Clock } from '../shared/clock.ts';
import { messageOf } from '../shared/errors.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';
import { appendUsage, decodeUsage } from './data-file.ts';

const log = logger('src/counter/counters.ts');

/** What has changed of one service's usage; everything the first time. */
export interface Report {
  readonly home: Partial<Usage>;
  readonly roaming: Partial<Usage>;
}

/** A counter's ear. */
export type ReportUsage = (service: Service, report: Report) => void;

/** What counters take from outside. */
export interface CountersEnv {
  readonly services: Services;
  readonly kernel: Pick<Rtnetlink, 'link' | 'mirror'>;
  readonly clock: Clock;
  /** Where usage outlives the daemon; nowhere when absent. */
  readonly files?: UsageFiles | undefined;
}

interface Counter {
  readonly periodSec: number;
  readonly report: ReportUsage;
  /** What was told last, of services that are there. */
  readonly told: WeakMap<Service, { readonly home: Usage; readonly roaming: Usage }>;
}

/** All counters; they end with `scope`. */
export class Counters {
  readonly #env: CountersEnv;
  readonly #scope: Scope;
  readonly #alarm: Alarm;
  readonly #counters = new Set<Counter>();

  constructor(env: CountersEnv, scope: Scope) {
    this.#env = env;
    this.#scope = scope;
    this.#alarm = env.clock.alarm('counters', scope, () => void this.#poll());
    env.services.added.observe(scope, ({ service, scope: itsScope }) => this.#follow(service, itsScope));
  }

  /** Tells `report` of all connected services at once and every `periodSec` (0: never) until `scope` closes. */
  add(periodSec: number, report: ReportUsage, scope: Scope): void {
    const counter: Counter = { periodSec, report, told: new WeakMap() };
    this.#counters.add(counter);
    scope.defer(() => {
      this.#counters.delete(counter);
      this.#schedule();
    });
    for (const service of this.#connected()) tell(counter, service);
    this.#schedule();
  }

  #connected(): Service[] {
    return this.#env.services.list.filter(({ state }) => isConnected(state));
  }

  #follow(service: Service, scope: Scope): void {
    const { clock } = this.#env;
    const { device } = service.network;
    const sample = () => service.statistics.update(device.link.statistics, clock.now(), 'home');
    this.#restore(service);
    device.linkChanged.observe(scope, sample);
    service.stateChanged.observe(scope, ({ before, after }) => {
      if (isConnected(before) === isConnected(after)) return;
      if (isConnected(after)) {
        service.statistics.begin(device.link.statistics, clock.now());
      } else {
        sample();
        service.statistics.end();
        this.#keep(service);
        for (const counter of this.#counters) tell(counter, service);
      }
    });
  }

  #restore({ identifier, statistics }: Service): void {
    const bytes = this.#env.files?.read(identifier);
    const usage = bytes === undefined ? undefined : decodeUsage(bytes);
    if (usage !== undefined) statistics.restore(usage);
  }

  // When a service goes down, not as it goes: flash is not written to for packets.
  #keep({ identifier, statistics: { home, roaming } }: Service): void {
    const { files, clock } = this.#env;
    files?.write(identifier, appendUsage(files.read(identifier), { home, roaming }, clock.wallTime().getTime() / 1000));
  }

  #schedule(): void {
    const periods = [...this.#counters].map(({ periodSec }) => periodSec).filter((seconds) => seconds > 0);
    this.#alarm.set(periods.length === 0 ? undefined : this.#env.clock.now() + Math.min(...periods) * 1000);
  }

  async #poll(): Promise<void> {
    this.#schedule();
    await Promise.all(this.#connected().map((service) => this.#ask(service)));
  }

  async #ask(service: Service): Promise<void> {
    const { kernel, clock } = this.#env;
    try {
      const { statistics } = await kernel.link.get(service.network.device.ifindex, this.#scope.signal);
      service.statistics.update(statistics, clock.now(), 'home');
    } catch (error) {
      log.debug('%s: no statistics: %s', service.identifier, messageOf(error));
    }
    if (!isConnected(service.state)) return; // it has had its last report
    for (const counter of this.#counters) tell(counter, service);
  }
}

function tell({ told, report }: Counter, service: Service): void {
  const { home, roaming } = service.statistics;
  const before = told.get(service);
  told.set(service, { home, roaming });
  report(service, {
    home: before === undefined ? home : changes(before.home, home),
    roaming: before === undefined ? roaming : changes(before.roaming, roaming),
  });
}

function changes(before: Usage, after: Usage): Partial<Usage> {
  return Object.fromEntries(USAGE_KEYS.flatMap((key) => (before[key] === after[key] ? [] : [[key, after[key]]])));
}
