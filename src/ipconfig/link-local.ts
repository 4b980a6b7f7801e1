/**
 * The link-local address of one IPv4 session (RFC 3927), beside another address or in its place:
 * found, defended and kept on the interface with scope link, so that the kernel takes it as a source
 * for nothing beyond the link (RFC 3927, 2.7). Invariant: `address` is what is on the interface.
 */

import { IPV4LL_PREFIX_LENGTH, startIpv4ll } from '../dhcp/ipv4ll.ts';
import type { LinkEnv } from '../dhcp/driver.ts';
import type { Rtnetlink } from '../netlink/rtnetlink.ts';
import { ConnmanError, messageOf } from '../shared/errors.ts';
import type { IpAddress } from '../shared/ipaddress.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';

const log = logger('src/ipconfig/link-local.ts');

/** Where an address is wanted. */
export interface LinkLocalTarget {
  readonly ifindex: number;
  readonly interfaceName: string;
  readonly hardwareAddress: Uint8Array;
}

/** What is taken from outside. */
export interface LinkLocalEnv extends LinkEnv {
  readonly kernel: Rtnetlink;
}

/** What happens to the address. */
export type LinkLocalEvent =
  /** It is on the interface. */
  | { readonly kind: 'set' }
  /** Another host insists on it: it is off the interface, and another one is looked for. */
  | { readonly kind: 'lost' }
  /** The kernel refuses it. */
  | { readonly kind: 'failed'; readonly error: ConnmanError };

/** At most one link-local address. */
export class LinkLocal {
  readonly #target: LinkLocalTarget;
  readonly #env: LinkLocalEnv;
  readonly #scope: Scope;
  readonly #onEvent: (event: LinkLocalEvent) => void;
  #search: Scope | undefined;
  #address: IpAddress | undefined;

  /** Nothing happens before `start`; the search ends with `scope`, the address stays. */
  constructor(
    target: LinkLocalTarget,
    env: LinkLocalEnv,
    scope: Scope,
    onEvent: (event: LinkLocalEvent) => void,
  ) {
    this.#target = target;
    this.#env = env;
    this.#scope = scope;
    this.#onEvent = onEvent;
  }

  get address(): IpAddress | undefined {
    return this.#address;
  }

  /** Looks for an address, unless that is under way or done. One that an earlier daemon left is taken over. */
  start(): void {
    if (this.#search !== undefined) return;
    const { ifindex, hardwareAddress } = this.#target;
    const search = this.#scope.child();
    this.#search = search;
    const known = this.#env.kernel.mirror.addressesOf(ifindex)
      .find(({ address }) => address.family === 4 && address.isLinkLocal)?.address;
    const options = { ifindex, hardwareAddress, ...(known !== undefined && { lastAddress: known, isInUse: true }) };
    startIpv4ll(options, this.#env, search).events.observe(search, (event) => {
      if (event.kind === 'bound') return void this.#set(event.address, search);
      void this.#remove();
      this.#onEvent({ kind: 'lost' });
    });
  }

  /** Puts the address on the interface again, whatever others did to it. */
  reapply(): void {
    if (this.#address !== undefined && this.#search !== undefined) void this.#set(this.#address, this.#search);
  }

  /** Gives the address up; what the kernel shall do is asked of it before this returns. */
  async stop(): Promise<void> {
    void this.#search?.close();
    this.#search = undefined;
    await this.#remove();
  }

  async #set(address: IpAddress, search: Scope): Promise<void> {
    const { ifindex } = this.#target;
    this.#address = address;
    const broadcast = address.broadcast(IPV4LL_PREFIX_LENGTH);
    try {
      await this.#env.kernel.address.add(
        { ifindex, address, prefixLength: IPV4LL_PREFIX_LENGTH, broadcast, scope: 'link' }, search.signal,
      );
      if (!search.isClosed) this.#onEvent({ kind: 'set' });
    } catch (error) {
      if (search.isClosed) return;
      this.#address = undefined;
      const text = `address ${address}/${IPV4LL_PREFIX_LENGTH} is refused`;
      this.#onEvent({ kind: 'failed', error: new ConnmanError('Failed', text, { cause: error }) });
    }
  }

  async #remove(): Promise<void> {
    const { ifindex, interfaceName } = this.#target;
    const address = this.#address;
    this.#address = undefined;
    if (address === undefined) return;
    try {
      await this.#env.kernel.address.remove({ ifindex, address, prefixLength: IPV4LL_PREFIX_LENGTH });
    } catch (error) {
      log.debug('%s: %s was gone: %s', interfaceName, address, messageOf(error));
    }
  }
}
