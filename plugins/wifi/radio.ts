/**
 * One Wi-Fi device over wpa_supplicant: powered by putting its interface in the supplicant's care,
 * its networks gathered from what the supplicant hears. Nothing is connected from here: the core
 * decides, and is told what became of it.
 */

import {
  type Core, type Device, type DeviceControl, type Network, ScanError, type Scope, TETHER_BRIDGE,
} from '../../src/api.ts';
import { formatHex } from '../../src/shared/bytes.ts';
import { ConnmanError, messageOf } from '../../src/shared/errors.ts';
import { logger } from '../../src/shared/log.ts';
import { hiddenControl } from '../lib/wifi/hidden-network.ts';
import { knownNetworks } from '../lib/wifi/known-networks.ts';
import { isHiddenSsid, ssidGroup, ssidText } from '../lib/wifi/ssid.ts';
import type { AccessPointEnv } from './access-point-mode.ts';
import { AccessPoints, bestOf, type GroupChange, strengthOf } from './access-points.ts';
import type { Bss } from './bss.ts';
import { useAddress } from './link-address.ts';
import { Joiner } from './joiner.ts';
import type { DirectUse, P2p } from './p2p/p2p.ts';
import { Scanner } from './scanner.ts';
import type { LinkEvent, SupplicantLink } from './supplicant-link.ts';
import type { Supplicant } from './supplicant.ts';
import { SECRET_KEYS, STORED_KEYS, wifiControl } from './wifi-network.ts';

const log = logger('plugins/wifi/radio.ts');

/** Below this a network is too weak to be shown; one that is shown stays. */
const LEAST_STRENGTH = 20;

/** How often a hidden name is called, and how long a driver may be busy in between. */
const MAX_CALLS = 3;
const BUSY_MS = 1_000;

/** How long the network that a daemon before this one joined has to be wanted again. */
const TAKE_OVER_MS = 1_500;

/** How long an interface that others took away is left to them, and at most while they hold it. */
const FIRST_REOPEN_MS = 2_000;
const LAST_REOPEN_MS = 60_000;

/** What radios take from the plugin. */
export interface RadioEnv {
  readonly core: Core;
  readonly supplicant: Supplicant;
  readonly p2p: P2p;
}

/** Takes charge of a device until `scope` closes. */
export function attachRadio(env: RadioEnv, device: Device, scope: Scope): DeviceControl {
  let life: Life | undefined;
  let isReplaced = false;
  let makeWay: ((frequencyMhz: number) => Promise<void>) | undefined;
  const direct = env.p2p.attach(device, scope, () => life?.radio.idle());
  const open = async (signal: AbortSignal): Promise<void> => {
    const stationEnv = { ...env, direct, makeWay: async (mhz: number) => makeWay?.(mhz) };
    const opened = await openStation(stationEnv, device, signal, scope);
    life = opened;
    direct.show(opened.link, (mhz, until) => opened.radio.lookForGroup(mhz, until), opened.scope);
    opened.link.events.observe(opened.scope, ({ kind }) => {
      if (kind !== 'removed' || life !== opened) return;
      life = undefined;
      void opened.scope.close();
      reopen(FIRST_REOPEN_MS);
    });
  };
  const close = async (): Promise<void> => {
    const before = life;
    life = undefined;
    await before?.scope.close();
  };
  // Somebody else took the interface out of the supplicant's care.
  const reopen = (delayMs: number): void => {
    env.core.clock.after(`reopen ${device.interfaceName}`, delayMs, scope, () => {
      if (life !== undefined || isReplaced || !device.isUsable) return;
      open(scope.signal).catch((error: unknown) => {
        complain(device, error);
        reopen(Math.min(delayMs * 2, LAST_REOPEN_MS));
      });
    });
  };
  const accessPoint: AccessPointEnv = {
    ...env, device,
    station: () => life?.link,
    async replaceStation(own) {
      isReplaced = true;
      own.defer(async () => {
        isReplaced = false;
        if (!device.isUsable || scope.isClosed || life !== undefined) return;
        await open(scope.signal).catch((error: unknown) => complain(device, error));
      });
      await close();
    },
    guardStation(ask, own) {
      makeWay = ask;
      own.defer(() => void (makeWay = undefined));
    },
  };
  return {
    enable: (signal) => removeStale(env, device).then(() => open(signal)),
    disable: () => close(),
    async scan(signal) {
      if (life === undefined) throw whyNotScanning(device);
      await life.radio.scan(signal);
    },
    tether: async (request, own) => (await accessPointMode()).startAccessPoint(accessPoint, request, own),
    accessPointFrequencies: async () => (await accessPointMode()).accessPointFrequencies(accessPoint),
    setCountry: (country) => life?.link.setCountry(country) ?? Promise.resolve(),
  };
}

// Powered without a station it is an access point.
function whyNotScanning({ isPowered }: Device): ConnmanError {
  if (!isPowered) return new ScanError('NoCarrier', 'off');
  return new ScanError('Failed', 'busy', { message: 'Device or resource busy' });
}

function complain({ interfaceName }: Device, error: unknown): void {
  log.warn('%s: %s', interfaceName, messageOf(error));
}

/** What a station takes from its radio. */
interface StationEnv extends RadioEnv {
  readonly direct: DirectUse;
  /** Called before the radio goes to a frequency. */
  makeWay(frequencyMhz: number): Promise<void>;
}

/** Few machines ever are one. */
const accessPointMode = () => import('./access-point-mode.ts');

// What a daemon before this one left is gone before the radio is used.
async function removeStale({ core }: RadioEnv, device: Device): Promise<void> {
  const name = `${TETHER_BRIDGE}${device.ifindex}`;
  if (core.kernel.mirror.linkByName(name) === undefined) return;
  await (await accessPointMode()).removeInterface({ core, device }, name);
}

interface Life {
  readonly radio: Radio;
  readonly link: SupplicantLink;
  readonly scope: Scope;
}

// oxlint-disable-next-line max-params -- of whom, what, how long and until when
async function openStation(env: StationEnv, device: Device, signal: AbortSignal, scope: Scope): Promise<Life> {
  const own = scope.child();
  try {
    const { services } = env.core;
    const link = await env.supplicant.open(device.interfaceName, own, {
      isKept: ({ state }) => services.isKeepingTraffic && state === 'completed',
    });
    signal.throwIfAborted();
    const radio = new Radio(env, device, link, own);
    await radio.start();
    if (!link.isAccessPoint) return { radio, link, scope: own };
    // A daemon before this one has left its access point.
    await own.close();
    return await openStation(env, device, signal, scope);
  } catch (error) {
    await own.close();
    throw signal.aborted ? signal.reason : new ConnmanError('Failed', undefined, { cause: error });
  }
}

/** A powered radio. */
class Radio {
  readonly #env: StationEnv;
  readonly #device: Device;
  readonly #link: SupplicantLink;
  readonly #scope: Scope;
  readonly #points = new AccessPoints();
  readonly #networks = new Map<string, { readonly network: Network; readonly scope: Scope }>();
  readonly #joiner: Joiner;
  readonly #scanner: Scanner;
  #hasTakenOver = false;

  constructor(env: StationEnv, device: Device, link: SupplicantLink, scope: Scope) {
    this.#env = env;
    this.#device = device;
    this.#link = link;
    this.#scope = scope;
    const { clock, options, provisioning, sleep } = env.core;
    this.#joiner = new Joiner(link, clock, scope);
    this.#scanner = new Scanner(link, {
      clock,
      isBackgroundScanning: options.BackgroundScanning,
      isConnected: () => this.#joiner.connectedOwner !== undefined,
      known: () => knownNetworks(env.core, device),
      isHeard: (ssid) => this.#points.isHeard(ssidGroup(ssid)),
    }, scope);
    link.events.observe(scope, (event) => this.#take(event));
    sleep.ended.observe(scope, () => this.#wake());
    provisioning.changed.observe(scope, () => this.#lookSoon());
  }

  /** Reads what the supplicant knows and looks for networks; resolves without waiting for them. */
  async start(): Promise<void> {
    await this.#link.load();
    const current = this.#points.get(this.#link.currentBss ?? '');
    if (current === undefined || !this.#isTakingOver) {
      this.#hasTakenOver = true;
      return this.#lookForKnown();
    }
    // Alone at first, so that it is the one that is connected.
    this.#apply({ appeared: current.group }, false);
    const { clock, services } = this.#env.core;
    services.scheduleAutoconnect();
    clock.after('take over', TAKE_OVER_MS, this.#scope, () => this.#endTakeOver());
  }

  /** The supplicant is in a network since before us, and nobody has decided yet whether it stays. */
  get #isTakingOver(): boolean {
    return !this.#hasTakenOver && this.#link.state === 'completed' && !this.#link.isAccessPoint;
  }

  #endTakeOver(): void {
    this.#hasTakenOver = true;
    const isUnwanted = this.#joiner.connectedOwner === undefined && !this.#joiner.isJoining;
    if (isUnwanted) void this.#link.leave(this.#link.currentNetwork).then(() => this.#lookForKnown());
    else this.#showHeard();
  }

  /** For users. Rejects as `Scanner.scan`, with Failed while a network is being joined. */
  async scan(signal: AbortSignal): Promise<void> {
    if (this.#joiner.isJoining) throw new ScanError('Failed', 'busy', { message: 'Device or resource busy' });
    try {
      await this.#scanner.scan({ kind: 'user' }, signal);
    } finally {
      this.idle();
    }
  }

  /** As `Scanner.lookForGroup`. */
  lookForGroup(frequencyMhz: number, signal: AbortSignal): Promise<void> {
    return this.#scanner.lookForGroup(frequencyMhz, signal);
  }

  // What is joined or being joined is lost, or is not: the supplicant will say.
  #wake(): void {
    if (!this.#joiner.isJoining && this.#joiner.connectedOwner === undefined) this.#lookForKnown();
  }

  // What a file names now may have to be called.
  #lookSoon(): void {
    this.#scanner.stopAutoscan();
    this.idle();
  }

  #lookForKnown(): void {
    this.#scanner.scan({ kind: 'start' }, this.#scope.signal)
      .catch((error: unknown) => log.debug('%s: %s', this.#device.interfaceName, error))
      .finally(() => this.idle());
  }

  /** Calls a name that is not announced; the network of it and of a protection, if it answers. */
  async #call(ssid: Uint8Array, group: string, signal: AbortSignal): Promise<Network | undefined> {
    for (let left = MAX_CALLS; left > 0 && !this.#networks.has(group); left--) {
      try {
        await this.#scanner.scan({ kind: 'hidden', ssid }, signal);
      } catch (error) {
        if (signal.aborted || left === 1) throw error;
        await this.#pause(signal);
      }
    }
    return this.#networks.get(group)?.network;
  }

  // The driver is busy, with leaving another network or with a scan of somebody else.
  async #pause(signal: AbortSignal): Promise<void> {
    const limits = this.#scope.child();
    try {
      await new Promise<void>((resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        this.#env.core.clock.after('call a hidden network', BUSY_MS, limits, resolve);
      });
    } finally {
      await limits.close();
    }
  }

  #take(event: LinkEvent): void {
    switch (event.kind) {
      case 'bss':
        this.#followChannel(event.path, event.bss);
        for (const change of this.#points.update(event.path, event.bss)) {
          this.#apply(change);
          if (change.vanished !== undefined) this.idle();
        }
        return;
      case 'state':
      case 'currentBss':
        for (const group of this.#networks.keys()) this.#apply({ changed: group });
        this.idle();
        return;
      case 'removed':
        for (const group of this.#points.clear()) this.#remove(group);
        return;
      case 'scanDone':
        this.#showHeard();
        return;
      case 'station':
      case 'eap':
      case 'wpsCredentials':
      case 'wpsEvent':
        return;
    }
  }

  // The access point that is being joined has gone elsewhere meanwhile.
  #followChannel(path: string, bss: Bss | undefined): void {
    const before = this.#points.get(path)?.frequencyMhz;
    if (bss === undefined || before === undefined || bss.frequencyMhz === before) return;
    if (this.#joiner.isJoiningBy(path)) void this.#env.makeWay(bss.frequencyMhz);
  }

  // What a scan finds is shown when it ends, all at once: the best of it is connected, not the first.
  #showHeard(): void {
    for (const group of this.#points.groups.keys()) {
      if (!this.#networks.has(group)) this.#apply({ appeared: group }, false);
    }
    this.#env.core.services.scheduleAutoconnect();
  }

  #apply({ appeared, changed, vanished }: GroupChange, isHeld = true): void {
    if (vanished !== undefined) return this.#remove(vanished);
    const group = appeared ?? changed;
    const members = group === undefined ? undefined : this.#points.groups.get(group);
    const best = members === undefined ? undefined : this.#representative(members);
    if (group === undefined || members === undefined || best === undefined) return;
    const strength = strengthOf(best.signalDbm);
    const isWaiting = (this.#scanner.isRunning || this.#isTakingOver) && isHeld;
    const isShown = strength >= LEAST_STRENGTH && !isWaiting;
    const network = this.#networks.get(group)?.network ?? (isShown ? this.#add(best) : undefined);
    network?.setSecurity(securityWords(members));
    network?.setStrength(strength);
    network?.setPoint({ bssid: formatHex(best.address, ':'), frequencyMhz: best.frequencyMhz });
  }

  // While connected the network is as strong as the access point in use.
  #representative(members: ReadonlyMap<string, Bss>): Bss | undefined {
    return members.get(this.#link.currentBss ?? '') ?? bestOf(members);
  }

  #add({ group, ssid, security }: Bss): Network {
    const scope = this.#scope.child();
    const isHidden = isHiddenSsid(ssid);
    const network: Network = this.#device.addNetwork({
      identifier: group,
      group,
      name: isHidden ? undefined : ssidText(ssid),
      security: [security],
      storedKeys: STORED_KEYS,
      secretKeys: SECRET_KEYS,
      choices: ['Band', 'BSSID', 'MACAddressPolicy'],
      isRetried: true,
      control: isHidden ? hiddenControl({
        call: (name, wanted, signal) => this.#call(name, wanted, signal),
      }, security) : wifiControl({
        joiner: this.#joiner,
        options: this.#env.core.options,
        fileSystemId: (path) => this.#env.core.fileSystemId(path),
        members: () => this.#points.groups.get(group) ?? new Map(),
        onLost: () => network.reportLost(),
        makeWay: (frequencyMhz) => this.#env.makeWay(frequencyMhz),
        refresh: (name, frequenciesMhz) => this.#scanner.refresh(name, frequenciesMhz),
        useAddress: (wish) => useAddress(
          { core: this.#env.core, device: this.#device, link: this.#link }, wish, this.#scope,
        ),
      }),
    }, scope);
    this.#networks.set(group, { network, scope });
    return network;
  }

  #remove(group: string): void {
    void this.#networks.get(group)?.scope.close();
    this.#networks.delete(group);
  }

  /** While nothing is connected or being connected, and no peer needs the radio: keeps looking. */
  idle(): void {
    if (this.#scope.isClosed) return;
    const isConnected = this.#joiner.isJoining || this.#joiner.connectedOwner !== undefined;
    if (isConnected || this.#env.direct.isBusy) this.#scanner.stopAutoscan();
    else this.#scanner.startAutoscan();
  }
}

/** `Security`: the protection, and what WPS offers. */
function securityWords(members: ReadonlyMap<string, Bss>): string[] {
  const all = [...members.values()];
  const [first] = all;
  const wps = all.flatMap(({ elements }) => elements.wps ?? []);
  return [
    first?.security ?? 'none',
    ...(wps.length > 0 ? ['wps'] : []),
    ...(wps.some(({ isAdvertising }) => isAdvertising) ? ['wps_advertising'] : []),
  ];
}
