/**
 * 6to4 (RFC 3056, RFC 3068): IPv6 in IPv4 packets for a link that has a public IPv4 address and no
 * IPv6 router. A tunnel of the kernel's (sit) with the address that follows from the IPv4 one, and the
 * relays' anycast address as its gateway. Only where main.conf wants it. Loaded when needed.
 */

import { isInner } from '../dns/answer-addresses.ts';
import type { Rtnetlink } from '../netlink/rtnetlink.ts';
import { Emitter, type Observable } from '../shared/emitter.ts';
import { IpAddress, type IpPrefix } from '../shared/ipaddress.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';
import type { Ipv6Configuration } from './configuration.ts';
import { is6to4, setupOf, type Ipv6Setup } from './ipv6-setup.ts';

const log = logger('src/ipconfig/six-to-four.ts');

/** ConnMan's names and numbers. */
const NAME = 'tun6to4';
const MTU = 1472;
const TTL = 64;

/** ::192.88.99.1, the relays (RFC 3068, 2.3). */
const RELAY = new IpAddress(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 192, 88, 99, 1));

type Kernel = Pick<Rtnetlink, 'link' | 'address' | 'mirror'>;

/** A tunnel that is being made, or is there; taken down with its scope, unless it is to stay. */
export class SixToFour {
  readonly #kernel: Kernel;
  readonly #changed = new Emitter<void>();
  #isKept = false;

  constructor(source: IpAddress, kernel: Kernel, scope: Scope) {
    this.#kernel = kernel;
    kernel.mirror.addressChanged.observe(scope, ({ before, after }) => {
      if ((after ?? before)?.ifindex === this.link?.ifindex) this.#changed.emit();
    });
    scope.defer(() => (this.#isKept ? undefined : this.#remove()));
    this.#make(source, scope).catch((error: unknown) => {
      if (!scope.isClosed) log.warn('%s cannot be made: %s', NAME, error);
    });
  }

  /** Emits when addresses of the tunnel are others. */
  get changed(): Observable<void> {
    return this.#changed;
  }

  /** The tunnel's interface, once it is there. */
  get link(): { readonly ifindex: number; readonly name: string } | undefined {
    return this.#kernel.mirror.linkByName(NAME);
  }

  /** How IPv6 is set up by way of it; undefined while its address cannot be used. */
  setup({ privacy }: Ipv6Configuration): Ipv6Setup | undefined {
    const { link } = this;
    if (link === undefined) return undefined;
    const setup = setupOf({
      configuration: { method: 'auto', privacy },
      addresses: this.#kernel.mirror.addressesOf(link.ifindex).filter(({ address }) => is6to4(address)),
      routers: undefined,
      lease: undefined,
      kernelGateway: RELAY,
    });
    return setup && { ...setup, link };
  }

  /** It stays when the scope closes. */
  keep(): void {
    this.#isKept = true;
  }

  async #make(source: IpAddress, scope: Scope): Promise<void> {
    const { link, address } = this.#kernel;
    const { signal } = scope;
    await this.#remove(); // an earlier daemon's
    const { ifindex } = await link.add({ kind: 'sit', name: NAME, local: source, ttl: TTL }, signal);
    await link.setMtu(ifindex, MTU, signal);
    await link.setUp(ifindex, signal);
    await address.add({ ifindex, ...addressOf(source) }, signal);
    log.info('%s: %s by way of %s', NAME, addressOf(source).address, source);
  }

  async #remove(): Promise<void> {
    const { link } = this;
    if (link !== undefined) await this.#kernel.link.remove(link.ifindex);
  }
}

/** Whether the world beyond can answer to an address. */
export function isSource(address: IpAddress): boolean {
  return address.family === 4 && !isInner(address);
}

/** 2002:AABB:CCDD::1 for the IPv4 address AA.BB.CC.DD (RFC 3056, 2). */
export function addressOf({ bytes }: IpAddress): IpPrefix {
  const address = new IpAddress(Uint8Array.of(0x20, 0x02, ...bytes, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1));
  return { address, prefixLength: 64 };
}
