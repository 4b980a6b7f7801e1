/**
 * One connection's kill switch: closed while the connection is wanted, with ways to the addresses of its server
 * and, where that has a name, to those who know it. Invariant: it closes before anybody is asked.
 */

import type { Core, Scope, Service } from '../../src/api.ts';
import type { Alarm } from '../../src/shared/clock.ts';
import type { IpAddress } from '../../src/shared/ipaddress.ts';
import type { KillSwitches } from './kill-switch.ts';
import { ServerName, type LookUp } from './server-name.ts';

/**
 * How often a server's name is looked up again: its VPN follows a server that moves (WireGuard's each 20 s), but
 * is told of it what we have learnt.
 */
const ASK_AGAIN_MS = 20_000;

/** How things are with the connection. */
export interface Circumstances {
  readonly isWanted: boolean;
  /** Servers, as in the connection: names or addresses. */
  readonly hosts: readonly string[];
  /** What reaches them. */
  readonly transport: Service | undefined;
  /** While the tunnel is up. */
  readonly tunnel: { readonly server: IpAddress | undefined; readonly ifindex: number } | undefined;
}

/** What it takes: whom to ask, when, and where all switches are. */
export interface SwitchParts {
  readonly names: LookUp;
  readonly clock: Core['clock'];
  readonly killSwitches: KillSwitches;
}

/** See above. */
export class ConnectionSwitch {
  readonly #ident: string;
  readonly #parts: SwitchParts;
  readonly #scope: Scope;
  readonly #askAgain: Alarm;
  #servers: readonly ServerName[] = [];
  #isClosed = false;
  #last: Circumstances | undefined;

  /** What programs are told of the servers' names ends with `scope`; what is closed stays. */
  constructor(ident: string, parts: SwitchParts, scope: Scope) {
    this.#ident = ident;
    this.#parts = parts;
    this.#scope = scope;
    this.#askAgain = parts.clock.alarm(`the servers of ${ident}`, scope, () => void this.#ask());
    scope.defer(() => this.#serve([]));
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Opens or closes it; asks for the servers' addresses when it closes, when they are reached otherwise than before,
   * and when told to. Never rejects.
   */
  async apply(now: Circumstances, isServerAsked = false): Promise<void> {
    const isNew = now.isWanted !== this.#isClosed;
    const isElsewhere = now.transport !== this.#last?.transport;
    this.#isClosed = now.isWanted;
    this.#last = now;
    if (!now.isWanted) {
      if (isNew) await this.open();
      return;
    }
    await this.#close(now);
    if (isNew || isElsewhere || isServerAsked) await this.#ask();
  }

  /** Opens it for good. */
  open(): Promise<void> {
    this.#isClosed = false;
    this.#askAgain.set(undefined);
    for (const server of this.#servers) server.forget();
    return this.#parts.killSwitches.open(this.#ident);
  }

  async #ask(): Promise<void> {
    const before = String(this.#addresses);
    await Promise.all(this.#servers.map((server) => server.learn(this.#last?.transport)));
    // Meanwhile it may have been opened, or the tunnel may have come or gone.
    if (!this.#isClosed || this.#last === undefined) return;
    if (String(this.#addresses) !== before) await this.#close(this.#last);
    if (this.#servers.some(({ isName }) => isName)) this.#askAgain.set(this.#parts.clock.now() + ASK_AGAIN_MS);
  }

  get #addresses(): readonly IpAddress[] {
    return this.#servers.flatMap(({ addresses }) => addresses);
  }

  // What is known of those that stay is kept.
  #serve(hosts: readonly string[]): void {
    const before = this.#servers;
    const known = (host: string): ServerName | undefined => before.find((each) => each.host === host);
    for (const server of before) if (!hosts.includes(server.host)) server.forget();
    this.#servers = hosts.map((host) => known(host) ?? new ServerName(host, this.#parts.names, this.#scope));
  }

  #close({ hosts, transport, tunnel }: Circumstances): Promise<void> {
    this.#serve(hosts);
    return this.#parts.killSwitches.close(this.#ident, {
      servers: tunnel?.server === undefined ? this.#addresses : [...this.#addresses, tunnel.server],
      inquiries: this.#servers.flatMap((server) => server.inquiries(transport)),
      outside: transport?.inUse.ipv4,
      ifindex: tunnel?.ifindex,
    });
  }
}
