/**
 * What connman-vpnd knows of connmand (net.connman): whether there is a network at all, which one is
 * below the tunnels, and what users decided about split routing. Only over D-Bus; without connmand
 * nothing is known.
 */

import type { Bus } from '../src/dbus/bus.ts';
import { managerInterface } from '../src/dbus/interfaces/manager.ts';
import { serviceInterface } from '../src/dbus/interfaces/service.ts';
import type { Variant } from '../src/dbus/signature.ts';
import { Emitter, type Observable } from '../src/shared/emitter.ts';
import { messageOf } from '../src/shared/errors.ts';
import { parseIpAddress, type IpAddress } from '../src/shared/ipaddress.ts';
import { logger } from '../src/shared/log.ts';
import type { Scope } from '../src/shared/scope.ts';

const log = logger('vpn/connectivity.ts');

const CONNMAN = 'net.connman';
const SERVICE_PREFIX = '/net/connman/service/vpn_';

/** What users decided about a connection in connmand. */
export interface SplitRoutingChange {
  readonly ident: string;
  readonly isSplitRouting: boolean;
}

/** A network that leads to VPN servers. */
export interface Outside {
  readonly device: string;
  readonly servers: readonly IpAddress[];
}

/** Follows connmand. */
export class Connectivity {
  readonly #known = new Emitter<void>();
  readonly #splitRouting = new Emitter<SplitRoutingChange>();
  readonly #bus: Bus;
  #isOnline: boolean | undefined;

  constructor(bus: Bus, scope: Scope) {
    this.#bus = bus;
    bus.watchName(CONNMAN, scope, (owner) => {
      this.#isOnline = undefined;
      if (owner !== undefined) void this.#ask(bus);
    });
    const report = (error: unknown): void => log.error('signals of %s cannot be heard: %s', CONNMAN, error);
    bus
      .subscribe(managerInterface, 'PropertyChanged', { sender: CONNMAN, path: '/' }, scope, ({ name, value }) => {
        if (name === 'State') this.#note(value.as('s'));
      })
      .catch(report);
    const match = {
      sender: CONNMAN,
      interface: serviceInterface.name,
      member: 'PropertyChanged',
      arg0: 'SplitRouting',
    };
    bus
      .onSignal(match, scope, ({ path = '', body: [, value] }) => {
        const isSplitRouting = hasValue(value) ? value.value : undefined;
        if (!path.startsWith(SERVICE_PREFIX) || typeof isSplitRouting !== 'boolean') return;
        this.#splitRouting.emit({ ident: path.slice(SERVICE_PREFIX.length), isSplitRouting });
      })
      .catch(report);
  }

  /** Emits what connmand says of its VPN services. */
  get splitRouting(): Observable<SplitRoutingChange> {
    return this.#splitRouting;
  }

  /** Whether connmand is ready or online; waits while that is not known. Rejects with `signal.reason`. */
  async isOnline(signal: AbortSignal, scope: Scope): Promise<boolean> {
    if (this.#isOnline !== undefined) return this.#isOnline;
    await new Promise<void>((resolve, reject) => {
      this.#known.observe(scope, () => resolve());
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    return this.#isOnline ?? false;
  }

  /** The network below all tunnels that is in use, with its name servers. Rejects where connmand cannot be asked. */
  async outside(signal: AbortSignal): Promise<Outside | undefined> {
    const services = await this.#bus.proxy(managerInterface, CONNMAN, '/').GetServices({}, { signal });
    const text = (value: Variant | undefined): string => value?.as('s') ?? '';
    const used = services.find(([, properties]) =>
      text(properties.get('Type')) !== 'vpn' && IN_USE.has(text(properties.get('State'))));
    if (used === undefined) return undefined;
    const device = text(used[1].get('Ethernet')?.as('a{sv}')?.get('Interface'));
    const servers = (used[1].get('Nameservers')?.as('as') ?? []).flatMap((each) => parseIpAddress(each) ?? []);
    return device === '' ? undefined : { device, servers };
  }

  async #ask(bus: Bus): Promise<void> {
    try {
      const properties = await bus.proxy(managerInterface, CONNMAN, '/').GetProperties();
      // What was signalled meanwhile is newer than the answer.
      if (this.#isOnline === undefined) this.#note(properties.get('State')?.as('s'));
    } catch (error) {
      log.debug('%s does not tell its state: %s', CONNMAN, messageOf(error));
    }
  }

  #note(state: string | undefined): void {
    if (state === undefined) return;
    this.#isOnline = state === 'ready' || state === 'online';
    this.#known.emit();
  }
}

const IN_USE: ReadonlySet<string> = new Set(['ready', 'online']);

function hasValue(value: unknown): value is { value: unknown } {
  return typeof value === 'object' && value !== null && 'value' in value;
}
