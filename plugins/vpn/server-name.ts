/**
 * The addresses of a VPN's server for its kill switch: told as one, or looked up by way of the transport while
 * nobody else may ask anything. Programs, the VPN's own among them, are answered with what was learnt.
 * Invariant: what was learnt stays until something else is.
 */

import { messageOf } from '../../src/shared/errors.ts';
import { logger } from '../../src/shared/log.ts';
import { parseIpAddress, type IpAddress } from '../../src/shared/ipaddress.ts';
import type { Core, Inquiry, Scope, Service } from '../../src/api.ts';

const log = logger('plugins/vpn/server-name.ts');

/** What it takes of the core. */
export type LookUp = Pick<Core['names'], 'inquiries' | 'resolve' | 'tell'>;

/** One VPN's server. */
export class ServerName {
  readonly host: string;
  /** Whether it has to be looked up. */
  readonly isName: boolean;
  readonly #names: LookUp;
  readonly #name: string;
  readonly #scope: Scope;
  #addresses: readonly IpAddress[];
  #learning: Promise<void> | undefined;
  /** By way of which that is. */
  #transport: Service | undefined;

  /** `host` as in the connection: a name or an address, perhaps with a scheme, a port and a path. */
  constructor(host: string, names: LookUp, scope: Scope) {
    this.host = host;
    this.#names = names;
    this.#name = hostOf(host);
    this.#scope = scope;
    const literal = parseIpAddress(this.#name);
    this.isName = literal === undefined && this.#name !== '';
    this.#addresses = literal === undefined ? [] : [literal];
  }

  /** As last learnt; itself where it is one. */
  get addresses(): readonly IpAddress[] {
    return this.#addresses;
  }

  /** Whom `learn` may ask by way of `transport`; nobody where the address is known by itself. */
  inquiries(transport: Service | undefined): readonly Inquiry[] {
    return transport === undefined || !this.isName ? [] : this.#names.inquiries(transport);
  }

  /** Asks by way of `transport`; one question there at a time, and a failure leaves what is known. Never rejects. */
  learn(transport: Service | undefined): Promise<void> {
    if (transport === undefined || !this.isName) return Promise.resolve();
    if (transport !== this.#transport) this.#learning = undefined;
    this.#transport = transport;
    this.#learning ??= this.#learn(transport).finally(() => {
      if (transport === this.#transport) this.#learning = undefined;
    });
    return this.#learning;
  }

  /** Programs are told nothing more. */
  forget(): void {
    if (this.isName) this.#names.tell(this.#name, []);
  }

  async #learn(transport: Service): Promise<void> {
    try {
      this.#addresses = await this.#names.resolve(this.#name, transport, this.#scope.signal);
      log.debug('%s is %s', this.#name, this.#addresses.join(' '));
    } catch (error) {
      if (this.#scope.isClosed) return;
      log.warn('%s', messageOf(error));
    }
    if (!this.#scope.isClosed) this.#names.tell(this.#name, this.#addresses);
  }
}

/** The host of `https://host:port/path`, of `host:port`, of `[address]:port`, and of an address. */
export function hostOf(text: string): string {
  const rest = text.replace(/^[a-z]+:\/\//i, '').replace(/\/.*$/, '');
  const bracketed = /^\[([^\]]*)\]/.exec(rest)?.[1];
  return bracketed ?? (parseIpAddress(rest) === undefined ? rest.replace(/:\d+$/, '') : rest);
}
