/**
 * What users choose of Wi-Fi and how they say it: addresses, the console without questions, and a daemon
 * that comes back.
 */

import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import * as assert from 'uvu/assert';
import { causewayServiceInterface } from '../../src/dbus/interfaces/causeway-service.ts';
import { propertiesInterface } from '../../src/dbus/interfaces/freedesktop.ts';
import { variant } from '../../src/dbus/signature.ts';
import { SERVER_ADDRESS } from '../helpers/cell.ts';
import { type AirNetwork, startAccessPoint } from '../helpers/guest/air.ts';
import { type Backend, CONNECT_LIMIT_MS, SECRET, type Station, stationCase, until } from '../helpers/guest/stations.ts';

const CONNMANCTL = resolve('build/bin/connmanctl');
/** Another place of `rig-psk`, in another band, which the country of these radios allows. */
const FAR = { radio: 'wlan2', channel: 36 };
const FAR_BSSID = '02:00:00:00:02:00';
const PERMANENT = '02:00:00:00:01:00';

/** Has the country follow the time zone. */
export const COUNTRY_FILES = { '/etc/connman/main.conf': '[General]\nRegdomFollowsTimezone=true\n' };

/** The same backend, in Berlin. */
export function inBerlin(backend: Backend): Backend {
  const start: Backend['start'] = async (cell) => {
    await cell.device.output(['ln', '-sf', '/usr/share/zoneinfo/Europe/Berlin', '/etc/localtime']);
    return backend.start(cell);
  };
  return { ...backend, start };
}

/** Adds the case of where that is, for an air that was opened so. */
export function countryCase(open: () => Promise<Station>): void {
  stationCase(open, 'the country is where the time zone is', async ({ cell }) => {
    await until(async () => (await cell.device.output(['iw', 'reg', 'get'])).includes('country DE: DFS-ETSI'));
  });
}

/** Adds the cases that any backend has; `networks` are on the air of the first radio. */
export function choiceCases(open: () => Promise<Station>, networks: readonly AirNetwork[]): void {
  const cases: Readonly<Record<string, (station: Station) => Promise<void>>> = {
    'the console connects without a question, hidden or not, and keeps secrets to itself': connectFromConsole,
    'the daemon starts anew: the link stays, and all that is on it': startAnew,
    'a network knows us by an address of its own, also after a restart': (station) => beKnown(station, networks),
  };
  for (const [name, body] of Object.entries(cases)) stationCase(open, name, body);
}

/** Adds that of what can be liked, where it can. */
export function likingCase(open: () => Promise<Station>, networks: readonly AirNetwork[]): void {
  stationCase(open, 'a band and an access point that the user likes', (station) => like(station, networks));
}

async function connectFromConsole(station: Station): Promise<void> {
  const { device } = station.cell;
  const connmanctl = (words: readonly string[], input = ''): Promise<string> =>
    device.output([CONNMANCTL, ...words], { input, timeoutMs: 60_000 });
  const watch = device.spawn([CONNMANCTL, 'wifi', '--scan', '0']);
  const said = await connmanctl(['connect', '--wait=online', '--passphrase-stdin', 'rig-sae'], `${SECRET}\n`);
  assert.is(said, 'Connected rig-sae\n');
  await watch.waitForLine((line) => /_managed_psk \d+ psk online rig-sae$/.test(line), CONNECT_LIMIT_MS);
  await watch.stop();
  await station.disconnect('rig-sae');
  writeFileSync(device.path('/run/secret'), `${SECRET}\n`, { mode: 0o600 });
  const join = ['connect', '--wait=online', '--passphrase-file', '/run/secret', '--hidden', 'rig-hidden'];
  assert.is(await connmanctl(join), 'Connected rig-hidden\n');
  assert.not.match(station.daemon.text, SECRET);
  for (const name of ['rig-sae', 'rig-hidden']) await station.remove(name);
}

// The kernel tells when it was associated last: that of before, it is still.
async function startAnew(station: Station): Promise<void> {
  const { device } = station.cell;
  const associated = async (): Promise<string | undefined> =>
    /associated at.*/.exec(await device.output(['iw', 'dev', 'wlan1', 'station', 'dump']))?.[0];
  const address = async (): Promise<string | undefined> =>
    /inet \S+/.exec(await device.output(['ip', '-4', 'address', 'show', 'dev', 'wlan1']))?.[0];
  await station.connect('rig-psk');
  const before = [await associated(), await address()];
  assert.ok(!before.includes(undefined), before.join());
  const asked = station.agent.asked.length;
  await station.daemon.stop();
  assert.equal([await associated(), await address()], before);
  await device.output(['bash', '-c', `exec 3<>/dev/tcp/${SERVER_ADDRESS}/80`]);
  await station.startDaemon();
  await until(async () => (await station.stateOf('rig-psk')) === 'up');
  assert.equal([await associated(), await address()], before);
  assert.is(station.agent.asked.length, asked);
  await station.remove('rig-psk');
}

async function like(station: Station, networks: readonly AirNetwork[]): Promise<void> {
  const second = await startAccessPoint(station.cell, networks.filter(({ ssid }) => ssid === 'rig-psk'), FAR);
  await station.connect('rig-psk');
  const choose = (name: string, value: string): Promise<void> => chooseOf(station, 'rig-psk', name, value);
  const joined = async (): Promise<unknown> => {
    await station.disconnect('rig-psk');
    await station.connect('rig-psk');
    const { properties, own } = await ownOf(station, 'rig-psk');
    return (await properties.Get({ ...own, property_name: 'AccessPoint' })).as('a{sv}')?.get('BSSID')?.value;
  };
  // A liking counts as far as it is heard.
  const untilIn = (isFar: boolean): Promise<void> => until(async () => {
    if (((await joined()) === FAR_BSSID) === isFar) return true;
    await station.scanned();
    return false;
  });
  await choose('Band', '5');
  await untilIn(true);
  await choose('Band', '2.4');
  await untilIn(false);
  await choose('BSSID', FAR_BSSID);
  await untilIn(true);
  for (const name of ['Band', 'BSSID']) await choose(name, 'auto');
  await station.remove('rig-psk');
  await second.stop();
}

async function beKnown(station: Station, networks: readonly AirNetwork[]): Promise<void> {
  const index = networks.findIndex(({ ssid }) => ssid === 'rig-both');
  const known = async (): Promise<string | undefined> =>
    /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/m.exec(await station.hostapd(index, 'all_sta'))?.[0];
  await station.connect('rig-both');
  assert.is(await known(), PERMANENT);
  await station.disconnect('rig-both');
  await chooseOf(station, 'rig-both', 'MACAddressPolicy', 'random');
  await station.connect('rig-both');
  const own = await known();
  assert.ok(own !== undefined && own !== PERMANENT && /^.[26ae]/.test(own), String(own));
  await station.daemon.stop();
  await station.startDaemon();
  await until(async () => (await station.stateOf('rig-both')) === 'up');
  assert.is(await known(), own);
  assert.match([...(await station.services()).values()].map(({ path }) => path).join(), 'wifi_020000000100_');
  await chooseOf(station, 'rig-both', 'MACAddressPolicy', 'permanent');
  // Another favorite may be joined meanwhile, of itself and under our own address.
  await station.disconnect('rig-both');
  await station.connect('rig-both');
  assert.is(await known(), PERMANENT);
  await station.remove('rig-both');
}

// oxlint-disable-next-line max-params -- whose, of what, which, how
async function chooseOf(station: Station, network: string, property_name: string, value: string): Promise<void> {
  const { properties, own } = await ownOf(station, network);
  await properties.Set({ ...own, property_name, value: variant('s', value) });
}

/** Where a service has what ConnMan knows nothing of. */
async function ownOf(station: Station, network: string) {
  const { path } = await station.find(network);
  const properties = station.bus.proxy(propertiesInterface, 'net.connman', path);
  return { properties, own: { interface_name: causewayServiceInterface.name } };
}
