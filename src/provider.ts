/**
 * VPN connections as services: each is a device without hardware, with one network, whose interface
 * comes with its tunnel. Whoever speaks to the VPN daemon (plugins/vpn.ts) adds them.
 */

import { Device } from './device.ts';
import type { Network, NetworkControl } from './network.ts';
import type { Link } from './netlink/link/link.ts';
import type { Caller } from './shared/caller.ts';
import type { Scope } from './shared/scope.ts';
import type { Service } from './service/service.ts';
import type { Services } from './service/services.ts';
import { Tunnel, type ProviderFacts } from './tunnel.ts';

/** A VPN connection. */
export interface ProviderDescription {
  /** The service is `vpn_IDENT`. */
  readonly ident: string;
  readonly name: string;
  readonly facts: ProviderFacts;
  readonly control: NetworkControl;
}

/** A VPN connection that somebody wants made. */
export interface ProviderRequest {
  readonly strings: ReadonlyMap<string, string>;
  /** Routes into it, as in files: `NETWORK/MASK[/GATEWAY]`. */
  readonly networks: readonly string[];
  readonly isSplitRouting: boolean | undefined;
}

/** A VPN connection in the list of services. */
export interface Provider {
  readonly device: Device;
  readonly network: Network;
  readonly tunnel: Tunnel;
  readonly service: Service;
  /** The tunnel's interface; undefined when it is gone. */
  setLink(link: Link | undefined): void;
}

/** The key under which split routing is kept with the service, as in ConnMan. */
const SPLIT_ROUTING = 'SplitRouting';

/** The VPN connections of the daemon. */
export class Providers {
  readonly #services: Services;
  /** Removes a connection in the VPN daemon; undefined without one. Set by the plugin that knows it. */
  remove: ((ident: string) => Promise<void>) | undefined;
  /** Makes a connection in the VPN daemon and connects it; its ident. As `remove`. */
  connectNew: ((request: ProviderRequest, caller: Caller) => Promise<string>) | undefined;
  /** Has the VPN daemon read again what is stored. As `remove`. */
  #reload: (() => void) | undefined;
  /** Whether that waits for a daemon. */
  #isReloadDue = false;

  constructor(services: Services) {
    this.#services = services;
  }

  /** What is stored of connections is as others put it there: the VPN daemon takes it over once there is one. */
  reload(): void {
    this.#isReloadDue = this.#reload === undefined;
    this.#reload?.();
  }

  /** For the plugin that knows the VPN daemon; undefined without one. */
  set reloader(reload: (() => void) | undefined) {
    this.#reload = reload;
    if (reload !== undefined && this.#isReloadDue) this.reload();
  }

  /** Adds a connection, gone when `scope` closes; undefined where its service exists already. */
  add({ ident, name, facts, control }: ProviderDescription, scope: Scope): Provider | undefined {
    const tunnel = new Tunnel(facts);
    const device = new Device('vpn', NO_LINK, scope, { tunnel });
    this.#services.follow(device);
    device.setPowered(true);
    const network = device.addNetwork(
      { identifier: ident, group: ident, name, control, storedKeys: [SPLIT_ROUTING] }, scope,
    );
    const service = this.#services.get(`vpn_${ident}`);
    if (service?.network !== network) return undefined;
    if (service.storedKeys.get(SPLIT_ROUTING) === 'true') tunnel.setSplitRouting(true);
    tunnel.splitRoutingChanged.observe(scope, (isSplit) => service.store({ [SPLIT_ROUTING]: String(isSplit) }));
    return { device, network, tunnel, service, setLink: (link) => device.updateLink(link ?? NO_LINK) };
  }
}

/** A VPN's interface while it has none. */
const NO_LINK: Link = {
  ifindex: 0,
  name: '',
  hardwareType: 0xfffe, // ARPHRD_NONE
  flags: 0,
  isUp: false,
  hasCarrier: false,
  isRunning: false,
  hardwareAddress: new Uint8Array(),
  permanentAddress: undefined,
  mtu: 0,
  kind: undefined,
  parentIfindex: undefined,
  master: undefined,
  vlanId: undefined,
  operState: 'notPresent',
  physicalPortName: undefined,
  addrGenMode: undefined,
  statistics: undefined,
};
