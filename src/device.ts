/**
 * A device: one network interface that a driver has taken charge of. The driver enables and
 * disables it and announces its networks; the technology decides when.
 */

import { Emitter, type Observable } from './shared/emitter.ts';
import { formatHex } from './shared/bytes.ts';
import type { Scope } from './shared/scope.ts';
import { logger } from './shared/log.ts';
import type { Link } from './netlink/link/link.ts';
import { Network, type NetworkAppearance, type NetworkDescription } from './network.ts';
import type { Tether } from './tethering/request.ts';
import type { Tunnel } from './tunnel.ts';
import type { TechnologyType } from './types.ts';

const log = logger('src/device.ts');

/** A driver's side of one device. */
export interface DeviceControl {
  /** Powers the device; resolves when it is usable. Rejects with ConnmanError. */
  enable(signal: AbortSignal): Promise<void>;
  /** Powers it down. */
  disable(signal: AbortSignal): Promise<void>;
  /** Looks for networks; resolves when the results are in. Absent where there is nothing to scan. */
  scan?(signal: AbortSignal): Promise<void>;
  /** Shares this machine's connection with who comes to the device. Absent where nobody can. */
  readonly tether?: Tether;
  /** Frequencies in MHz on which an access point may be, ascending. Absent where there are none. */
  accessPointFrequencies?(): Promise<readonly number[]>;
  /** Tells the radio where it is, ISO 3166 alpha-2. Rejects where the driver does not take it. */
  setCountry?(country: string): Promise<void>;
}

/** One interface under management. */
export class Device {
  readonly type: TechnologyType | 'vpn';
  /** The middle part of service identifiers: the hardware address burned in, in lower-case digits; empty for a VPN. */
  readonly ident: string;
  readonly #linkChanged = new Emitter<{ before: Link; after: Link }>();
  readonly #networkAppeared = new Emitter<NetworkAppearance>();
  readonly #aboutToDisable = new Emitter<void>();
  readonly #poweredChanged = new Emitter<boolean>();
  readonly #networks = new Set<Network>();
  readonly #scope: Scope;
  #link: Link;
  #isPowered = false;
  #isDisabling = false;

  /** Of a VPN. */
  readonly tunnel: Tunnel | undefined;

  /** `identity` is the hardware address it is known by. */
  // oxlint-disable-next-line max-params -- one of the two last at most
  constructor(
    type: TechnologyType | 'vpn', link: Link, scope: Scope,
    { tunnel, identity = link.hardwareAddress }: { readonly tunnel?: Tunnel; readonly identity?: Uint8Array } = {},
  ) {
    this.type = type;
    this.tunnel = tunnel;
    this.ident = formatHex(identity);
    this.#link = link;
    this.#scope = scope;
  }

  /** Changes only for a VPN, whose interface is made for each tunnel. */
  get ifindex(): number {
    return this.#link.ifindex;
  }

  /** Whether a VPN's tunnel has addresses of both families. */
  get hasBothFamilies(): boolean {
    const families = this.tunnel?.setup?.addresses.map(({ address }) => address.family) ?? [];
    return families.includes(4) && families.includes(6);
  }

  /** The interface as the kernel last told. */
  get link(): Link {
    return this.#link;
  }

  /** The interface's name now; interfaces can be renamed. */
  get interfaceName(): string {
    return this.#link.name;
  }

  get isPowered(): boolean {
    return this.#isPowered;
  }

  /** Whether it is powered and stays so: false from the moment it is about to be powered down. */
  get isUsable(): boolean {
    return this.#isPowered && !this.#isDisabling;
  }

  get networks(): ReadonlySet<Network> {
    return this.#networks;
  }

  get linkChanged(): Observable<{ before: Link; after: Link }> {
    return this.#linkChanged;
  }

  /** Emits every network the driver finds. */
  get networkAppeared(): Observable<NetworkAppearance> {
    return this.#networkAppeared;
  }

  /** Emits before the driver powers the device down, so that services can take their leave. */
  get aboutToDisable(): Observable<void> {
    return this.#aboutToDisable;
  }

  /** For the technology; undone by `setPowered`. */
  announceDisable(): void {
    this.#isDisabling = true;
    this.#aboutToDisable.emit();
  }

  /** For drivers: announces a network, gone when `scope` closes. */
  addNetwork(description: NetworkDescription, scope: Scope): Network {
    const network = new Network(this, description);
    this.#networks.add(network);
    scope.defer(() => {
      log.debug('%s: network %s is gone', this.interfaceName, network.identifier);
      this.#networks.delete(network);
    });
    log.debug('%s: network %s', this.interfaceName, network.identifier);
    this.#networkAppeared.emit({ network, scope });
    return network;
  }

  /** For the core: the kernel told something new of the link. */
  updateLink(after: Link): void {
    const before = this.#link;
    this.#link = after;
    this.#linkChanged.emit({ before, after });
  }

  /** Emits when the device is on or off, after its technology has told so. */
  get poweredChanged(): Observable<boolean> {
    return this.#poweredChanged;
  }

  /** For the technology: notes what the driver reported. */
  setPowered(isPowered: boolean): void {
    this.#isPowered = isPowered;
    this.#isDisabling = false;
    this.#poweredChanged.emit(isPowered);
  }

  /** A scope that closes when the device goes. */
  get scope(): Scope {
    return this.#scope;
  }
}
