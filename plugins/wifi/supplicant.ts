/**
 * wpa_supplicant as the plugin sees it: one set of signal matches for all its objects, handed on by
 * path, and one `SupplicantLink` per interface of ours. It may start late, be started by the bus, or
 * die: `Supplicant.follow` tells of each life of it with a scope.
 */

import type { Core } from '../../src/api.ts';
import type { Bus } from '../../src/dbus/bus.ts';
import {
  supplicantBssInterface, supplicantInterface, supplicantLinkInterface, supplicantWpsInterface,
} from '../../src/dbus/interfaces/wpa-supplicant.ts';
import { variant } from '../../src/dbus/signature.ts';
import { messageOf } from '../../src/shared/errors.ts';
import { logger } from '../../src/shared/log.ts';
import type { Scope } from '../../src/shared/scope.ts';
import { followDaemon } from '../lib/wifi/daemon-lives.ts';
import type { Properties } from './bss.ts';
import { SupplicantLink, type LinkSignal } from './supplicant-link.ts';

const log = logger('plugins/wifi/supplicant.ts');

const SUPPLICANT = 'fi.w1.wpa_supplicant1';
const PATH = '/fi/w1/wpa_supplicant1';

/** How an interface is opened. */
export interface OpenOptions {
  /** It is an access point's, in this bridge. */
  readonly bridge?: string;
  /** Whether it stays in the supplicant's care when `scope` closes. */
  isKept?(link: SupplicantLink): boolean;
}

/** One life of wpa_supplicant, from owning its name to losing it. */
export class Supplicant {
  readonly #bus: Bus;
  readonly #drivers: string;
  readonly #links = new Map<string, SupplicantLink>();
  /** Interfaces that are on their way out of its care. */
  readonly #leaving = new Map<string, Promise<void>>();

  private constructor(bus: Bus, drivers: string) {
    this.#bus = bus;
    this.#drivers = drivers;
  }

  /** Calls `onStart` for each life of the supplicant, with a scope that closes when it ends (daemon-lives.ts). */
  static follow(core: Core, scope: Scope, onStart: (supplicant: Supplicant, life: Scope) => void): void {
    followDaemon({ name: SUPPLICANT }, core, scope, (life) => {
      void begin(new Supplicant(core.bus, core.wifiDriver), life, onStart);
    });
  }

  /**
   * Takes charge of an interface until `scope` closes; the caller loads it once it listens. Rejects
   * with what the supplicant says where it cannot. For a bridge the supplicant begins anew.
   */
  async open(
    interfaceName: string, scope: Scope, { bridge, isKept }: OpenOptions = {},
  ): Promise<SupplicantLink> {
    const supplicant = this.#bus.proxy(supplicantInterface, SUPPLICANT, PATH);
    await this.#leaving.get(interfaceName);
    const known = await supplicant.GetInterface({ ifname: interfaceName }).catch(() => undefined);
    const isStale = known !== undefined && bridge !== undefined;
    if (isStale) await supplicant.RemoveInterface({ path: known });
    const path = isStale || known === undefined ? await supplicant.CreateInterface({
      args: new Map([
        ['Ifname', variant('s', interfaceName)],
        ['Driver', variant('s', this.#drivers)],
        ...(bridge === undefined ? [] : [['BridgeIfname', variant('s', bridge)] as const]),
      ]),
    }) : known;
    const link = new SupplicantLink(this.#bus, path);
    this.#links.set(path, link);
    scope.defer(async () => {
      this.#links.delete(path);
      if (isKept?.(link) === true) return;
      const left = supplicant.RemoveInterface({ path }).catch((error: unknown) => {
        log.debug('%s was gone: %s', interfaceName, messageOf(error));
      });
      this.#leaving.set(interfaceName, left);
      await left;
      if (this.#leaving.get(interfaceName) === left) this.#leaving.delete(interfaceName);
    });
    return link;
  }

  async listen(life: Scope): Promise<void> {
    const bus = this.#bus;
    const from = { sender: SUPPLICANT };
    const hand = (path: string | undefined, signal: LinkSignal): void => {
      if (path !== undefined) this.#links.get(path)?.take(signal);
    };
    const link = supplicantLinkInterface;
    await Promise.all([
      bus.subscribe(supplicantInterface, 'InterfaceRemoved', from, life, ({ path }) => hand(path, { kind: 'removed' })),
      bus.subscribe(link, 'PropertiesChanged', from, life, ({ properties }, { path }) =>
        hand(path, { kind: 'properties', properties })),
      bus.subscribe(link, 'ScanDone', from, life, ({ success }, { path }) =>
        hand(path, { kind: 'scanDone', isSuccess: success })),
      bus.subscribe(link, 'BSSAdded', from, life, ({ path: bss, properties }, { path }) =>
        hand(path, { kind: 'bss', path: bss, properties })),
      bus.subscribe(link, 'BSSRemoved', from, life, ({ path: bss }, { path }) =>
        hand(path, { kind: 'bssRemoved', path: bss })),
      bus.subscribe(link, 'StaAuthorized', from, life, ({ address }, { path }) =>
        hand(path, { kind: 'station', address, isThere: true })),
      bus.subscribe(link, 'StaDeauthorized', from, life, ({ address }, { path }) =>
        hand(path, { kind: 'station', address, isThere: false })),
      bus.subscribe(link, 'EAP', from, life, ({ status, parameter }, { path }) =>
        hand(path, { kind: 'eap', status, parameter })),
      bus.subscribe(supplicantWpsInterface, 'Credentials', from, life, ({ credentials }, { path }) =>
        hand(path, { kind: 'wpsCredentials', credentials })),
      bus.subscribe(supplicantWpsInterface, 'Event', from, life, ({ name }, { path }) =>
        hand(path, { kind: 'wpsEvent', name })),
      bus.subscribe(supplicantBssInterface, 'PropertiesChanged', from, life, ({ properties }, { path }) =>
        this.#handBss(path, properties)),
    ]);
  }

  // A BSS lies below its interface: /fi/w1/wpa_supplicant1/Interfaces/3/BSSs/7.
  #handBss(path: string | undefined, properties: Properties): void {
    const end = path?.lastIndexOf('/BSSs/') ?? -1;
    if (path !== undefined && end > 0) this.#links.get(path.slice(0, end))?.take({ kind: 'bss', path, properties });
  }
}

// The bus has the rules before it hands on what is asked after them: nobody waits for its answers.
async function begin(
  supplicant: Supplicant, life: Scope, onStart: (supplicant: Supplicant, life: Scope) => void,
): Promise<void> {
  try {
    const listening = supplicant.listen(life);
    onStart(supplicant, life);
    await listening;
  } catch (error) {
    if (life.isClosed) return;
    log.error('%s cannot be heard: %s', SUPPLICANT, error);
    await life.close();
  }
}
