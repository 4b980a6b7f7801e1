/**
 * What is done to a connection manager on Wi-Fi to learn how it behaves, in the guest (wifi-air.ts): for the
 * recorder, played with Debian's connmand once, and with ours in every run. A step named `psk: …` is about
 * that network, what is heard of others in it means nothing.
 */

import type { CellEvent } from '../helpers/event-log.ts';
import { type AgentAnswer, WIFI_NETWORKS, type WifiAir, type WifiName } from './wifi-air.ts';

const TECHNOLOGY = '/net/connman/technology/wifi';
const MANAGER = { destination: 'net.connman', path: '/', interface: 'net.connman.Manager' } as const;
const AGENT = { signature: 'o', body: ['/agent'] };
const KEY = { Passphrase: 'rigsecret' };
const PIN = '12345670';
/** The radio. */
const OURSELVES = '02:00:00:00:01:00';
const MAX_SCANS = 15;

/** Of a network on the first radio of a cell's device. */
function wifiService(ssid: string, security: string): string {
  return `/net/connman/service/wifi_020000000100_${ssid}_managed_${security}`;
}

const hex = (text: string): string => Buffer.from(text).toString('hex');
const SECURITIES = {
  psk: 'psk', open: 'none', hidden: 'psk', wps: 'psk', sae: 'psk', both: 'psk', owe: 'none', eap: 'ieee8021x',
} as const satisfies Record<WifiName, string>;

const NAMES = ['psk', 'open', 'hidden', 'wps', 'sae', 'both', 'owe', 'eap'] as const satisfies readonly WifiName[];

function serviceOf(name: WifiName): string {
  return wifiService(hex(WIFI_NETWORKS[name].ssid), SECURITIES[name]);
}

/** The service of the network on which much is tried. */
export const WIFI_SERVICE = serviceOf('psk');

const NAMELESS = wifiService('hidden', 'psk');

/** A part of the script, which can be played by itself and again. The name of a step says which part it is of. */
export interface WifiPart {
  readonly name: string;
  play(air: WifiAir): Promise<void>;
}

/** The whole script. */
const PARTS: readonly WifiPart[] = [
  { name: 'networks are found', play: playFound },
  { name: 'a key is asked for', play: playKeys },
  { name: 'joined, left, joined again', play: playJoined },
  { name: 'what is asked for of other kinds', play: playKinds },
  { name: 'refusals', play: playRefusals },
  { name: 'hidden', play: playHidden },
  { name: 'known at start, power off', play: playKnown },
  { name: 'WPS', play: playWps },
  { name: 'the access point vanishes and returns', play: playVanishing },
  { name: 'an access point of our own', play: playTethering },
];

/** The script, or the parts of it with one of `words`, between bars, in their names. No part feels another. */
export function wifiParts(words = ''): readonly WifiPart[] {
  const parts = PARTS.filter(({ name }) => words.split('|').some((each) => name.includes(each)));
  return parts.map(({ name, play }) => ({
    name,
    async play(air) {
      if (air.player.isRunning) await air.player.step(BETWEEN, () => air.player.stop());
      air.forget();
      await play(air);
    },
  }));
}

/** What is heard between two parts, and not held against anything. */
export const BETWEEN = 'between';

/** A daemon that knows the networks and has an agent. */
async function begin(air: WifiAir, ...names: readonly WifiName[]): Promise<void> {
  const { player } = air;
  if (!player.isRunning) await player.step(BETWEEN, () => player.start(), isPowered);
  await player.step(BETWEEN, async () => {
    await player.cell.bus.call({ ...MANAGER, ...AGENT, member: 'RegisterAgent' }).catch(() => undefined);
    await find(air, names);
  });
}

async function playFound(air: WifiAir): Promise<void> {
  const { player } = air;
  await player.step('start', () => player.start(), isPowered);
  let found: ReadonlyMap<WifiName, string> = new Map();
  await player.step('found', async () => {
    found = await find(air, NAMES);
  });
  for (const name of NAMES) {
    await player.step(`${name}: asked`, () => player.call(found.get(name) ?? '/', 'GetProperties'));
  }
  await player.step('asked', () => dump(air));
  await player.step('a scan', () => player.call(TECHNOLOGY, 'Scan'));
}

async function playKeys(air: WifiAir): Promise<void> {
  const { player } = air;
  await begin(air, 'psk');
  await player.cell.bus.call({ ...MANAGER, ...AGENT, member: 'UnregisterAgent' });
  await player.step('psk: Connect without an agent', () => connect(air, WIFI_SERVICE));
  await player.step('an agent', () => player.call('/', 'RegisterAgent', AGENT));
  await tryWith(air, 'psk: Connect, the user does not want to', 'net.connman.Agent.Error.Canceled');
  await tryWith(air, 'psk: Connect, the agent fails', 'org.example.Error');
  await tryWith(air, 'psk: Connect with a key that is none', { Passphrase: 'short' });
  await tryWith(air, 'psk: Connect with a wrong key', { Passphrase: 'not the one' });
  await player.step('psk: asked after a wrong key', () => player.call(WIFI_SERVICE, 'GetProperties'));
  await tryWith(air, 'psk: Connect, not wanted after a wrong key', 'net.connman.Agent.Error.Canceled');
  air.answer = KEY;
  await player.step('psk: Connect after a wrong key', () => connect(air, WIFI_SERVICE), isManager('State', 'online'));
  await player.step('psk: Remove', () => player.call(WIFI_SERVICE, 'Remove'), isManager('State', 'idle'));
}

async function playJoined(air: WifiAir): Promise<void> {
  const { player } = air;
  const open = serviceOf('open');
  air.answer = KEY;
  await begin(air, 'psk', 'open');
  await player.step('psk: Connect', () => connect(air, WIFI_SERVICE), isManager('State', 'online'));
  await player.step('psk: asked while online', () => dump(air, WIFI_SERVICE));
  await player.step('psk: Connect again', () => connect(air, WIFI_SERVICE));
  await player.step('psk: AutoConnect off', () => player.set(WIFI_SERVICE, 'AutoConnect', 'b', false));
  await player.step('psk: Disconnect', () => player.call(WIFI_SERVICE, 'Disconnect'), isManager('State', 'idle'));
  await player.step('psk: Disconnect again', () => player.call(WIFI_SERVICE, 'Disconnect'));
  await player.step('psk: Connect as known', () => connect(air, WIFI_SERVICE), isManager('State', 'online'));
  await player.step('psk open: Connect to another', () => connect(air, open), isService(open, 'State', 'online'));
  await player.step('open: asked while online', () => dump(air, open));
  await player.step('open: Remove while online', () => player.call(open, 'Remove'), isManager('State', 'idle'));
  await player.step('open: asked after Remove', () => player.call(open, 'GetProperties'));
  await player.step('psk: Remove while idle', () => player.call(WIFI_SERVICE, 'Remove'));
  await player.step('psk: asked after Remove', () => player.call(WIFI_SERVICE, 'GetProperties'));
}

async function playKinds(air: WifiAir): Promise<void> {
  await begin(air, 'hidden', 'wps', 'sae', 'both', 'eap');
  for (const name of ['wps', 'sae', 'both', 'eap'] as const) {
    await tryWith(air, `${name}: Connect, not wanted`, 'net.connman.Agent.Error.Canceled', serviceOf(name));
  }
  await tryWith(air, 'hidden: Connect, not wanted', 'net.connman.Agent.Error.Canceled', NAMELESS);
  await tryWith(air, 'wps: Connect with a PIN that is none', { WPS: '123' }, serviceOf('wps'));
}

async function playRefusals(air: WifiAir): Promise<void> {
  const { player } = air;
  const long = 'x'.repeat(64);
  await begin(air, 'psk', 'open');
  await player.step('psk: refused', async () => {
    await player.call(WIFI_SERVICE, 'Disconnect');
    await player.call(WIFI_SERVICE, 'Remove');
    await player.set(WIFI_SERVICE, 'AutoConnect', 'b', true);
    await player.set(WIFI_SERVICE, 'Passphrase', 's', 'rigsecret');
    await player.set(WIFI_SERVICE, 'Hidden', 'b', true);
    await player.set(WIFI_SERVICE, 'Nameservers.Configuration', 'as', ['192.0.2.53']);
    await player.call(WIFI_SERVICE, 'ClearProperty', { signature: 's', body: ['Error'] });
    await player.call(WIFI_SERVICE, 'MoveBefore', { signature: 'o', body: [serviceOf('open')] });
  });
  await player.step('technology: refused', async () => {
    await player.set(TECHNOLOGY, 'Powered', 'b', true);
    await player.set(TECHNOLOGY, 'Tethering', 'b', false);
    await player.set(TECHNOLOGY, 'TetheringIdentifier', 's', '');
    await player.set(TECHNOLOGY, 'TetheringIdentifier', 's', long);
    await player.set(TECHNOLOGY, 'TetheringPassphrase', 's', 'short');
    await player.set(TECHNOLOGY, 'TetheringPassphrase', 's', `${long}x`);
    await player.set(TECHNOLOGY, 'TetheringFreq', 'i', -1);
    await player.set(TECHNOLOGY, 'TetheringFreq', 'i', 2437);
    await player.set(TECHNOLOGY, 'Connected', 'b', true);
    await player.call(TECHNOLOGY, 'GetProperties');
  });
}

async function playVanishing(air: WifiAir): Promise<void> {
  const { player } = air;
  air.answer = KEY;
  await begin(air, 'psk');
  await player.step('psk: Connect anew', () => connect(air, WIFI_SERVICE), isManager('State', 'online'));
  const throwOut = (): Promise<string> => air.hostapd('psk', 'deauthenticate', OURSELVES);
  await player.step('psk: it throws us out', throwOut, isManager('State', 'online'));
  await player.step('psk: it vanishes', () => air.vanish(), isManager('State', 'idle'));
  await player.step('psk: it returns', () => air.comeBack(), isManager('State', 'online'));
  await player.step('psk: Remove while online', () => player.call(WIFI_SERVICE, 'Remove'), isManager('State', 'idle'));
}

async function playHidden(air: WifiAir): Promise<void> {
  const { player } = air;
  await begin(air, 'hidden');
  await tryWith(air, 'hidden: Connect by a name that is none', { ...KEY, Name: 'x'.repeat(33) }, NAMELESS);
  await tryWith(air, 'hidden: Connect by another name', { ...KEY, Name: 'rig-nowhere' }, NAMELESS);
  air.answer = { ...KEY, Name: 'rig-hidden' };
  await player.step('hidden: Connect', () => connect(air, NAMELESS), isManager('State', 'online'));
  await player.step('hidden: asked while online', () => dump(air, serviceOf('hidden')));
  await player.step('hidden: what is stored', () => player.note(air.stored(serviceOf('hidden'))));
  await player.step('hidden: Remove', () => player.call(serviceOf('hidden'), 'Remove'), isManager('State', 'idle'));
}

async function playWps(air: WifiAir): Promise<void> {
  const { player } = air;
  const wps = serviceOf('wps');
  await begin(air, 'wps');
  await air.hostapd('wps', 'wps_pbc');
  air.answer = { WPS: '' };
  await player.step('wps: Connect by push button', () => connect(air, wps), isManager('State', 'online'));
  await player.step('wps: asked while online', () => dump(air, wps));
  await player.step('wps: Remove', () => player.call(wps, 'Remove'), isManager('State', 'idle'));
  await air.hostapd('wps', 'wps_pin', 'any', PIN);
  air.answer = { WPS: PIN };
  await begin(air, 'wps');
  await player.step('wps: Connect by PIN', () => connect(air, wps), isManager('State', 'online'));
  await player.step('wps: Remove again', () => player.call(wps, 'Remove'), isManager('State', 'idle'));
}

async function playKnown(air: WifiAir): Promise<void> {
  const { player } = air;
  air.answer = KEY;
  await begin(air, 'psk');
  await player.step('psk: Connect for good', () => connect(air, WIFI_SERVICE), isManager('State', 'online'));
  await player.step('psk: SIGTERM while online', () => player.stop());
  await player.step('psk: what is stored', () => player.note(air.stored(WIFI_SERVICE)));
  await player.step('psk: known at start', () => player.start(), isManager('State', 'online'));
  await player.step('psk: power off', () => player.set(TECHNOLOGY, 'Powered', 'b', false), isManager('State', 'idle'));
  await player.step('power off again', () => player.set(TECHNOLOGY, 'Powered', 'b', false));
  await player.step('scan without power', () => player.call(TECHNOLOGY, 'Scan'));
  // With our radio all were turned off.
  await player.step(BETWEEN, () => player.set(TECHNOLOGY, 'Powered', 'b', true), isTechnology('Powered', true));
  await air.comeBack();
  await begin(air, 'psk');
  await player.call(WIFI_SERVICE, 'Remove');
}

async function playTethering(air: WifiAir): Promise<void> {
  const { player } = air;
  await begin(air, 'psk');
  await player.step('tethering', async () => {
    await player.set(TECHNOLOGY, 'TetheringIdentifier', 's', 'ours');
    await player.set(TECHNOLOGY, 'TetheringPassphrase', 's', 'our own key');
    await player.set(TECHNOLOGY, 'Tethering', 'b', true);
  }, isTechnology('Tethering', true));
  await player.step('tethering: asked', () => dump(air));
  await player.step('tethering again', () => player.set(TECHNOLOGY, 'Tethering', 'b', true));
  await player.step('scan while tethering', () => player.call(TECHNOLOGY, 'Scan'));
  const off = (): Promise<void> => player.set(TECHNOLOGY, 'Tethering', 'b', false);
  await player.step('tethering off', off, isTechnology('Tethering', false));
  await player.step('SIGTERM', () => player.stop());
}

function connect({ player }: WifiAir, path: string): Promise<void> {
  return player.call(path, 'Connect');
}

/** A step in which a connection does not come about. */
async function tryWith(air: WifiAir, step: string, answer: AgentAnswer, path = WIFI_SERVICE): Promise<void> {
  air.answer = answer;
  await air.player.step(step, () => connect(air, path));
}

/** Looks for networks, whatever they are protected by. What an emulated radio hears takes it a scan or two. */
async function find({ player }: WifiAir, names: readonly WifiName[]): Promise<ReadonlyMap<WifiName, string>> {
  const { cell: { bus } } = player;
  const found = new Map<WifiName, string>();
  for (let scans = 0; scans <= MAX_SCANS; scans++) {
    const [list] = await bus.call({ ...MANAGER, member: 'GetServices' });
    const paths = (Array.isArray(list) ? list : []).map(([path]) => String(path));
    for (const name of names) {
      const start = wifiService(name === 'hidden' ? name : hex(WIFI_NETWORKS[name].ssid), '');
      const path = paths.find((each) => each.startsWith(start));
      if (path !== undefined) found.set(name, path);
    }
    if (found.size === names.length) return found;
    await bus.call({ ...MANAGER, path: TECHNOLOGY, interface: 'net.connman.Technology', member: 'Scan' })
      .catch(() => new Promise((resolve) => setTimeout(resolve, 1000)));
  }
  throw new Error(`${names.filter((name) => !found.has(name)).join()} not found`);
}

async function dump({ player }: WifiAir, ...paths: readonly string[]): Promise<void> {
  await player.call('/', 'GetProperties');
  await player.call('/', 'GetTechnologies');
  for (const path of paths) await player.call(path, 'GetProperties');
}

type Match = (event: CellEvent) => boolean;

function isProperty(noun: string, path: string, [name, value]: readonly [string, unknown]): Match {
  return (event) =>
    event.kind === 'signal' && event.path === path && event.name === `net.connman.${noun}.PropertyChanged` &&
    event.body[0] === name && event.body[1] === value;
}

/** Whether the technology is told of as on, or is so by now. */
function isPowered(event: CellEvent): boolean {
  if (isTechnology('Powered', true)(event)) return true;
  if (event.kind !== 'signal' || event.name !== 'net.connman.Manager.TechnologyAdded') return false;
  const [path, properties] = event.body;
  return path === TECHNOLOGY && Object(properties)['Powered'] === true;
}

const isTechnology = (name: string, value: unknown): Match => isProperty('Technology', TECHNOLOGY, [name, value]);
const isManager = (name: string, value: unknown): Match => isProperty('Manager', '/', [name, value]);
const isService = (path: string, name: string, value: unknown): Match => isProperty('Service', path, [name, value]);
