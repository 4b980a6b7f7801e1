/**
 * Access points of ours over wpa_supplicant (tethering): beside the station, on an interface of their
 * own, where the radio can be both; else in place of the station, which gets its interface back.
 */

import {
  type AccessPointSettings, type Core, type Device, type Scope, TETHER_BRIDGE, type TetherRequest,
} from '../../src/api.ts';
import { type Genl, openGenl } from '../../src/netlink/genl/genl.ts';
import {
  addRadioInterface, readFrequency, readWiphy, removeRadioInterface, type Wiphy,
} from '../../src/netlink/genl/nl80211.ts';
import type { Link } from '../../src/netlink/link/link.ts';
import { equalBytes } from '../../src/shared/bytes.ts';
import { ConnmanError, messageOf } from '../../src/shared/errors.ts';
import { logger } from '../../src/shared/log.ts';
import { chooseFrequency, freeFrequencies } from '../lib/wifi/access-point-channel.ts';
import { accessPointBlock } from './access-point-block.ts';
import type { LinkEvent, SupplicantLink } from './supplicant-link.ts';
import type { Supplicant } from './supplicant.ts';

const log = logger('plugins/wifi/access-point-mode.ts');

/** An access point that is not up by then will not be. */
const START_LIMIT_MS = 20_000;

/** What an access point takes from the radio. */
export interface AccessPointEnv {
  readonly core: Core;
  readonly supplicant: Supplicant;
  readonly device: Device;
  /** The interface while it is a station's. */
  station(): SupplicantLink | undefined;
  /** Takes the interface from the station until `scope` closes. */
  replaceStation(scope: Scope): Promise<void>;
  /** Has the station ask before it goes to a frequency, until `scope` closes. */
  guardStation(makeWay: (frequencyMhz: number) => Promise<void>, scope: Scope): void;
}

/** Where an access point will be. */
interface Place {
  readonly interfaceName: string;
  readonly ifindex: number;
  readonly frequencyMhz: number;
  /** Where it may be later, if it has to follow the station. */
  readonly mayFollowTo: ((frequencyMhz: number) => boolean) | undefined;
}

/** Puts an access point up until `scope` closes. Rejects with ConnmanError. */
export async function startAccessPoint(env: AccessPointEnv, request: TetherRequest, scope: Scope): Promise<void> {
  const settings = request.accessPoint;
  const modes = env.station()?.capabilities.modes ?? [];
  if (settings === undefined || !modes.includes('ap')) throw new ConnmanError('NotSupported');
  const place = await findPlace(env, settings, scope);
  const { interfaceName } = place;
  log.debug('%s: access point on %s, %d MHz', env.device.interfaceName, interfaceName, place.frequencyMhz);
  try {
    const link = await env.supplicant.open(interfaceName, scope, { bridge: request.bridge });
    await link.load();
    await link.becomeAccessPoint();
    const point: AccessPoint = { env, link, settings, block: await bringUp(env, link, settings, place.frequencyMhz) };
    followStations(point, request, scope);
    followStation(point, place, request, scope);
    await request.addPort(place.ifindex, scope);
  } catch (error) {
    if (error instanceof ConnmanError) throw error;
    log.warn('%s: %s', interfaceName, messageOf(error));
    throw new ConnmanError('Failed', undefined, { cause: error });
  }
}

/** One that is up. */
interface AccessPoint {
  readonly env: AccessPointEnv;
  readonly link: SupplicantLink;
  readonly settings: AccessPointSettings;
  /** Its network block; undefined while it moves. */
  block: string | undefined;
}

/** On which frequencies one may be. Empty where the kernel does not say. */
export async function accessPointFrequencies({ core, device }: AccessPointEnv): Promise<readonly number[]> {
  const scope = device.scope.child();
  try {
    return freeFrequencies((await radioOf(core, device, scope))?.frequencies ?? []);
  } finally {
    await scope.close();
  }
}

/** Removes an interface of the device's radio. Never rejects. */
export async function removeInterface(
  { core, device }: Pick<AccessPointEnv, 'core' | 'device'>, name: string,
): Promise<void> {
  const link = core.kernel.mirror.linkByName(name);
  if (link === undefined) return;
  const scope = device.scope.child();
  try {
    await removeRadioInterface(openGenl({ system: core }, scope), link.ifindex);
  } catch (error) {
    log.debug('%s: %s', name, messageOf(error));
  } finally {
    await scope.close();
  }
}

/** A radio, and whom to ask for more. */
interface Radio extends Wiphy {
  readonly genl: Genl;
}

async function radioOf(core: Core, { ifindex, interfaceName }: Device, scope: Scope): Promise<Radio | undefined> {
  try {
    const genl = openGenl({ system: core }, scope);
    return { genl, ...(await readWiphy(genl, ifindex)) };
  } catch (error) {
    log.debug('%s: %s', interfaceName, messageOf(error));
    return undefined;
  }
}

async function findPlace(env: AccessPointEnv, settings: AccessPointSettings, scope: Scope): Promise<Place> {
  const { core, device } = env;
  const radio = await radioOf(core, device, scope);
  const wish = { wantedMhz: settings.frequencyMhz, frequencies: radio?.frequencies ?? [] };
  if (radio === undefined || radio.channelsBeside === 0) {
    const frequencyMhz = chooseFrequency({ ...wish, boundMhz: undefined });
    await env.replaceStation(scope);
    const { interfaceName, ifindex } = device;
    return { interfaceName, ifindex, frequencyMhz, mayFollowTo: undefined };
  }
  const stationMhz = radio.channelsBeside > 1 ? undefined : await readFrequency(radio.genl, device.ifindex);
  const frequencyMhz = chooseFrequency({ ...wish, boundMhz: stationMhz });
  const isFree = (mhz: number): boolean => radio.frequencies.some((each) => each.mhz === mhz && each.isFree);
  const mayFollowTo = radio.channelsBeside > 1 ? undefined : isFree;
  return { ...(await addInterface(core, device, radio, scope)), frequencyMhz, mayFollowTo };
}

async function addInterface(
  core: Core, device: Device, { genl, index }: Radio, scope: Scope,
): Promise<Pick<Place, 'interfaceName' | 'ifindex'>> {
  const { mirror, link } = core.kernel;
  const interfaceName = `${TETHER_BRIDGE}${device.ifindex}`;
  const stale = mirror.linkByName(interfaceName);
  if (stale !== undefined) await removeRadioInterface(genl, stale.ifindex);
  await addRadioInterface(genl, index, interfaceName, 'station');
  const { ifindex, hardwareAddress } = await made(core, interfaceName, scope);
  scope.defer(async () => {
    await removeRadioInterface(genl, ifindex).catch((error: unknown) => log.debug('%s: %s', interfaceName, error));
  });
  // A driver that has run out of addresses gives one twice, and then lets only one of the interfaces be up.
  const isTaken = [...mirror.links.values()]
    .some((other) => other.ifindex !== ifindex && equalBytes(other.hardwareAddress, hardwareAddress));
  if (isTaken) await link.setHardwareAddress(ifindex, localAddress(hardwareAddress));
  return { interfaceName, ifindex };
}

// IEEE 802, 8.2: locally administered; another than drivers make of theirs.
function localAddress(address: Uint8Array): Uint8Array {
  const [first = 0, ...rest] = address;
  return Uint8Array.of((first | 0x02) ^ 0x08, ...rest);
}

// Two sockets: the kernel tells of the interface on another than it answers on.
async function made(core: Core, name: string, scope: Scope): Promise<Link> {
  const { mirror } = core.kernel;
  const limits = scope.child();
  const signal = core.clock.deadline('access point interface', START_LIMIT_MS, scope.signal, limits);
  try {
    return mirror.linkByName(name) ?? await new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      mirror.linkChanged.observe(limits, ({ after }) => {
        if (after?.name === name) resolve(after);
      });
    });
  } finally {
    await limits.close();
  }
}

// oxlint-disable-next-line max-params -- of whom, what, how and where
async function bringUp(
  { core, device }: AccessPointEnv, link: SupplicantLink, settings: AccessPointSettings, frequencyMhz: number,
): Promise<string> {
  const limits = device.scope.child();
  const signal = core.clock.deadline('access point', START_LIMIT_MS, device.scope.signal, limits);
  try {
    let before = link.state;
    const up = new Promise<void>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      link.events.observe(limits, (event) => {
        // A fresh interface ends its first state by itself.
        const isFailed = hasEnded(event, link) && before !== 'inactive';
        before = link.state;
        if (link.state === 'completed') resolve();
        else if (isFailed) reject(new ConnmanError('Failed', 'the radio does not start an access point'));
      });
    });
    up.catch(() => undefined);
    const block = await link.join(accessPointBlock(settings, frequencyMhz, link.capabilities.hasSae));
    await up;
    return block;
  } finally {
    await limits.close();
  }
}

// The radio has one channel: the access point goes first to where the station will be, and its clients follow.
// oxlint-disable-next-line max-params -- what, where, for whom and how long
function followStation(point: AccessPoint, place: Place, request: TetherRequest, scope: Scope): void {
  const { mayFollowTo } = place;
  if (mayFollowTo === undefined) return;
  let atMhz = place.frequencyMhz;
  point.env.guardStation(async (frequencyMhz) => {
    if (frequencyMhz === atMhz || point.block === undefined) return;
    if (!mayFollowTo(frequencyMhz)) {
      return request.fail(`the radio goes to ${frequencyMhz} MHz, where no access point may be`);
    }
    const { env, link, settings, block } = point;
    log.debug('%s: the access point moves to %d MHz', env.device.interfaceName, frequencyMhz);
    point.block = undefined;
    atMhz = frequencyMhz;
    try {
      await link.leave(block);
      point.block = await bringUp(env, link, settings, frequencyMhz);
    } catch (error) {
      request.fail(messageOf(error));
    }
  }, scope);
}

function followStations(point: AccessPoint, request: TetherRequest, scope: Scope): void {
  const { link } = point;
  const stations = new Map<string, Scope>();
  link.events.observe(scope, (event) => {
    if (hasEnded(event, link) && point.block !== undefined) request.fail('the access point is gone');
    if (event.kind !== 'station') return;
    const { address, isThere } = event;
    void stations.get(address)?.close();
    stations.delete(address);
    if (!isThere) return;
    const own = scope.child();
    stations.set(address, own);
    request.addClient(address, own);
  });
}

function hasEnded(event: LinkEvent, link: SupplicantLink): boolean {
  if (event.kind === 'removed') return true;
  return event.kind === 'state' && (link.state === 'disconnected' || link.state === 'interface_disabled');
}
