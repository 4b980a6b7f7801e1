/**
 * Wi-Fi Direct of one interface in wpa_supplicant's care: what may be asked of it, in our terms.
 */

import type { Core, PeerMethod, PeerService } from '../../../src/api.ts';
import type { Proxy } from '../../../src/dbus/interface.ts';
import { propertiesInterface } from '../../../src/dbus/interfaces/freedesktop.ts';
import { supplicantInterface, supplicantLinkInterface, supplicantWpsInterface,
} from '../../../src/dbus/interfaces/wpa-supplicant.ts';
import { supplicantP2pInterface, supplicantPeerInterface } from '../../../src/dbus/interfaces/wpa-supplicant-p2p.ts';
import { variant, type Variant } from '../../../src/dbus/signature.ts';
import { messageOf } from '../../../src/shared/errors.ts';
import { logger } from '../../../src/shared/log.ts';
import type { Properties } from '../bss.ts';

const log = logger('plugins/wifi/p2p/p2p-link.ts');

const SUPPLICANT = 'fi.w1.wpa_supplicant1';
const ROOT = '/fi/w1/wpa_supplicant1';
/** How devices prove themselves that have a screen or a keyboard, if only that of a program. */
const CONFIG_METHODS = 'push_button display keypad';
/** Whoever is to be found listens so long, so often. */
const LISTEN = { periodMs: 500, intervalMs: 2000 } as const;

/** How a connection is asked for. */
export interface ConnectArguments {
  readonly peer: string;
  readonly method: PeerMethod;
  /** The peer shows the PIN and we type it; else it types ours. */
  readonly isPinTyped: boolean;
  /** It owns a group already. */
  readonly isJoined: boolean;
  /** Where that group is. Where 0, the supplicant looks for it where it last met the peer, and there alone. */
  readonly frequencyMhz: number;
  /** 0 to 15: how much we want to be the owner. */
  readonly ownerIntent: number;
}

/** The interface's Wi-Fi Direct. */
export class P2pLink {
  readonly path: string;
  readonly #bus: Core['bus'];
  readonly #proxy: Proxy<typeof supplicantP2pInterface>;

  constructor(bus: Core['bus'], path: string) {
    this.path = path;
    this.#bus = bus;
    this.#proxy = bus.proxy(supplicantP2pInterface, SUPPLICANT, path);
  }

  /** Says who we are. Rejects with DBusError. */
  async introduce(name: string, deviceType: Uint8Array): Promise<void> {
    const config = new Map([['DeviceName', variant('s', name)], ['PrimaryDeviceType', variant('ay', deviceType)]]);
    await this.#set(supplicantP2pInterface.name, 'P2PDeviceConfig', variant('a{sv}', config));
    await this.#set(supplicantWpsInterface.name, 'ConfigMethods', variant('s', CONFIG_METHODS));
  }

  /** Looks for peers until `stopFind`. Rejects with DBusError. */
  find(): Promise<void> {
    return this.#proxy.Find({ args: new Map() });
  }

  /** Never rejects. */
  async stopFind(): Promise<void> {
    await this.#proxy.StopFind().catch(ignore);
  }

  /** Lets others find us, or no more. Never rejects. */
  async listen(isOn: boolean): Promise<void> {
    const { periodMs, intervalMs } = LISTEN;
    const args = new Map([
      ['period', variant('i', isOn ? periodMs : 0)], ['interval', variant('i', isOn ? intervalMs : 0)],
    ]);
    await this.#proxy.ExtendedListen({ args }).catch(ignore);
  }

  /** Begins to connect; signals say what becomes of it. Rejects with DBusError. */
  async connect(request: ConnectArguments): Promise<void> {
    const { peer, method, isPinTyped, isJoined, frequencyMhz, ownerIntent } = request;
    const wpsMethod = method.kind === 'push-button' ? 'pbc' : isPinTyped ? 'keypad' : 'pin';
    await this.#proxy.Connect({
      args: new Map([
        ['peer', variant('o', peer)],
        ['wps_method', variant('s', wpsMethod)],
        ...(method.kind === 'pin' ? [['pin', variant('s', method.pin)] as const] : []),
        ...(isJoined ? [['join', variant('b', true)] as const] : [['go_intent', variant('i', ownerIntent)] as const]),
        ...(frequencyMhz > 0 ? [['frequency', variant('i', frequencyMhz)] as const] : []),
      ]),
    });
  }

  /** Gives up what was begun. Never rejects. */
  async cancel(): Promise<void> {
    await this.#proxy.Cancel().catch(ignore);
  }

  /** Leaves a group, by the interface that leads to it. Never rejects. */
  async leave(group: string): Promise<void> {
    await this.#bus.proxy(supplicantP2pInterface, SUPPLICANT, group).Disconnect().catch(ignore);
  }

  /** Rejects with DBusError. */
  addService(service: PeerService): Promise<void> {
    return this.#proxy.AddService({ args: serviceArguments(service) });
  }

  /** Never rejects. */
  async removeService(service: PeerService): Promise<void> {
    // What answered a query is no argument here: with it nothing would be taken back.
    const args = new Map([...serviceArguments(service)].filter(([key]) => key !== 'response'));
    await this.#proxy.DeleteService({ args }).catch(ignore);
  }

  /** Takes back all services of all interfaces, those of a daemon before us included. Never rejects. */
  async removeServices(): Promise<void> {
    await this.#proxy.FlushService().catch(ignore);
  }

  /** All that is known of a peer. Rejects with DBusError. */
  properties(peer: string): Promise<Properties> {
    return this.#properties(peer).GetAll({ interface_name: supplicantPeerInterface.name });
  }

  /** The network interface of a group. Rejects with DBusError. */
  async interfaceName(group: string): Promise<string> {
    const wanted = { interface_name: supplicantLinkInterface.name, property_name: 'Ifname' };
    const name = await this.#properties(group).Get(wanted);
    return name.as('s') ?? '';
  }

  async #set(interfaceName: string, name: string, value: Variant): Promise<void> {
    await this.#properties(this.path).Set({ interface_name: interfaceName, property_name: name, value });
  }

  #properties(path: string): Proxy<typeof propertiesInterface> {
    return this.#bus.proxy(propertiesInterface, SUPPLICANT, path);
  }
}

/** Announces Wi-Fi Display elements on all radios; none where they are empty. Rejects with DBusError. */
export async function setDisplayElements(bus: Core['bus'], elements: Uint8Array): Promise<void> {
  const property = { interface_name: supplicantInterface.name, property_name: 'WFDIEs' };
  await bus.proxy(propertiesInterface, SUPPLICANT, ROOT).Set({ ...property, value: variant('ay', elements) });
}

function serviceArguments(service: PeerService): Properties {
  switch (service.kind) {
    case 'bonjour':
      return new Map([
        ['service_type', variant('s', 'bonjour')],
        ['query', variant('ay', service.query)],
        ['response', variant('ay', service.response)],
      ]);
    case 'upnp':
      return new Map([
        ['service_type', variant('s', 'upnp')],
        ['version', variant('i', service.version)],
        ['service', variant('s', service.service)],
      ]);
    case 'display':
      return new Map();
  }
}

function ignore(error: unknown): void {
  log.debug('%s', messageOf(error));
}
