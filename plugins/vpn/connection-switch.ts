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
  readonly host: string;
  /** What reaches the server. */
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
  #server: ServerName | undefined;
  #isClosed = false;
  #last: Circumstances | undefined;

  /** What programs are told of the server's name ends with `scope`; what is closed stays. */
  constructor(ident: string, parts: SwitchParts, scope: Scope) {
    this.#ident = ident;
    this.#parts = parts;
    this.#scope = scope;
    this.#askAgain = parts.clock.alarm(`the server of ${ident}`, scope, () => void this.#ask());
    scope.defer(() => this.#server?.forget());
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Opens or closes it; asks for the server's addresses when it closes, and when told to. Never rejects. */
  async apply(now: Circumstances, isServerAsked = false): Promise<void> {
    const isNew = now.isWanted !== this.#isClosed;
    this.#isClosed = now.isWanted;
    this.#last = now;
    if (!now.isWanted) {
      if (isNew) await this.open();
      return;
    }
    await this.#close(now);
    if (isNew || isServerAsked) await this.#ask();
  }

  /** Opens it for good. */
  open(): Promise<void> {
    this.#isClosed = false;
    this.#askAgain.set(undefined);
    this.#server?.forget();
    return this.#parts.killSwitches.open(this.#ident);
  }

  async #ask(): Promise<void> {
    const server = this.#server;
    const before = String(server?.addresses);
    await server?.learn(this.#last?.transport);
    // Meanwhile it may have been opened, or the tunnel may have come or gone.
    if (!this.#isClosed || this.#last === undefined) return;
    if (String(this.#server?.addresses) !== before) await this.#close(this.#last);
    if (this.#server?.isName === true) this.#askAgain.set(this.#parts.clock.now() + ASK_AGAIN_MS);
  }

  #close({ host, transport, tunnel }: Circumstances): Promise<void> {
    if (this.#server?.host !== host) {
      this.#server?.forget();
      this.#server = new ServerName(host, this.#parts.names, this.#scope);
    }
    const { addresses } = this.#server;
    return this.#parts.killSwitches.close(this.#ident, {
      servers: tunnel?.server === undefined ? addresses : [...addresses, tunnel.server],
      inquiries: this.#server.inquiries(transport),
      outside: transport?.inUse.ipv4,
      ifindex: tunnel?.ifindex,
    });
  }
}
