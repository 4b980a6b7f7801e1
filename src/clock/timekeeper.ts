/**
 * Keeps the wall clock by the time servers of the default service while TimeUpdates is `auto`: asks
 * them through its link and its name servers, and does to the kernel's clock what the NTP client
 * says. Follows the default service from link to link; the client knows the manners (src/ntp).
 */

import { resolveName } from '../dns/stub-resolver.ts';
import { NtpClient, type Adjustment, type NtpEvent, type NtpTarget } from '../ntp/client.ts';
import type { Resolver } from '../resolver.ts';
import type { Service } from '../service/service.ts';
import type { Services } from '../service/services.ts';
import type { Alarm, Clock } from '../shared/clock.ts';
import { SystemError } from '../shared/errors.ts';
import { parseIpAddress } from '../shared/ipaddress.ts';
import { logger } from '../shared/log.ts';
import type { Random } from '../shared/random.ts';
import type { Scope } from '../shared/scope.ts';
import type { System } from '../system/system.ts';
import type { ClockSettings } from './clock.ts';

const log = logger('src/clock/timekeeper.ts');

/** The online check goes first: everybody waits for that. */
const START_DELAY_MS = 100;
/** Until the servers are asked again after the kernel refused to set the clock. */
const REFUSED_DELAY_MS = 3_600_000;

/** What a timekeeper takes from outside. */
export interface TimekeeperEnv {
  readonly system: Pick<System, 'udp' | 'tcp' | 'closeFd' | 'wallTime' | 'adjustClock'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly resolver: Pick<Resolver, 'nameserversOf'>;
  readonly services: Pick<Services, 'default' | 'defaultChanged'>;
  readonly settings: ClockSettings;
}

/** A keeper of the wall clock at work. */
export interface Timekeeper {
  /** The machine slept: its clock is compared at once. */
  wake(): void;
}

/** Keeps the wall clock until `scope` closes. */
export function startTimekeeper(env: TimekeeperEnv, scope: Scope): Timekeeper {
  return new ServiceTimekeeper(env, scope);
}

class ServiceTimekeeper implements Timekeeper {
  readonly #env: TimekeeperEnv;
  readonly #scope: Scope;
  /** Made for the first server: a machine without any needs none. */
  #client: NtpClient | undefined;
  readonly #starting: Alarm;
  /** What the client is started with; undefined while it is to be stopped. */
  #wanted: NtpTarget | undefined;
  /** The same and the families as a text. */
  #target: string | undefined;
  #watched: Scope;
  /** What was complained of last, so that it is said once. */
  #complaint: string | undefined;

  constructor(env: TimekeeperEnv, scope: Scope) {
    this.#env = env;
    this.#scope = scope;
    this.#watched = scope.child();
    this.#starting = env.clock.alarm('ask time servers', scope, () => this.#start());
    env.services.defaultChanged.observe(scope, (service) => this.#follow(service));
    env.settings.changed.observe(scope, (property) => {
      if (property === 'TimeUpdates' || property === 'Timeservers') this.#update();
    });
    this.#follow(env.services.default);
  }

  wake(): void {
    if (this.#target !== undefined) this.#client?.wake();
  }

  #follow(service: Service | undefined): void {
    void this.#watched.close();
    this.#watched = this.#scope.child();
    service?.changed.observe(this.#watched, (aspects) => {
      if (aspects.some((aspect) => aspect === 'timeservers' || aspect === 'ipv4' || aspect === 'ipv6')) this.#update();
    });
    this.#update();
  }

  #update(): void {
    const { services, settings } = this.#env;
    const service = settings.timeUpdates === 'auto' ? services.default : undefined;
    const servers = service === undefined ? [] : reachable(service);
    if (service === undefined || servers.length === 0) {
      if (this.#target !== undefined) this.#client?.stop();
      this.#target = undefined;
      this.#wanted = undefined;
      return;
    }
    const device = service.network.device.interfaceName;
    const target = [service.identifier, device, ...familiesOf(service), ...servers].join(' ');
    if (target === this.#target) return;
    this.#target = target;
    this.#client?.stop();
    this.#wanted = { servers, device, network: service.identifier };
    this.#starting.set(this.#env.clock.now() + START_DELAY_MS);
  }

  #start(): void {
    if (this.#wanted === undefined) return;
    log.debug('time servers of %s: %s', this.#wanted.network, this.#wanted.servers.join(' '));
    this.#client ??= this.#createClient();
    this.#client.start(this.#wanted);
  }

  #createClient(): NtpClient {
    const { system, clock, random } = this.#env;
    const client = new NtpClient({
      system, clock, random,
      resolve: async (name, signal) => {
        const service = this.#env.services.default;
        if (service === undefined) return [];
        const { interfaceName: device, ifindex } = service.network.device;
        const servers = this.#env.resolver.nameserversOf(ifindex);
        return resolveName(name, { servers, device, families: familiesOf(service) }, this.#env, signal);
      },
    }, this.#scope);
    client.events.observe(this.#scope, (event) => this.#onEvent(event));
    return client;
  }

  #onEvent(event: NtpEvent): void {
    switch (event.kind) {
      case 'adjust':
        return this.#adjust(event);
      case 'disagreement':
        return this.#complain('the time servers contradict each other: the clock is left alone');
      case 'kiss':
        return log.info('time server %s says %s', event.address, event.code);
      case 'unfit':
        return log.debug('time server %s is no help: %s', event.address, event.why);
    }
  }

  #adjust({ offsetMs, how, leap, timeConstant, name, address, stratum }: Adjustment): void {
    const { system, settings } = this.#env;
    try {
      system.adjustClock(offsetMs, how, leap, timeConstant);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      // Whoever cannot use the answers does not ask for more.
      this.#client?.stop();
      this.#starting.set(this.#env.clock.now() + REFUSED_DELAY_MS);
      return this.#complain(`the clock cannot be set: ${error.message}`);
    }
    this.#complaint = undefined;
    const isNews = how === 'step' || !settings.isTimeserverSynced;
    const words = [how === 'step' ? 'jump' : 'slew', formatOffset(offsetMs), name, address, stratum] as const;
    if (isNews) log.info('ntp: adjust (%s): %s sec by %s (%s), stratum %d', ...words);
    else log.debug('ntp: adjust (%s): %s sec by %s (%s), stratum %d', ...words);
    settings.noteSynced();
  }

  #complain(text: string): void {
    if (text !== this.#complaint) log.warn('%s', text);
    this.#complaint = text;
  }
}

/** Names, and addresses of the families that are connected. */
function reachable(service: Service): string[] {
  const families = familiesOf(service);
  return service.inUse.timeservers.filter((server) => {
    const family = parseIpAddress(server)?.family;
    return family === undefined || families.includes(family);
  });
}

function familiesOf({ inUse: { ipv4, ipv6 } }: Service): (4 | 6)[] {
  return [...(ipv4 === undefined ? [] : [4 as const]), ...(ipv6 === undefined ? [] : [6 as const])];
}

function formatOffset(offsetMs: number): string {
  return `${offsetMs < 0 ? '-' : '+'}${(Math.abs(offsetMs) / 1000).toFixed(6)}`;
}
