/**
 * Wi-Fi Direct of one life of wpa_supplicant: the technology is there with the first radio that can
 * do it, and powered while a user wants it and a radio is. What users announce to peers is told to
 * every radio.
 */

import type { Core, Device, PeerService, Scope } from '../../../src/api.ts';
import { hostname1Interface } from '../../../src/dbus/interfaces/hostname1.ts';
import { propertiesInterface } from '../../../src/dbus/interfaces/freedesktop.ts';
import { ConnmanError, messageOf } from '../../../src/shared/errors.ts';
import { logger } from '../../../src/shared/log.ts';
import type { SupplicantLink } from '../supplicant-link.ts';
import { P2pLink, setDisplayElements } from './p2p-link.ts';
import { type GroupLook, P2pRadio } from './p2p-radio.ts';
import { P2pSignals } from './signals.ts';

const log = logger('plugins/wifi/p2p/p2p.ts');

/** Who describes this machine has to do it by then. */
const CHASSIS_LIMIT_MS = 2_000;

/** What a radio does for Wi-Fi Direct. */
export interface DirectUse {
  /** Whether it looks for peers, or is in a group with one. */
  readonly isBusy: boolean;
  /** The radio is powered, until `powered` closes. */
  show(link: SupplicantLink, look: GroupLook, powered: Scope): void;
}

/** Wi-Fi Direct, until `life` closes. */
export class P2p {
  readonly #core: Core;
  readonly #life: Scope;
  readonly #signals: P2pSignals;
  readonly #links = new Set<P2pLink>();
  readonly #services = new Set<PeerService>();
  #deviceType: Promise<Uint8Array> | undefined;

  constructor(core: Core, life: Scope) {
    this.#core = core;
    this.#life = life;
    this.#signals = new P2pSignals(core.bus, life);
    core.peers.services.attach({
      add: (service) => this.#addService(service),
      remove: (service) => this.#removeService(service),
    }, life);
  }

  /** For each device once. `onBusy` is called when `isBusy` of what is returned has changed. */
  attach(device: Device, scope: Scope, onBusy: () => void): DirectUse {
    let radio: { readonly link: P2pLink; readonly look: GroupLook; readonly powered: Scope } | undefined;
    let direct: { readonly radio: P2pRadio; readonly scope: Scope } | undefined;
    let update: (() => void) | undefined;
    const unit = {
      get isAble() {
        return radio !== undefined;
      },
      enable: async (): Promise<void> => {
        if (radio === undefined || direct !== undefined) return;
        const { link, look } = radio;
        const own = radio.powered.child();
        const env = { core: this.#core, signals: this.#signals, link, look, deviceIdent: device.ident };
        direct = { radio: new P2pRadio({ ...env, onBusy }, own), scope: own };
        try {
          await this.#start(link, own);
          own.signal.throwIfAborted();
        } catch (error) {
          await unit.disable();
          throw new ConnmanError('Failed', undefined, { cause: error });
        }
      },
      disable: async (): Promise<void> => {
        const closing = direct?.scope.close();
        direct = undefined;
        await closing;
      },
      scan: (signal: AbortSignal): Promise<void> => {
        if (direct === undefined) throw new ConnmanError('PermissionDenied');
        return direct.radio.scan(signal);
      },
    };
    return {
      get isBusy() {
        return direct?.radio.isBusy ?? false;
      },
      show: (link, look, powered) => {
        if (!link.capabilities.modes.includes('p2p')) return;
        radio = { link: new P2pLink(this.#core.bus, link.path), look, powered };
        powered.defer(() => {
          radio = undefined;
          update?.();
        });
        if (update === undefined) update = this.#core.technologies.addUnit('p2p', unit, scope);
        else update();
      },
    };
  }

  async #start(link: P2pLink, scope: Scope): Promise<void> {
    await this.#signals.listen();
    this.#deviceType ??= this.#readDeviceType();
    await link.introduce(this.#core.peers.ownName, await this.#deviceType);
    if (scope.signal.aborted) return;
    this.#links.add(link);
    scope.defer(() => this.#leave(link));
    const services = [...this.#services];
    await link.removeServices();
    for (const service of services) {
      if (service.kind === 'display') continue;
      await link.addService(service).catch((error: unknown) => log.warn('a service is not announced: %s', error));
    }
    if (this.#services.size > 0) await link.listen(true);
  }

  #leave(link: P2pLink): void {
    this.#links.delete(link);
    if (this.#services.size === 0) return;
    void link.listen(false);
    if (this.#links.size === 0) void link.removeServices();
  }

  async #addService(service: PeerService): Promise<void> {
    const isFirst = this.#services.size === 0;
    this.#services.add(service);
    try {
      if (service.kind === 'display') await setDisplayElements(this.#core.bus, service.elements);
      else await this.#anyLink?.addService(service);
    } catch (error) {
      this.#services.delete(service);
      const code = service.kind === 'display' ? 'NotSupported' : 'Failed';
      throw new ConnmanError(code, undefined, { cause: error });
    }
    if (isFirst) await this.#listen(true);
  }

  async #removeService(service: PeerService): Promise<void> {
    if (!this.#services.delete(service) || this.#life.signal.aborted) return;
    if (service.kind === 'display') {
      await setDisplayElements(this.#core.bus, new Uint8Array()).catch((error: unknown) => {
        log.debug('display elements stay: %s', messageOf(error));
      });
    } else {
      await this.#anyLink?.removeService(service);
    }
    if (this.#services.size === 0) await this.#listen(false);
  }

  /** The supplicant has one list of services for all interfaces. */
  get #anyLink(): P2pLink | undefined {
    const [link] = this.#links;
    return link;
  }

  // Peers find only who listens; nobody does without a reason.
  async #listen(isOn: boolean): Promise<void> {
    await Promise.all([...this.#links].map((link) => link.listen(isOn)));
  }

  // Wi-Fi Simple Configuration 12, "Primary Device Type", from what systemd-hostnamed calls the chassis.
  async #readDeviceType(): Promise<Uint8Array> {
    const hostname1 = this.#core.bus.proxy(propertiesInterface, hostname1Interface.name, '/org/freedesktop/hostname1');
    const wanted = { interface_name: hostname1Interface.name, property_name: 'Chassis' };
    const chassis = await hostname1.Get(wanted, { timeoutMs: CHASSIS_LIMIT_MS }).then(
      (value) => value.as('s'), () => undefined,
    );
    const [category, subcategory] = DEVICE_TYPES.get(chassis ?? 'laptop') ?? [1, 0];
    return Uint8Array.of(0, category, 0x00, 0x50, 0xf2, 0x04, 0, subcategory);
  }
}

const DEVICE_TYPES: ReadonlyMap<string, readonly [category: number, subcategory: number]> = new Map([
  ['handset', [0x0a, 0x05]], ['vm', [0x01, 0x01]], ['container', [0x01, 0x01]], ['server', [0x01, 0x02]],
  ['laptop', [0x01, 0x05]], ['desktop', [0x01, 0x06]], ['tablet', [0x01, 0x09]], ['watch', [0xff, 0x00]],
]);
