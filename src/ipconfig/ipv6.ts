/**
 * One service's IPv6 addresses while it is connected: has the kernel make them as configured, or
 * sets the one that was written down, waits until nobody else on the link has them (RFC 4862, 5.4),
 * and says how the link is to be set up.
 * Invariant: `#told` is what was said last; it follows from the mirror and from what was heard.
 */

import { ROUTE_PROTOCOL, type Route } from '../netlink/route/route.ts';
import type { Address } from '../netlink/address/address.ts';
import type { Rtnetlink } from '../netlink/rtnetlink.ts';
import type { Clock } from '../shared/clock.ts';
import { Emitter, type Observable } from '../shared/emitter.ts';
import { ConnmanError, messageOf } from '../shared/errors.ts';
import { IpAddress } from '../shared/ipaddress.ts';
import { logger } from '../shared/log.ts';
import type { Random } from '../shared/random.ts';
import type { Scope } from '../shared/scope.ts';
import type { System } from '../system/system.ts';
import type { Autoconfiguration } from './autoconfiguration.ts';
import type { Ipv6Configuration, Ipv6Privacy } from './configuration.ts';
import { IDLE, isGlobal, type Ipv6Links, type Ipv6Parameters } from './ipv6-links.ts';
import { isSameSetup, setupOf, tellsHardwareAddress, type Ipv6Setup } from './ipv6-setup.ts';
import type { SixToFour } from './six-to-four.ts';
import type { AddressSession, SessionEvent, StopMode } from './session.ts';

export type { Ipv6Setup } from './ipv6-setup.ts';

const log = logger('src/ipconfig/ipv6.ts');

/** What a session takes from outside. */
export interface Ipv6Env {
  readonly kernel: Rtnetlink;
  readonly system: System;
  readonly clock: Clock;
  readonly random: Random;
  readonly ipv6Links: Ipv6Links;
}

/** What is kept of IPv6 from one connection to the next. */
export interface Ipv6Memory {
  /** The host's DUID as this service's servers know it. */
  readonly duid: Uint8Array | undefined;
  /** A DHCPv6 lease as entries of a key file. */
  readonly lease: ReadonlyMap<string, string> | undefined;
  /** Of stable addresses (RFC 7217). */
  readonly stableSecret: IpAddress | undefined;
}

/** The interface and how it shall be configured. */
export interface Ipv6Target {
  readonly ifindex: number;
  readonly interfaceName: string;
  readonly hardwareAddress: Uint8Array;
  /** Of any method but `off`. */
  readonly configuration: Ipv6Configuration;
  readonly hostname: string | undefined;
  /** Whether no default route may lead through it, the kernel's own included. */
  isNeverDefault(this: void): boolean;
  /** The IPv4 address of the service while it has one, if tunnels are wanted (Enable6to4). */
  tunnelSource(): IpAddress | undefined;
  /** Whether prefixes are to be asked for (RFC 8415, 6.3). */
  readonly prefixWish: { readonly isWanted: boolean; readonly changed: Observable<void> };
  /** As it is now. */
  memory(): Ipv6Memory;
  /** Keeps what is another now. */
  remember(change: Partial<Ipv6Memory>): void;
}

/** A running IPv6 configuration. */
export class Ipv6Session implements AddressSession<Ipv6Setup> {
  readonly #target: Ipv6Target;
  readonly #env: Ipv6Env;
  readonly #scope: Scope;
  readonly #events = new Emitter<SessionEvent<Ipv6Setup>>();
  #autoconfiguration: Autoconfiguration | undefined;
  #isLooking = false;
  #tunnel: { readonly sixToFour: SixToFour; readonly scope: Scope } | undefined;
  #isTunnelUseless = false;
  #isNeverDefault = false;
  #told: Ipv6Setup | undefined;

  /** Nothing happens before `start`. */
  constructor(target: Ipv6Target, env: Ipv6Env, scope: Scope) {
    this.#target = target;
    this.#env = env;
    this.#scope = scope.child();
  }

  get events(): Observable<SessionEvent<Ipv6Setup>> {
    return this.#events;
  }

  /** Begins, once what another session has left behind is gone. */
  start(): void {
    void this.#env.ipv6Links.take(this.#target.ifindex).then(() => {
      if (!this.#scope.isClosed) this.#begin();
    });
  }

  wake(): void {
    this.#autoconfiguration?.wake();
  }

  reapply(): void {
    const { interfaceName, configuration } = this.#target;
    if (this.#told === undefined) return;
    this.#env.ipv6Links.set(interfaceName, parametersFor(configuration));
    this.updateDefault();
    if (configuration.method !== 'auto') this.#setStatic(configuration);
    this.#autoconfiguration?.reapply();
  }

  updateDefault(): void {
    const { ifindex, interfaceName, isNeverDefault } = this.#target;
    const before = this.#isNeverDefault;
    this.#isNeverDefault = isNeverDefault();
    this.#env.ipv6Links.set(interfaceName, { accept_ra_defrtr: this.#isNeverDefault ? 0 : 1 });
    if (this.#isNeverDefault) this.#env.ipv6Links.removeAdvertisedDefaults(ifindex);
    else if (before) this.#autoconfiguration?.wake(); // with the next advertisement the kernel has its route again
  }

  /** ConnMan's rule: a tunnel through which the status page cannot be had goes, until the next connection. */
  noteFailedCheck(): void {
    if (this.#tunnel === undefined) return;
    log.info('%s: 6to4 leads nowhere', this.#target.interfaceName);
    this.#isTunnelUseless = true;
    this.#leaveTunnel();
  }

  /** Ends; what the kernel shall do is asked of it before this returns, in order. */
  async stop(mode: StopMode): Promise<void> {
    const { ifindex, interfaceName, configuration } = this.#target;
    const found = this.#autoconfiguration;
    if (mode !== 'keep') this.#env.ipv6Links.set(interfaceName, IDLE);
    found?.stop({ release: mode === 'release' });
    if (mode === 'keep') this.#tunnel?.sixToFour.keep();
    if (mode === 'release') this.#target.remember({ lease: undefined });
    const closed = this.#scope.close();
    if (mode !== 'keep') {
      const isOwn = ({ address }: Address): boolean =>
        address.equals(configuration.address) || found?.isLeased(address) === true;
      await this.#env.ipv6Links.clear(ifindex, isOwn);
    }
    await closed;
  }

  #begin(): void {
    const { ifindex, interfaceName, configuration } = this.#target;
    const { kernel, ipv6Links } = this.#env;
    ipv6Links.setStablePrivacy(interfaceName, this.#stableSecret());
    this.updateDefault();
    ipv6Links.set(interfaceName, parametersFor(configuration));
    for (const each of kernel.mirror.addressesOf(ifindex)) this.#removeIfUnwanted(each);
    kernel.mirror.addressChangedOn(ifindex).observe(this.#scope, ({ after }) => {
      if (after !== undefined) this.#removeIfUnwanted(after);
      this.#checkStatic(after);
      this.#look();
      this.#update();
    });
    kernel.mirror.routeChangedOn(ifindex).observe(this.#scope, () => {
      if (this.#isNeverDefault) ipv6Links.removeAdvertisedDefaults(ifindex);
      this.#update();
    });
    this.#target.prefixWish.changed.observe(this.#scope, () => this.#autoconfiguration?.updateWishes());
    if (configuration.method !== 'auto') this.#setStatic(configuration);
    this.#look();
    this.#update();
  }

  // Routers answer a link-local address; without one on its way there is nothing to ask from.
  #look(): void {
    const { ifindex, configuration } = this.#target;
    const isSufficient = configuration.method !== 'auto' && configuration.gateway !== undefined;
    const isUsable = (each: Address): boolean =>
      each.address.family === 6 && each.address.isLinkLocal && !each.isTentative && !each.isDuplicate
      && !this.#isUnwanted(each);
    if (this.#isLooking || isSufficient || !this.#env.kernel.mirror.addressesOf(ifindex).some(isUsable)) return;
    this.#isLooking = true;
    void import('./autoconfiguration.ts').then(({ Autoconfiguration }) => {
      if (this.#scope.isClosed) return;
      const found = new Autoconfiguration(this.#target, this.#env, this.#scope);
      this.#autoconfiguration = found;
      found.changed.observe(this.#scope, () => this.#update());
      found.silent.observe(this.#scope, () => void this.#takeTunnel());
    });
  }

  // No router answers: IPv6 by way of IPv4, where that is wanted and public (RFC 3056).
  async #takeTunnel(): Promise<void> {
    const source = this.#target.tunnelSource();
    if (source === undefined || this.#isTunnelUseless || this.#tunnel !== undefined || this.#told !== undefined) return;
    const { SixToFour, isSource } = await import('./six-to-four.ts');
    if (this.#scope.isClosed || !isSource(source)) return;
    const scope = this.#scope.child();
    const sixToFour = new SixToFour(source, this.#env.kernel, scope);
    this.#tunnel = { sixToFour, scope };
    sixToFour.changed.observe(scope, () => this.#update());
    this.#env.kernel.mirror.addressChanged.observe(scope, ({ before, after }) => {
      if (after === undefined && before?.address.equals(source) === true) this.#leaveTunnel();
    });
  }

  #leaveTunnel(): void {
    void this.#tunnel?.scope.close();
    this.#tunnel = undefined;
    this.#update();
  }

  #update(): void {
    const { ifindex, configuration } = this.#target;
    const own = setupOf({
      configuration,
      addresses: this.#env.kernel.mirror.addressesOf(ifindex).filter((each) => !this.#isUnwanted(each)),
      routers: this.#autoconfiguration?.routers,
      lease: this.#autoconfiguration?.lease,
      kernelGateway: this.#kernelGateway(),
    });
    if (own !== undefined && this.#tunnel !== undefined) return this.#leaveTunnel();
    const setup = own ?? this.#tunnel?.sixToFour.setup(configuration);
    const isSame = isSameSetup(this.#told, setup);
    const isProlonged = isSame && setup !== undefined && setup.lease !== this.#told?.lease;
    this.#told = setup;
    if (isProlonged) this.#events.emit({ kind: 'prolonged', setup });
    if (isSame) return;
    this.#events.emit(setup === undefined ? { kind: 'lost' } : { kind: 'configured', setup });
  }

  /** The router that the kernel has heard of before us, if it still counts. */
  #kernelGateway(): IpAddress | undefined {
    const isAdvertised = ({ protocol, destination }: Route): boolean =>
      protocol === ROUTE_PROTOCOL.ra && destination === undefined;
    return this.#env.kernel.mirror.routesOf(this.#target.ifindex).find(isAdvertised)?.gateway;
  }

  #setStatic({ address, prefixLength = 128 }: Ipv6Configuration): void {
    const { ifindex } = this.#target;
    if (address === undefined) {
      const error = new ConnmanError('InvalidArguments', 'no IPv6 address is configured');
      this.#events.emit({ kind: 'failed', error });
      return;
    }
    this.#env.kernel.address.add({ ifindex, address, prefixLength }, this.#scope.signal).catch((error: unknown) => {
      if (this.#scope.isClosed) return;
      const text = `address ${address}/${prefixLength} is refused: ${messageOf(error)}`;
      this.#events.emit({ kind: 'failed', error: new ConnmanError('Failed', text, { cause: error }) });
    });
  }

  #checkStatic(after: Address | undefined): void {
    const { address } = this.#target.configuration;
    if (after?.isDuplicate !== true || !after.address.equals(address)) return;
    const error = new ConnmanError('Failed', `another host has the address ${after.address}`);
    this.#events.emit({ kind: 'failed', error });
  }

  /** What the kernel made under other instructions would stay to its end. */
  #removeIfUnwanted(address: Address): void {
    if (!this.#isUnwanted(address)) return;
    const { interfaceName } = this.#target;
    log.debug('%s: %s is not wanted', interfaceName, address.address);
    this.#env.kernel.address.remove(address).catch((error: unknown) => {
      log.debug('%s: %s was gone: %s', interfaceName, address.address, messageOf(error));
    });
  }

  #isUnwanted(address: Address): boolean {
    const { hardwareAddress, configuration: { method, privacy } } = this.#target;
    if (address.address.family !== 6) return false;
    if (privacy === 'disabled' && address.isTemporary) return true;
    if (method !== 'auto') return isGlobal(address) && !address.isPermanent;
    const isMade = address.address.isLinkLocal || !address.isPermanent;
    return privacy !== 'disabled' && isMade && tellsHardwareAddress(address.address, hardwareAddress);
  }

  /** Made when first needed: whoever wants privacy does not tell the hardware address either (RFC 8064). */
  #stableSecret(): IpAddress | undefined {
    const { random } = this.#env;
    if (this.#target.configuration.privacy === 'disabled') return undefined;
    const known = this.#target.memory().stableSecret;
    if (known !== undefined) return known;
    const stableSecret = new IpAddress(Uint8Array.from({ length: 16 }, () => random.u32() & 0xff));
    this.#target.remember({ stableSecret });
    return stableSecret;
  }
}

const TEMPORARY_ADDRESSES: Readonly<Record<Ipv6Privacy, number>> = { disabled: 0, enabled: 1, prefered: 2 };

/** Routers are heeded also where the host forwards packets, as while tethering (accept_ra 2). */
function parametersFor({ method, gateway, privacy }: Ipv6Configuration): Ipv6Parameters {
  const isAuto = method === 'auto';
  return {
    accept_ra: isAuto || gateway === undefined ? 2 : 0,
    autoconf: isAuto ? 1 : 0,
    router_solicitations: 0, // we ask, or nobody need
    use_tempaddr: TEMPORARY_ADDRESSES[privacy],
    disable_ipv6: 0,
  };
}
