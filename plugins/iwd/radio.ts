/**
 * The station of one Wi-Fi device over iwd. The core decides what is connected, as over wpa_supplicant: iwd is
 * kept from connecting by itself (iwd.ts), and asked for each network in turn. What somebody else has
 * it join is taken over.
 */

import {
  type Device, type JoinContext, type Network, type NetworkControl, ScanError, type Scope,
} from '../../src/api.ts';
import { iwdDeviceInterface, iwdNetworkInterface, iwdStationInterface } from '../../src/dbus/interfaces/iwd.ts';
import { ConnmanError, messageOf } from '../../src/shared/errors.ts';
import { logger } from '../../src/shared/log.ts';
import { hiddenControl } from '../lib/wifi/hidden-network.ts';
import { addressPolicy, addressToSet } from '../lib/wifi/own-address.ts';
import { ssidText } from '../lib/wifi/ssid.ts';
import { type HeardNetwork, networksOf, oweTwinsOf } from './heard.ts';
import { introduceHidden, typeOf } from './hidden.ts';
import { type IwdEnv, IwdJoiner, type IwdTarget } from './joiner.ts';
import { setLinkAddress } from './link-address.ts';
import { plainPath } from './objects.ts';
import { SignalMeter, strengthOf } from './signal-meter.ts';
import { IwdScanner } from './scanner.ts';
import { IwdStation } from './station.ts';
import type { Security } from '../lib/wifi/security.ts';

const log = logger('plugins/iwd/radio.ts');

const STORED_KEYS = ['SSID', 'Frequency', 'Passphrase', 'Hidden'] as const;
const SECRET_KEYS = ['Passphrase', 'Hidden'] as const;
const SECURITIES: ReadonlyMap<string, Security> = new Map([
  ['open', 'none'], ['wep', 'wep'], ['psk', 'psk'], ['8021x', 'ieee8021x'],
]);

/** Below this a network is too weak to be shown; one that is shown stays. */
const LEAST_STRENGTH = 20;

/** How often a hidden name is called. */
const MAX_CALLS = 3;

interface Shown {
  readonly network: Network;
  readonly scope: Scope;
}

/** The station of a powered device. */
export class IwdRadio {
  readonly path: string;
  readonly #env: IwdEnv;
  readonly #device: Device;
  readonly #scope: Scope;
  readonly #station: IwdStation;
  readonly #joiner: IwdJoiner;
  readonly #scanner: IwdScanner;
  readonly #meter: SignalMeter;
  /** By the path of iwd's object, or `hidden` and the protection. */
  readonly #networks = new Map<string, Shown>();
  #heard: ReadonlyMap<string, HeardNetwork> = new Map();
  #hasStation = false;
  /** What is looked for: a hidden network whose name is called, or one to be heard under another address. */
  #awaited: string | undefined;
  /** The radio is being given another address, one at a time. */
  #readdressing: Promise<void> | undefined;

  // oxlint-disable-next-line max-params -- with what, whose, where, how long
  constructor(env: IwdEnv, device: Device, path: string, scope: Scope) {
    this.path = path;
    this.#env = env;
    this.#device = device;
    this.#scope = scope;
    this.#meter = new SignalMeter(env, path, scope);
    this.#station = new IwdStation({ ...env, meter: this.#meter }, path, scope);
    this.#joiner = new IwdJoiner({ ...env, meter: this.#meter, station: this.#station }, device, path, scope);
    this.#scanner = new IwdScanner(path, {
      core: env.core,
      objects: env.objects,
      prepare: () => introduceHidden(env, device),
      update: () => this.#update(),
    }, scope);
    env.objects.changed.observe(scope, (change) => {
      if (change.path === path && change.interface === iwdStationInterface.name) this.#follow();
    });
    this.#joiner.lost.observe(scope, (lost) => {
      this.#networks.get(lost)?.network.reportLost();
      this.#idle();
    });
    this.#joiner.foreign.observe(scope, (joined) => void this.#adopt(joined));
    this.#meter.measured.observe(scope, ({ strength, point }) => {
      const network = this.#networks.get(this.#joiner.joined ?? '')?.network;
      if (strength !== undefined) network?.setStrength(strength);
      if (point !== undefined) network?.setPoint(point);
    });
    env.air.observeChannels(device.ifindex, scope, (frequencyMhz) => {
      const network = this.#networks.get(this.#joiner.joined ?? '')?.network;
      if (network?.point !== undefined) network.setPoint({ ...network.point, frequencyMhz });
    });
    env.core.sleep.ended.observe(scope, () => this.#look());
    env.core.provisioning.changed.observe(scope, () => this.#lookSoon());
  }

  /** Shows what iwd knows and looks for more; returns without waiting for it. */
  start(): void {
    this.#follow();
  }

  /** For users. Rejects as `IwdScanner.scan`, with Failed while a network is joined or iwd makes one. */
  async scan(signal: AbortSignal): Promise<void> {
    const mode = this.#env.objects.get(this.path, iwdDeviceInterface)?.get('Mode')?.as('s') ?? 'station';
    if (this.#joiner.joining !== undefined || mode !== 'station') {
      throw new ScanError('Failed', 'busy', { message: 'Device or resource busy' });
    }
    try {
      await this.#scanner.scan(signal);
    } finally {
      this.#idle();
    }
  }

  // Somebody may power the device off and on, or have it be an access point for a while.
  #follow(): void {
    const hasStation = this.#env.objects.get(this.path, iwdStationInterface) !== undefined;
    if (hasStation === this.#hasStation || this.#readdressing !== undefined) return;
    this.#hasStation = hasStation;
    if (!hasStation) {
      for (const path of [...this.#networks.keys()]) this.#remove(path);
      return this.#scanner.stopAutoscan();
    }
    this.#meter.register();
    void this.#update().then(() => this.#look());
  }

  // Where iwd is in a network already, nothing is to disturb that.
  #look(): void {
    const isThere = this.#networks.has(this.#station.connected ?? '');
    if (!this.#hasStation || this.#scope.isClosed || isThere) return;
    this.#scanner.scan(this.#scope.signal)
      .catch((error: unknown) => log.debug('%s: %s', this.path, messageOf(error)))
      .finally(() => this.#idle());
  }

  // What a file names now may have to be called.
  #lookSoon(): void {
    this.#scanner.stopAutoscan();
    this.#idle();
  }

  // Nothing is joined or being joined: keep looking.
  #idle(): void {
    if (this.#scope.signal.aborted || !this.#hasStation) return;
    if ((this.#joiner.joined ?? this.#joiner.joining) !== undefined) this.#scanner.stopAutoscan();
    else this.#scanner.startAutoscan();
  }

  async #update(): Promise<void> {
    const station = this.#env.objects.proxy(iwdStationInterface, this.path);
    try {
      const [heard, hidden, air] = await Promise.all([
        station.GetOrderedNetworks(),
        station.GetHiddenAccessPoints().catch(() => []), // experimental
        this.#env.air.heard(this.#device.ifindex),
      ]);
      if (this.#scope.signal.aborted || !this.#hasStation) return;
      this.#heard = networksOf(air);
      const twins = oweTwinsOf(air);
      this.#show(new Map(heard), hidden.filter(([address]) => !twins.has(address)));
    } catch (error) {
      log.debug('%s: %s', this.path, messageOf(error));
    }
  }

  #show(heard: ReadonlyMap<string, number>, hidden: readonly (readonly [string, number, string])[]): void {
    const all = new Map(heard);
    for (const [, signal, type] of hidden) {
      const security = SECURITIES.get(type);
      if (security === undefined || security === 'wep') continue;
      const key = `hidden_managed_${security}`;
      all.set(key, Math.max(signal, all.get(key) ?? -Infinity));
    }
    for (const path of [...this.#networks.keys()]) if (!all.has(path) && !this.#isInUse(path)) this.#remove(path);
    for (const [path, centiDbm] of all) {
      const strength = strengthOf(centiDbm / 100);
      const isShown = strength >= LEAST_STRENGTH || path === this.#station.connected;
      const network = this.#networks.get(path)?.network ?? (isShown ? this.#add(path) : undefined);
      if (network !== undefined) this.#describe(path, network, strength);
    }
    this.#joiner.look(); // before anything else is connected
    this.#env.core.services.scheduleAutoconnect();
  }

  #isInUse(path: string): boolean {
    return path === this.#joiner.joined || path === this.#joiner.joining || path === this.#awaited;
  }

  // While joined it is as strong as the access point in use, which the meter tells.
  #describe(path: string, network: Network, strength: number): void {
    const target = this.#target(path);
    const { best, hasWps, isAdvertising } = this.#heard.get(hexOf(target)) ?? {};
    const canWps = target?.security === 'psk' && hasWps === true;
    const words = [...(canWps ? ['wps'] : []), ...(canWps && isAdvertising === true ? ['wps_advertising'] : [])];
    network.setSecurity([network.security[0] ?? 'none', ...words]);
    if (path === this.#joiner.joined) return;
    network.setStrength(strength);
    if (best !== undefined) network.setPoint(best);
  }

  #add(path: string): Network | undefined {
    const target = this.#target(path);
    const security = target?.security ?? SECURITY_OF_HIDDEN.get(path);
    if (security === undefined) return undefined;
    const group = target === undefined ? path : `${hexOf(target)}_managed_${security}`;
    const scope = this.#scope.child();
    const network = this.#device.addNetwork({
      identifier: group,
      group,
      name: target && ssidText(target.ssid),
      security: [security],
      storedKeys: STORED_KEYS,
      secretKeys: SECRET_KEYS,
      choices: ['MACAddressPolicy'],
      isRetried: security !== 'wep',
      control: target === undefined
        ? hiddenControl({ call: (ssid, _, signal) => this.#call(ssid, security, signal) }, security)
        : this.#controlOf(path, target),
    }, scope);
    this.#networks.set(path, { network, scope });
    return network;
  }

  #remove(path: string): void {
    void this.#networks.get(path)?.scope.close();
    this.#networks.delete(path);
  }

  // The path ends in the name in hex digits and the type: .../3/686f6d65_psk.
  #target(path: string): IwdTarget | undefined {
    const [, hex = '', type = ''] = /\/([0-9a-f]{2,64})_([a-z0-9]+)$/.exec(plainPath(path)) ?? [];
    const security = SECURITIES.get(type);
    if (security === undefined || hex.length % 2 === 1) return undefined;
    const { hasWps = false, isWpsOpen = false } = this.#heard.get(hex) ?? {};
    return { path, ssid: Buffer.from(hex, 'hex'), type: typeOf(security), security, hasWps, isWpsOpen };
  }

  #controlOf(path: string, { ssid, type, security }: IwdTarget): NetworkControl {
    if (security === 'wep') return REFUSED;
    return {
      connect: async (signal, context) => {
        const target = this.#target(path);
        if (target === undefined) throw new ConnmanError('NoCarrier');
        try {
          await this.#useAddress(target, context, signal);
          const keys = await this.#joiner.join(target, context, signal);
          const frequency = (await this.#meter.measure())?.frequencyMhz;
          context.store({ ...keys, ...(frequency !== undefined && { Frequency: String(frequency) }) });
        } finally {
          this.#idle();
        }
      },
      reassociate: (signal) => this.#joiner.rejoin(path, signal),
      outlivesDaemon: true,
      disconnect: () => this.#joiner.leave(path).finally(() => this.#idle()),
      forget: () => void this.#env.profiles.forget({ ssid, type }),
    };
  }

  /** Has the network know us by the address that is wanted. Rejects as `setLinkAddress`, or with NoCarrier. */
  async #useAddress({ path, ssid }: IwdTarget, context: JoinContext, signal: AbortSignal): Promise<void> {
    while (this.#readdressing !== undefined) await this.#readdressing.catch(() => undefined);
    signal.throwIfAborted();
    const { core } = this.#env;
    const wanted = addressToSet(core, this.#device, { policy: addressPolicy(core.options, context), ssid });
    if (wanted === undefined) return;
    this.#awaited = path;
    this.#readdressing = this.#readdress(wanted, path).finally(() => {
      this.#awaited = undefined;
      this.#readdressing = undefined;
      this.#follow();
    });
    await this.#readdressing;
    signal.throwIfAborted();
  }

  // Whoever gives up waiting for it leaves the radio as it is to be for the next.
  async #readdress(address: Uint8Array, path: string): Promise<void> {
    const [device, { objects }] = [this.#device, this.#env];
    await this.#joiner.left();
    if (this.#joiner.joined !== undefined) await this.#joiner.leave(this.#joiner.joined);
    const setting = setLinkAddress(this.#env, { device, path: this.path }, address, this.#scope);
    await setting.catch(() => undefined);
    this.#meter.register();
    const isHeard = (): boolean => objects.get(path, iwdNetworkInterface) !== undefined;
    for (let left = MAX_CALLS; left > 0 && !isHeard(); left--) await this.#scanner.scan(this.#scope.signal);
    await setting;
    if (!isHeard()) throw new ConnmanError('NoCarrier');
  }

  /** Calls a name that is not announced; the network of it and of a protection, if it answers. */
  async #call(ssid: Uint8Array, security: Security, signal: AbortSignal): Promise<Network | undefined> {
    const key = { ssid, type: typeOf(security) };
    const plain = `${this.path}/${hexOf({ ssid })}_${key.type}`;
    const find = () => [...this.#networks].find(([path]) => plainPath(path) === plain)?.[1].network;
    const isNew = this.#env.profiles.known(key) === undefined;
    if (isNew) await this.#env.profiles.write(key, { isHidden: true });
    // iwd looks for nothing while it joins or leaves what the user has given up for this.
    await this.#joiner.left();
    this.#awaited = `hidden_managed_${security}`;
    try {
      for (let left = MAX_CALLS; left > 0 && find() === undefined; left--) await this.#scanner.scan(signal);
    } finally {
      this.#awaited = undefined;
    }
    const found = find();
    if (found === undefined && isNew) await this.#env.profiles.forget(key);
    return found;
  }

  async #adopt(path: string): Promise<void> {
    if (!this.#networks.has(path)) await this.#update();
    if (this.#joiner.joining !== undefined) return;
    const network = this.#networks.get(path)?.network;
    const { services } = this.#env.core;
    const service = services.list.find((each) => each.network === network);
    log.debug('%s: iwd has joined %s by itself', this.path, service?.identifier ?? path);
    await service?.connect('user').catch((error: unknown) => log.debug('%s: %s', path, error));
  }
}

/** iwd shows networks of WEP and has no word for their keys. */
const REFUSED: NetworkControl = {
  connect: () => Promise.reject(new ConnmanError('NotSupported')),
  disconnect: () => undefined,
};

const SECURITY_OF_HIDDEN: ReadonlyMap<string, Security> = new Map(
  [...SECURITIES.values()].map((security) => [`hidden_managed_${security}`, security]),
);

function hexOf(target: { readonly ssid: Uint8Array } | undefined): string {
  return Buffer.from(target?.ssid ?? []).toString('hex');
}
