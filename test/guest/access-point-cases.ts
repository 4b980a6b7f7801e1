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
const KEY = 'our own key';
const KINDS = {
  SAE: [`sae_password="${KEY}"`, 'key_mgmt=SAE', 'ieee80211w=2'],
  PSK: [`psk="${KEY}"`, 'key_mgmt=WPA-PSK'],
  open: ['key_mgmt=NONE'],
  wrong: ['psk="not the one"', 'key_mgmt=WPA-PSK'],
} as const;

/** Adds the cases, in the air that `open` opens. */
export function accessPointCases(open: () => Promise<Station>): void {
  const airCase = (name: string, body: (station: Station) => Promise<void>): void => stationCase(open, name, body);

  airCase('an access point takes clients in by SAE and by PSK, and lists them', async (station) => {
    await configure(station, KEY);
    await tether(station, true);
    assert.is(await tetheringOf(station), true);
    for (const kind of ['SAE', 'PSK'] as const) {
      const client = await join(station, kind);
      await until(async () => (await clients(station)).length === 1);
      assert.equal(await clients(station), [await addressOf(station)]);
      await leave(client);
      await until(async () => (await clients(station)).length === 0);
    }
  });

  airCase('a wrong key is refused', async (station) => {
    const client = start(station, 'wrong');
    await client.waitForLine((line) => line.includes('WRONG_KEY'), CONNECT_LIMIT_MS);
    assert.equal(await clients(station), []);
    await leave(client);
    await tether(station, false);
    assert.is(await tetheringOf(station), false);
  });

  airCase('open, where the user wants it so', async (station) => {
    await setSecurity(station, 'none');
    await tether(station, true);
    const client = await join(station, 'open');
    await until(async () => (await clients(station)).length === 1);
    await leave(client);
    await tether(station, false);
    await setSecurity(station, 'auto');
  });
}

/** On the name `ours`. */
export async function configure(station: Station, key: string): Promise<void> {
  await set(station, 'TetheringIdentifier', variant('s', 'ours'));
  await set(station, 'TetheringPassphrase', variant('s', key));
}

export async function set(station: Station, name: string, value: Variant): Promise<void> {
  await station.technology.SetProperty({ name, value }, { timeoutMs: CONNECT_LIMIT_MS });
}

export function tether(station: Station, isOn: boolean): Promise<void> {
  return set(station, 'Tethering', variant('b', isOn));
}

export async function tetheringOf(station: Station): Promise<unknown> {
  return (await station.technology.GetProperties()).get('Tethering')?.value;
}

export function clients(station: Station): Promise<readonly string[]> {
  return station.manager.GetTetheringClients();
}

async function setSecurity(station: Station, value: string): Promise<void> {
  const properties = station.bus.proxy(propertiesInterface, 'net.connman', '/net/connman/technology/wifi');
  const { name } = causewayTechnologyInterface;
  await properties.Set({ interface_name: name, property_name: 'TetheringSecurity', value: variant('s', value) });
}

async function addressOf({ cell }: Station): Promise<string> {
  return (await cell.server.output(['cat', `/sys/class/net/${CLIENT}/address`])).trim();
}

/** A client that has been let in. */
export async function join(station: Station, kind: keyof typeof KINDS): Promise<Child> {
  const client = start(station, kind);
  await client.waitForLine((line) => line.includes('CTRL-EVENT-CONNECTED'), CONNECT_LIMIT_MS);
  return client;
}

function start({ cell }: Station, kind: keyof typeof KINDS): Child {
  const path = '/run/client.conf';
  const lines = ['sae_pwe=2', 'network={', 'ssid="ours"', 'scan_ssid=1', ...KINDS[kind], '}', ''];
  writeFileSync(cell.server.path(path), lines.join('\n'), { mode: 0o600 });
  return cell.server.spawn(['wpa_supplicant', '-i', CLIENT, '-c', path]);
}

export async function leave(client: Child): Promise<void> {
  await client.stop();
}

/** Whether the daemon refuses, by the name of its error. */
export async function refusal(promise: Promise<unknown>): Promise<string | undefined> {
  const error = await promise.then(() => undefined, (reason: unknown) => reason);
  return error instanceof DBusError ? error.name : undefined;
}
