/**
 * An IPv4 link-local address (RFC 3927) for one Ethernet link: candidates one after the other, each
 * put to the conflict detection of RFC 5227, until one is free; a new one when that is lost.
 * Invariant: the candidates of a hardware address are always the same, so a host keeps its address
 * from one start to the next as far as its neighbours let it (RFC 3927, 2.1).
 */

import { Emitter, type Observable } from '../shared/emitter.ts';
import { IpAddress } from '../shared/ipaddress.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';
import { type AcdEvent, startAcd } from './acd.ts';
import type { LinkEnv } from './driver.ts';

const log = logger('src/dhcp/ipv4ll.ts');

/** The prefix of every link-local address. */
export const IPV4LL_PREFIX_LENGTH = 16;

/** Where an address is wanted. */
export interface Ipv4llOptions {
  /** An Ethernet link that is up. */
  readonly ifindex: number;
  readonly hardwareAddress: Uint8Array;
  /** Tried first when it is a link-local address. */
  readonly lastAddress?: IpAddress;
  /** `lastAddress` is set on the link already: it is `bound` at once, announced and defended. */
  readonly isInUse?: boolean;
}

/** What happens to the address. */
export type Ipv4llEvent =
  /** It is free: set it, with prefix length 16, and use it. */
  | { readonly kind: 'bound'; readonly address: IpAddress }
  /** Another host insists on it: take it off. Another `bound` follows. */
  | { readonly kind: 'lost' };

/** A search for a link-local address; it ends with its scope, silently. */
export interface Ipv4ll {
  /** Never emits during `startIpv4ll`. */
  readonly events: Observable<Ipv4llEvent>;
  /** The address in force. */
  readonly address: IpAddress | undefined;
}

/** Finds a link-local address and defends it until `scope` closes. Throws nothing. */
export function startIpv4ll(options: Ipv4llOptions, env: LinkEnv, scope: Scope): Ipv4ll {
  return new Search(options, env, scope);
}

/** Candidate number `attempt` of a hardware address, in 169.254.1.0 to 169.254.254.255. */
export function linkLocalCandidate(hardwareAddress: Uint8Array, attempt: number): IpAddress {
  // FNV-1a, finished so that its low bits depend on all of it: any well spread hash will do.
  let hash = 0x811c9dc5;
  for (const byte of [...hardwareAddress, attempt & 0xff, (attempt >> 8) & 0xff]) {
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  const host = 0x0100 + ((hash ^ (hash >>> 13)) >>> 0) % (0xff00 - 0x0100);
  return new IpAddress(Uint8Array.of(169, 254, host >> 8, host & 0xff));
}

class Search implements Ipv4ll {
  readonly events = new Emitter<Ipv4llEvent>();
  readonly #options: Ipv4llOptions;
  readonly #env: LinkEnv;
  readonly #scope: Scope;
  #attempts = 0;
  #conflicts = 0;
  #address: IpAddress | undefined;

  constructor(options: Ipv4llOptions, env: LinkEnv, scope: Scope) {
    this.#options = options;
    this.#env = env;
    this.#scope = scope;
    const { lastAddress, isInUse = false } = options;
    if (lastAddress !== undefined && isCandidate(lastAddress)) this.#try(lastAddress, isInUse);
    else this.#tryNext();
  }

  get address(): IpAddress | undefined {
    return this.#address;
  }

  #tryNext(): void {
    this.#try(linkLocalCandidate(this.#options.hardwareAddress, this.#attempts++), false);
  }

  #try(address: IpAddress, isInUse: boolean): void {
    const { ifindex, hardwareAddress } = this.#options;
    const own = this.#scope.child();
    const acd = startAcd({ ifindex, hardwareAddress, address, isInUse, conflicts: this.#conflicts }, this.#env, own);
    acd.events.observe(own, (event) => this.#observe(event, address, own));
  }

  #observe(event: AcdEvent, address: IpAddress, own: Scope): void {
    log.debug('IPv4LL index %d: %s %s', this.#options.ifindex, address, event.kind);
    switch (event.kind) {
      case 'free':
        this.#address = address;
        this.#conflicts = 0;
        this.events.emit({ kind: 'bound', address });
        return;
      case 'defended': return;
      case 'conflict':
        this.#conflicts++;
        void own.close();
        this.#tryNext();
        return;
      case 'lost':
        this.#address = undefined;
        this.#conflicts++;
        void own.close();
        this.#tryNext();
        this.events.emit({ kind: 'lost' });
    }
  }
}

/** RFC 3927, 2.1: the first and the last 256 addresses are reserved. */
function isCandidate(address: IpAddress): boolean {
  const [, , third = 0] = address.bytes;
  return address.family === 4 && address.isLinkLocal && third !== 0 && third !== 255;
}
