/**
 * Access points of ours (tethering of technology wifi) over any backend: on the second radio, with a
 * wpa_supplicant of Debian's on the third as client, and hostapd on the first for the station beside.
 */

import { writeFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { DBusError } from '../../src/dbus/errors.ts';
import { causewayTechnologyInterface } from '../../src/dbus/interfaces/causeway-technology.ts';
import { propertiesInterface } from '../../src/dbus/interfaces/freedesktop.ts';
import { variant, type Variant } from '../../src/dbus/signature.ts';
import type { Child } from '../helpers/child.ts';
import { type AirNetwork, PROTECTIONS } from '../helpers/guest/air.ts';
import { CONNECT_LIMIT_MS, type Station, stationCase, until } from '../helpers/guest/stations.ts';

/** What has to be on the air, and whose the radios are. */
export const ACCESS_POINT_NETWORKS: readonly AirNetwork[] = [{ ssid: 'rig-psk', settings: PROTECTIONS.psk }];
/** hostapd's, ours and the client's. */
export const ACCESS_POINT_RADIOS = ['server', 'device', 'server'] as const;

const CLIENT = 'wlan2';
const PATH = '/net/connman/technology/wifi';
const KEY = 'our own key';
const KINDS = {
  SAE: [`sae_password="${KEY}"`, 'key_mgmt=SAE', 'ieee80211w=2'],
  PSK: [`psk="${KEY}"`, 'key_mgmt=WPA-PSK'],
  open: ['key_mgmt=NONE'],
  wrong: ['psk="not the one"', 'key_mgmt=WPA-PSK'],
} as const;

/** Adds the cases of wpa_supplicant, in the air that `open` opens. */
export function accessPointCases(open: () => Promise<Station>): void {
  const airCase = caseIn(open);
  airCase('an access point takes clients in by SAE and by PSK, and lists them', async (station, run) => {
    await tether(station, true);
    assert.is(await tetheringOf(station), true);
    for (const kind of ['SAE', 'PSK'] as const) {
      const client = run(kind);
      await isIn(client);
      await until(async () => (await clientsOf(station)).length === 1);
      assert.equal(await clientsOf(station), [await addressOf(station)]);
      assert.match(await lease(station), /192\.168\.[0-9]+\.[0-9]+/);
      await client.stop();
      await until(async () => (await clientsOf(station)).length === 0);
    }
  });
  airCase('a wrong key is refused', async (station, run) => {
    await tether(station, true);
    await run('wrong').waitForLine((line) => line.includes('WRONG_KEY'), CONNECT_LIMIT_MS);
    assert.equal(await clientsOf(station), []);
    await tether(station, false);
    assert.is(await tetheringOf(station), false);
  });
  airCase('open, where the user wants it so', async (station, run) => {
    await choose(station, 'TetheringSecurity', 'none');
    await tether(station, true);
    await isIn(run('open'));
    await until(async () => (await clientsOf(station)).length === 1);
    await tether(station, false);
    assert.equal(await clientsOf(station), []);
    await choose(station, 'TetheringSecurity', 'auto');
  });
  airCase('beside a station, which stays connected', async (station, run) => {
    await station.connect('rig-psk');
    await tether(station, true);
    await isIn(run('SAE'));
    assert.is(await station.stateOf('rig-psk'), 'up');
    await tether(station, false);
    assert.is(await station.stateOf('rig-psk'), 'up');
    await station.disconnect('rig-psk');
  });
  countryCases(airCase);
}

/** Adds that of iwd, whose radio has one mode at a time; `rig-psk` is the station's. */
export function iwdAccessPointCase(open: () => Promise<Station>): void {
  const isBack = (station: Station): Promise<void> => until(async () => (await station.stateOf('rig-psk')) === 'up');
  caseIn(open)('an access point in place of the station, which then comes back', async (station, run) => {
    await station.cell.server.output(['ip', 'link', 'set', CLIENT, 'down', 'nomaster']); // hostapd's before
    await station.connect('rig-psk');
    await tether(station, true);
    assert.is((await station.services()).size, 0);
    const client = run('PSK');
    await isIn(client);
    await until(async () => (await clientsOf(station)).length === 1);
    assert.equal(await clientsOf(station), [await addressOf(station)]);
    assert.match(await lease(station), /192\.168\.[0-9]+\.[0-9]+/);
    await client.stop();
    await until(async () => (await clientsOf(station)).length === 0);
    const wrong = run('wrong');
    await wrong.waitForLine((line) => line.includes('WRONG_KEY'), CONNECT_LIMIT_MS);
    assert.equal(await clientsOf(station), []);
    await wrong.stop();
    await tether(station, false);
    await isBack(station);
  });
}

export function caseIn(open: () => Promise<Station>): AirCase {
  return (name, body) => stationCase(open, name, async (station) => {
    const clients: Child[] = [];
    try {
      await configure(station, KEY);
      await body(station, (kind) => {
        const client = start(station, kind);
        clients.push(client);
        return client;
      });
    } finally {
      for (const client of clients) await client.stop();
      if (await tetheringOf(station) === true) await tether(station, false);
    }
  });
}

type Run = (kind: keyof typeof KINDS) => Child;
type AirCase = (name: string, body: (station: Station, run: Run) => Promise<void>) => void;

function countryCases(airCase: AirCase): void {
  airCase('the country decides which frequencies there are', async (station, run) => {
    const everywhere = await frequencies(station);
    assert.ok(everywhere.includes(2437) && !everywhere.includes(5180));
    assert.is(await refusal(set(station, 'TetheringFreq', variant('i', 5180)).then(() => tether(station, true))),
      'net.connman.Error.Failed');
    await choose(station, 'Country', 'DE');
    await until(async () => (await frequencies(station)).includes(5180));
    assert.not((await frequencies(station)).includes(5260));
    assert.match(await station.cell.device.output(['iw', 'reg', 'get']), /country DE: DFS-ETSI/);
    await tether(station, true);
    assert.match(await station.cell.device.output(['iw', 'dev']), /type AP\s+channel 36 \(5180 MHz\)/);
    await isIn(run('SAE'));
    await tether(station, false);
    await choose(station, 'Country', '');
    await set(station, 'TetheringFreq', variant('i', 2412));
  });
}

/** On the name `ours`, once the radio hears something: the technology is there before its device. */
async function configure(station: Station, key: string): Promise<void> {
  await until(() => station.services().then(({ size }) => size > 0, () => false));
  await set(station, 'TetheringIdentifier', variant('s', 'ours'));
  await set(station, 'TetheringPassphrase', variant('s', key));
}

async function set(station: Station, name: string, value: Variant): Promise<void> {
  await station.technology.SetProperty({ name, value }, { timeoutMs: CONNECT_LIMIT_MS });
}

export function tether(station: Station, isOn: boolean): Promise<void> {
  return set(station, 'Tethering', variant('b', isOn));
}

export async function tetheringOf(station: Station): Promise<unknown> {
  return (await station.technology.GetProperties()).get('Tethering')?.value;
}

export function clientsOf(station: Station): Promise<readonly string[]> {
  return station.manager.GetTetheringClients();
}

function frequencies({ bus }: Station): Promise<readonly number[]> {
  return bus.proxy(causewayTechnologyInterface, 'net.connman', PATH).GetTetheringFrequencies();
}

/** What ConnMan has no word for. */
async function choose({ bus }: Station, name: string, value: string): Promise<void> {
  await bus.proxy(propertiesInterface, 'net.connman', PATH).Set({
    interface_name: causewayTechnologyInterface.name, property_name: name, value: variant('s', value),
  });
}

export async function addressOf({ cell }: Station): Promise<string | undefined> {
  const line = await cell.server.output(['ip', '-o', 'link', 'show', CLIENT]);
  return /link\/ether ([0-9a-f:]{17})/.exec(line)?.[1];
}

/** What a client is told by DHCP; its address is not set. */
async function lease({ cell }: Station): Promise<string> {
  const udhcpc = ['busybox', 'udhcpc', '-i', CLIENT, '-f', '-n', '-q', '-t', '10', '-s', '/bin/true'];
  return cell.server.output(['sh', '-c', `${udhcpc.join(' ')} 2>&1`]);
}

function start({ cell }: Station, kind: keyof typeof KINDS): Child {
  const path = '/run/client.conf';
  const lines = ['sae_pwe=2', 'network={', 'ssid="ours"', 'scan_ssid=1', ...KINDS[kind], '}', ''];
  writeFileSync(cell.server.path(path), lines.join('\n'), { mode: 0o600 });
  return cell.server.spawn(['wpa_supplicant', '-i', CLIENT, '-c', path]);
}

export async function isIn(client: Child): Promise<void> {
  await client.waitForLine((line) => line.includes('CTRL-EVENT-CONNECTED'), CONNECT_LIMIT_MS);
}

/** Whether the daemon refuses, by the name of its error. */
async function refusal(promise: Promise<unknown>): Promise<string | undefined> {
  const error = await promise.then(() => undefined, (reason: unknown) => reason);
  return error instanceof DBusError ? error.name : undefined;
}
