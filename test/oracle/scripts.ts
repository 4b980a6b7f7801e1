/**
 * What is done to a connection manager to learn how it behaves: scripts for the recorder, played
 * with Debian's connmand once and with ours in every test run.
 */

import { busVariant, plain } from '../helpers/bus-daemon.ts';
import type { CellEvent } from '../helpers/event-log.ts';
import type { Player, Script, ScriptCall } from './recorder.ts';

const TECHNOLOGY = '/net/connman/technology/ethernet';
const FIRST = '/net/connman/service/ethernet_020000000000_cable';
const SECOND = '/net/connman/service/ethernet_020000000001_cable';
const dnsmasq = { extra: ['--dhcp-option=15,lan.test', '--dhcp-option=42,10.77.0.1'] };

/** All scripts. */
export const SCRIPTS: readonly Script[] = [
  { name: 'wired', cell: { dnsmasq }, play: playWired },
  { name: 'refusals', cell: { dnsmasq }, play: playRefusals },
  { name: 'settings', cell: { dnsmasq }, play: playSettings },
  { name: 'two-cables', cell: { dnsmasq, cables: 2 }, play: playTwoCables },
  { name: 'clients', cell: { dnsmasq }, play: playClients },
];

async function playWired(player: Player): Promise<void> {
  await player.step('start', () => player.start(), isTechnology('Powered', true));
  await player.step('asked without a cable', () => dump(player));
  await plug(player, 'a cable');
  await player.step('asked while online', () => dump(player));
  await player.step('Disconnect', () => player.call(FIRST, 'Disconnect'), isService(FIRST, 'State', 'idle'));
  await player.step('asked while idle', () => dump(player));
  await player.step('Connect', () => player.call(FIRST, 'Connect'), isManager('State', 'online'));
  await player.step('the cable is pulled', () => player.cell.cable().unplug(), isGone(FIRST));
  await plug(player, 'the cable is back');
  await player.step('power off', () => player.set(TECHNOLOGY, 'Powered', 'b', false), isGone(FIRST));
  await player.step('power off again', () => player.set(TECHNOLOGY, 'Powered', 'b', false));
  await player.step('asked without power', () => dump(player));
  await plug(player, 'power on', () => player.set(TECHNOLOGY, 'Powered', 'b', true));
  await player.step('offline', () => player.set('/', 'OfflineMode', 'b', true), isGone(FIRST));
  await player.step('offline again', () => player.set('/', 'OfflineMode', 'b', true));
  await player.step('asked while offline', () => dump(player));
  await plug(player, 'no longer offline', () => player.set('/', 'OfflineMode', 'b', false));
  await player.step('SIGTERM', () => player.stop());
}

/** Everything that can be asked. */
async function dump(player: Player): Promise<void> {
  await player.call('/', 'GetProperties');
  await player.call('/', 'GetTechnologies');
  await player.call('/', 'GetServices');
  await player.call('/', 'GetPeers');
  await player.call('/', 'GetTetheringClients');
  await player.call('/', 'net.connman.Clock.GetProperties');
  await player.call('/', 'org.freedesktop.DBus.ObjectManager.GetManagedObjects');
  await player.call(TECHNOLOGY, 'GetProperties');
  await player.call(FIRST, 'GetProperties');
}

async function playRefusals(player: Player): Promise<void> {
  await online(player);
  for (const [name, asks] of Object.entries(REFUSALS)) {
    await player.step(name, async () => {
      for (const { path, member, ...call } of asks) await player.call(path, member, call);
    });
  }
}

async function playSettings(player: Player): Promise<void> {
  await online(player);
  const set = async (name: string, signature: string, value: unknown): Promise<void> => {
    await player.step(`${name} ${JSON.stringify(plain(value))}`, () => player.set(FIRST, name, signature, value));
    await player.step('what is shown', () => player.call(FIRST, 'GetProperties'));
  };
  await set('AutoConnect', 'b', false);
  await set('AutoConnect', 'b', true);
  await set('Nameservers.Configuration', 'as', ['192.0.2.53', 'bogus', '', '192.0.2.54 192.0.2.55']);
  await set('Nameservers.Configuration', 'as', []);
  await set('Timeservers.Configuration', 'as', ['ntp.test', '', 'one two']);
  await set('Timeservers.Configuration', 'as', []);
  await set('Domains.Configuration', 'as', ['one.test', 'two.test three.test']);
  await set('Domains.Configuration', 'as', []);
  await set('Proxy.Configuration', 'a{sv}', ipv4('manual', {}, { Servers: ['proxy:8080'], Excludes: ['lan.test'] }));
  await set('Proxy.Configuration', 'a{sv}', ipv4('auto', { URL: 'http://10.77.0.1/proxy.pac' }));
  await set('Proxy.Configuration', 'a{sv}', ipv4('direct'));
  await set('Proxy.Configuration', 'a{sv}', ipv4('manual'));
  await set('Proxy.Configuration', 'a{sv}', ipv4('manual', {}, { Servers: [] }));
  await set('mDNS.Configuration', 'b', true);
  await set('mDNS.Configuration', 'b', false);
  const address = { Address: '10.77.0.2', Netmask: '255.255.240.0', Gateway: '10.77.0.1' };
  await set('IPv4.Configuration', 'a{sv}', ipv4('manual', address));
  await set('IPv4.Configuration', 'a{sv}', ipv4('manual', { Address: '10.77.0.2' }));
  await set('IPv4.Configuration', 'a{sv}', ipv4('off'));
  await set('IPv6.Configuration', 'a{sv}', ipv4('off'));
  await player.step('Connect without a method', () => player.call(FIRST, 'Connect'));
  await set('IPv6.Configuration', 'a{sv}', ipv4('auto', { Privacy: 'preferred' }));
  await player.step(
    'DHCP again',
    () => player.set(FIRST, 'IPv4.Configuration', 'a{sv}', ipv4('dhcp')),
    isManager('State', 'online'),
  );
  await player.step('the cable is pulled', () => player.cell.cable().unplug(), isGone(FIRST));
  await plug(player, 'the cable is back');
  await player.step('what is shown', () => player.call(FIRST, 'GetProperties'));
}

async function playTwoCables(player: Player): Promise<void> {
  await online(player);
  const list = (): Promise<void> => player.step('the list', () => player.call('/', 'GetServices'));
  const second = () => player.cell.cable(1).plug();
  await plug(player, 'a second cable', second, [SECOND, isService(SECOND, 'State', 'ready')]);
  await list();
  const move = (member: string, path: string, target: string) => () =>
    player.call(path, member, { signature: 'o', body: [target] });
  await player.step('MoveBefore', move('MoveBefore', SECOND, FIRST), isService(SECOND, 'State', 'online'));
  await list();
  await player.step('MoveBefore again', move('MoveBefore', SECOND, FIRST));
  await player.step('MoveAfter', move('MoveAfter', SECOND, FIRST), isService(FIRST, 'State', 'online'));
  await list();
  await player.step('the default is pulled', () => player.cell.cable().unplug(), isService(SECOND, 'State', 'online'));
  await plug(player, 'it is back', undefined, [FIRST, isService(FIRST, 'State', 'ready')]);
  await list();
  await player.step('Disconnect', () => player.call(SECOND, 'Disconnect'), isService(FIRST, 'State', 'online'));
  await list();
  await player.step('offline', () => player.set('/', 'OfflineMode', 'b', true), isGone(FIRST));
  await player.step('SIGTERM', () => player.stop());
}

/** Agents and counters, served by the observer. */
async function playClients(player: Player): Promise<void> {
  player.cell.bus.serve(player.cell.log);
  await online(player);
  const call = (member: string, signature: string, ...body: unknown[]): Promise<void> =>
    player.call('/', member, { signature, body });
  await player.step('agents', async () => {
    await call('UnregisterAgent', 'o', '/agent');
    await call('RegisterAgent', 'o', '/agent');
    await call('RegisterAgent', 'o', '/other');
    await call('UnregisterAgent', 'o', '/other');
    await call('UnregisterAgent', 'o', '/agent');
    await call('RegisterAgent', 'o', '/agent');
  });
  const isUsage = isCalled('net.connman.Counter.Usage');
  await player.step('a counter', () => call('RegisterCounter', 'ouu', '/counter', 10, 3), isUsage);
  await player.step('the same counter', async () => {
    await call('RegisterCounter', 'ouu', '/counter', 10, 3);
    await call('UnregisterCounter', 'o', '/unknown');
  });
  await player.step('its next report', () => undefined, isUsage);
  await player.step('ResetCounters', () => player.call(FIRST, 'ResetCounters'), isUsage);
  await player.step('the cable is pulled', () => player.cell.cable().unplug(), isGone(FIRST));
  await plug(player, 'the cable is back');
  await player.step('its report on the new service', () => undefined, isUsage);
  await player.step('no counter', () => call('UnregisterCounter', 'o', '/counter'));
  await player.step('no counter again', () => call('UnregisterCounter', 'o', '/counter'));
  await player.step('another counter', () => call('RegisterCounter', 'ouu', '/counter', 10, 3), isUsage);
  await player.step('SIGTERM', () => player.stop());
}

/** Starts with a cable and waits until it is online. */
async function online(player: Player): Promise<void> {
  await player.step('start', () => player.start(), isTechnology('Powered', true));
  await plug(player, 'a cable');
}

/**
 * Brings a service up in one step. The server answers only when the service has been announced:
 * ConnMan gathers changes for 100 ms, in which a fast server would have been done.
 */
function plug(
  player: Player,
  name: string,
  act: () => unknown = () => player.cell.cable().plug(),
  [path, until]: readonly [path: string, until: Match] = [FIRST, isManager('State', 'online')],
): Promise<void> {
  const slowly = async (): Promise<void> => {
    const since = performance.now();
    player.cell.dnsmasq?.freeze();
    await act();
    await player.cell.log.wait(`${name}: the service`, isNew(path), { since });
    player.cell.dnsmasq?.thaw();
  };
  return player.step(name, slowly, until);
}

/** Entries of a configuration. */
/** What may be announced to Wi-Fi Direct peers, and what may not. */
const PEER_SERVICES: Readonly<Record<string, Record<string, unknown>>> = {
  bonjour: { BonjourQuery: busVariant('ay', Buffer.of(1, 2)), BonjourResponse: busVariant('ay', Buffer.of(3)) },
  upnp: { UpnpService: busVariant('s', 'uuid:1::upnp:rootdevice'), UpnpVersion: busVariant('i', 16) },
  display: { WiFiDisplayIEs: busVariant('ay', Buffer.from('00000600101c440032', 'hex')) },
  unknown: { Bogus: busVariant('s', 'x') },
  query: { BonjourQuery: busVariant('ay', Buffer.of(1, 2)) },
  version: { UpnpVersion: busVariant('i', 16) },
  more: { UpnpService: busVariant('s', 'x'), UpnpVersion: busVariant('i', 16), Bogus: busVariant('s', 'x') },
};

function ipv4(
  method: string,
  texts: Readonly<Record<string, string>> = {},
  lists: Readonly<Record<string, readonly string[]>> = {},
): Record<string, unknown> {
  return {
    Method: busVariant('s', method),
    ...Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, busVariant('s', text)])),
    ...Object.fromEntries(Object.entries(lists).map(([key, list]) => [key, busVariant('as', list)])),
  };
}

type Match = (event: CellEvent) => boolean;

function isProperty(noun: string, path: string, name: string, value: unknown): Match {
  return (event) =>
    event.kind === 'signal' &&
    event.path === path &&
    event.name === `net.connman.${noun}.PropertyChanged` &&
    event.body[0] === name &&
    event.body[1] === value;
}

const isTechnology = (name: string, value: unknown): Match => isProperty('Technology', TECHNOLOGY, name, value);
const isManager = (name: string, value: unknown): Match => isProperty('Manager', '/', name, value);
const isService = (path: string, name: string, value: unknown): Match => isProperty('Service', path, name, value);
const isCalled = (name: string): Match => (event) => event.kind === 'call' && event.name === name;

/** Whether ServicesChanged says that the service is gone. */
function isGone(path: string): Match {
  return (event) =>
    event.kind === 'signal' && event.name === 'net.connman.Manager.ServicesChanged' &&
    Array.isArray(event.body[1]) && event.body[1].includes(path);
}

/** Whether ServicesChanged brings the service. */
function isNew(path: string): Match {
  return (event) =>
    event.kind === 'signal' && event.name === 'net.connman.Manager.ServicesChanged' &&
    JSON.stringify(event.body[0]).includes(`["${path}",{"`);
}

interface Ask extends ScriptCall {
  readonly path: string;
  readonly member: string;
}

function set(path: string, name: string, signature: string, value: unknown): Ask {
  return { path, member: 'SetProperty', signature: 'sv', body: [name, busVariant(signature, value)] };
}

function clock(name: string, signature: string, value: unknown): Ask {
  return { ...set('/', name, signature, value), member: 'net.connman.Clock.SetProperty' };
}

function call(path: string, member: string, signature = '', ...body: unknown[]): Ask {
  return { path, member, signature, body };
}

/** What can be asked wrongly, or in vain. */
const REFUSALS: Readonly<Record<string, readonly Ask[]>> = {
  'properties of a service': [
    set(FIRST, 'Name', 's', 'x'),
    set(FIRST, 'State', 's', 'idle'),
    set(FIRST, 'Nameservers', 'as', ['192.0.2.1']),
    set(FIRST, 'Bogus', 's', 'x'),
    set(FIRST, 'AutoConnect', 's', 'true'),
    set(FIRST, 'AutoConnect', 'b', true),
    set(FIRST, 'Nameservers.Configuration', 's', '192.0.2.1'),
    set(FIRST, 'Timeservers.Configuration', 's', 'x'),
    set(FIRST, 'Domains.Configuration', 's', 'x'),
    set(FIRST, 'mDNS.Configuration', 's', 'x'),
    set(FIRST, 'IPv4.Configuration', 's', 'dhcp'),
    set(FIRST, 'IPv4.Configuration', 'a{sv}', {}),
    set(FIRST, 'IPv4.Configuration', 'a{sv}', ipv4('auto')),
    set(FIRST, 'IPv4.Configuration', 'a{sv}', ipv4('fixed')),
    set(FIRST, 'IPv4.Configuration', 'a{sv}', ipv4('bogus')),
    set(FIRST, 'IPv4.Configuration', 'a{sv}', ipv4('manual', { Address: 'bogus' })),
    set(FIRST, 'IPv4.Configuration', 'a{sv}', ipv4('manual', { Address: 'fe80::1' })),
    set(FIRST, 'IPv4.Configuration', 'a{sv}', ipv4('manual', { Address: '192.0.2.1', Netmask: 'bogus' })),
    set(FIRST, 'IPv4.Configuration', 'a{sv}', ipv4('manual', { Address: '192.0.2.1', Gateway: 'bogus' })),
    set(FIRST, 'IPv6.Configuration', 'a{sv}', ipv4('dhcp')),
    set(FIRST, 'IPv6.Configuration', 'a{sv}', ipv4('6to4')),
    set(FIRST, 'IPv6.Configuration', 'a{sv}', ipv4('manual')),
    set(FIRST, 'IPv6.Configuration', 'a{sv}', ipv4('manual', { Address: '192.0.2.1' })),
    set(FIRST, 'Proxy.Configuration', 'a{sv}', ipv4('manual')),
    set(FIRST, 'Proxy.Configuration', 'a{sv}', ipv4('bogus')),
    set(FIRST, 'Proxy.Configuration', 'a{sv}', {}),
  ],
  'methods of a service': [
    call(FIRST, 'Connect'),
    call(FIRST, 'Remove'),
    call(FIRST, 'MoveBefore', 'o', FIRST),
    call(FIRST, 'MoveAfter', 'o', '/net/connman/service/unknown'),
    call(FIRST, 'MoveAfter', 'o', '/elsewhere'),
    call(FIRST, 'ClearProperty', 's', 'Error'),
    call(FIRST, 'ClearProperty', 's', 'Name'),
    call(FIRST, 'ResetCounters'),
    call(FIRST, 'Bogus'),
    call(FIRST, 'Connect', 's', 'x'),
    call(FIRST, 'MoveBefore', 's', 'x'),
    call('/net/connman/service/unknown', 'GetProperties'),
    call('/net/connman/service', 'GetProperties'),
  ],
  'a technology': [
    set(TECHNOLOGY, 'Powered', 'b', true),
    set(TECHNOLOGY, 'Powered', 's', 'x'),
    set(TECHNOLOGY, 'Connected', 'b', true),
    set(TECHNOLOGY, 'Name', 's', 'x'),
    set(TECHNOLOGY, 'Bogus', 's', 'x'),
    set(TECHNOLOGY, 'Tethering', 'b', true),
    set(TECHNOLOGY, 'Tethering', 'b', false),
    set(TECHNOLOGY, 'Tethering', 's', 'x'),
    set(TECHNOLOGY, 'TetheringIdentifier', 's', 'x'),
    set(TECHNOLOGY, 'TetheringIdentifier', 'b', true),
    set(TECHNOLOGY, 'TetheringPassphrase', 's', 'x'),
    set(TECHNOLOGY, 'TetheringPassphrase', 's', 'long enough'),
    set(TECHNOLOGY, 'TetheringFreq', 'i', 2437),
    set(TECHNOLOGY, 'TetheringFreq', 's', 'x'),
    call(TECHNOLOGY, 'Scan'),
    call('/net/connman/technology/wifi', 'Scan'),
    call(TECHNOLOGY, 'GetProperties'),
  ],
  'the manager': [
    set('/', 'State', 's', 'x'),
    set('/', 'Bogus', 's', 'x'),
    set('/', 'OfflineMode', 's', 'x'),
    set('/', 'OfflineMode', 'b', false),
    set('/', 'SessionMode', 's', 'x'),
    set('/', 'SessionMode', 'b', true),
    call('/', 'GetProperties'),
    set('/', 'SessionMode', 'b', false),
    call('/', 'DestroySession', 'o', '/sessions/unknown'),
    call('/', 'ReleasePrivateNetwork', 'o', '/tethering/tun0'),
    call('/', 'RemoveProvider', 'o', '/net/connman/service/vpn_unknown'),
    call('/', 'ConnectProvider', 'a{sv}', {}),
    call('/', 'UnregisterPeerService', 'a{sv}', {}),
    call('/', 'RegisterPeerService', 'a{sv}b', {}, false),
    call('/', 'Bogus'),
  ],
  'services for peers': [
    ...Object.values(PEER_SERVICES).flatMap((each) => [
      call('/', 'RegisterPeerService', 'a{sv}b', each, false),
      call('/', 'RegisterPeerService', 'a{sv}b', each, true),
      call('/', 'UnregisterPeerService', 'a{sv}', each),
      call('/', 'UnregisterPeerService', 'a{sv}', each),
    ]),
  ],
  'the clock': [
    clock('Time', 't', 1n),
    clock('Time', 'x', 1n),
    clock('TimeUpdates', 's', 'bogus'),
    clock('TimeUpdates', 's', 'auto'),
    clock('TimeUpdates', 'b', true),
    clock('Timezone', 's', 'Etc/UTC'),
    clock('TimezoneUpdates', 's', 'bogus'),
    clock('Timeservers', 's', 'x'),
    clock('TimeserverSynced', 'b', true),
    clock('Bogus', 's', 'x'),
    clock('TimezoneUpdates', 's', 'manual'),
    clock('Timezone', 's', 'Bogus/Zone'),
    clock('TimezoneUpdates', 's', 'auto'),
    clock('Timeservers', 'as', ['192.0.2.123', 'ntp.test', '192.0.2.123']),
    clock('Timeservers', 'as', []),
  ],
};
