/**
 * One connection's kill switch: closed while the connection is wanted, with ways to the addresses of its server
 * and, where that has a name, to those who know it. Invariant: it closes before anybody is asked.
 */

import type { Scope, Service } from '../../src/api.ts';
import type { IpAddress } from '../../src/shared/ipaddress.ts';
import type { KillSwitches } from './kill-switch.ts';
import { ServerName, type LookUp } from './server-name.ts';

/** How things are with the connection. */
export interface Circumstances {
  readonly isWanted: boolean;
  readonly host: string;
  /** What reaches the server. */
  readonly transport: Service | undefined;
  /** While the tunnel is up. */
  readonly tunnel: { readonly server: IpAddress | undefined; readonly ifindex: number } | undefined;
}

/** See above. */
export class ConnectionSwitch {
  readonly #ident: string;
  readonly #names: LookUp;
  readonly #all: KillSwitches;
  readonly #scope: Scope;
  #server: ServerName | undefined;
  #isClosed = false;
  #last: Circumstances | undefined;

  /** What programs are told of the server's name ends with `scope`; what is closed stays. */
  constructor(ident: string, names: LookUp, all: KillSwitches, scope: Scope) {
    this.#ident = ident;
    this.#names = names;
    this.#all = all;
    this.#scope = scope;
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
    if (!isNew && !isServerAsked) return;
    await this.#server?.learn(now.transport);
    // The tunnel may have come or gone meanwhile.
    if (this.#isClosed && this.#last !== undefined) await this.#close(this.#last);
  }

  /** Opens it for good. */
  open(): Promise<void> {
    this.#isClosed = false;
    this.#server?.forget();
    return this.#all.open(this.#ident);
  }

  #close({ host, transport, tunnel }: Circumstances): Promise<void> {
    if (this.#server?.host !== host) {
      this.#server?.forget();
      this.#server = new ServerName(host, this.#names, this.#scope);
    }
    const { addresses } = this.#server;
    return this.#all.close(this.#ident, {
      servers: tunnel?.server === undefined ? addresses : [...addresses, tunnel.server],
      inquiries: this.#server.inquiries(transport),
      ifindex: tunnel?.ifindex,
    });
  }
}
