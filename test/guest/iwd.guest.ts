/**
 * Wi-Fi over iwd on simulated radios: the cases of every backend (station-cases.ts), and what is iwd's
 * own: its profiles, its end and its return, wpa_supplicant beside it.
 */

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import * as assert from 'uvu/assert';
import { serviceInterface } from '../../src/dbus/interfaces/service.ts';
import { variant } from '../../src/dbus/signature.ts';
import { type AirNetwork, setStrength, startAccessPoint, startSupplicant } from '../helpers/guest/air.ts';
import { runCases } from '../helpers/guest/cases.ts';
import { startIwd } from '../helpers/guest/iwd.ts';
import { CONNECT_LIMIT_MS, SECRET, Station, stationCase, until } from '../helpers/guest/stations.ts';
import { iwdAccessPointCase } from './access-point-cases.ts';
import { accessPointOf, moveCases, SECOND_BSSID } from './heal-cases.ts';
import { STATION_NETWORKS, stationCases } from './station-cases.ts';

/** What iwd answers late it answers in the new key, which an access point that asks again does not expect. */
const PATIENT = { wpa_disable_eapol_key_retries: 1 };
const NETWORKS: readonly AirNetwork[] = STATION_NETWORKS.map(({ ssid, settings = {} }) => ({
  ssid,
  settings: { ...settings, ...('wpa' in settings && PATIENT), ...(ssid === 'rig-psk' && { bss_transition: 1 }) },
}));

/** iwd has the first of the device's two radios. */
const RADIOS = ['server', 'device', 'server', 'device'] as const;
const backend = {
  start: (cell: Station['cell']) => startIwd(cell, ['-p', 'phy1']),
  argv: ['-d', 'plugins/iwd/*:plugins/lib/*:src/service/*:src/technology/*'],
  keysIn: dirname(process.argv[1] ?? ''),
};
const FIRST_BSSID = '02:00:00:00:00:00';
const OWN = '02:00:00:00:01:00';
const OTHER_RADIO = '020000000300';

let opened: Promise<Station> | undefined;
const open = (): Promise<Station> => (opened ??= Station.open(backend, NETWORKS, { radios: RADIOS }));
const iwdCase = (name: string, body: (station: Station) => Promise<void>): void => stationCase(open, name, body);

stationCases(open);

iwdCase('a wrong SAE password is told as one', async (station) => {
  await station.remove('rig-sae');
  station.agent.answer = { Passphrase: 'not the one' };
  station.agent.errors.length = 0;
  await station.assertFails('rig-sae');
  assert.equal(station.agent.errors, ['invalid-key']);
  station.agent.answer = { Passphrase: SECRET };
});

iwdCase('WPS by PIN', async (station) => {
  await station.hostapd(indexOf('rig-wps'), 'wps_pin', 'any', '12345670');
  station.agent.answer = { WPS: '12345670' };
  await station.connect('rig-wps').finally(() => {
    station.agent.answer = { Passphrase: SECRET };
  });
  await station.remove('rig-wps');
});

moveCases(open, { backend, networks: NETWORKS, roam });

iwdCase('what iwd keeps: nothing that connects by itself or was removed, for root alone', async (station) => {
  await station.connect('rig-psk');
  for (const name of ['rig-both', 'rig-owe']) await station.remove(name);
  const folder = station.cell.device.path('/var/lib/iwd');
  const profiles = (): string[] => readdirSync(folder).filter((name) => /\.(psk|open|8021x)$/.test(name));
  const removed = ['rig-both.psk', 'rig-owe.open', 'rig-wps.psk', 'rig-hidden.psk', 'rig-eap.8021x'];
  await until(async () => !profiles().some((name) => removed.includes(name)));
  assert.ok(profiles().includes('rig-psk.psk'));
  for (const name of profiles()) {
    assert.is(statSync(`${folder}/${name}`).mode & 0o777, 0o600, name);
    assert.match(readFileSync(`${folder}/${name}`, 'utf8'), /AutoConnect=false/, name);
  }
});

iwdCase('off and on again, which takes the access point away and brings it back: connected again', async (station) => {
  await station.technology.SetProperty({ name: 'Powered', value: variant('b', false) });
  await until(async () => (await station.services()).size === 0);
  await station.accessPoint.stop(); // its radio is blocked as well
  await station.technology.SetProperty({ name: 'Powered', value: variant('b', true) });
  await startAccessPoint(station.cell, NETWORKS);
  await isUp(station);
});

iwdCase('iwd is killed and started again: the favourite is back', async (station) => {
  station.supplicant.kill('SIGKILL');
  await until(async () => (await station.services()).size === 0);
  station.supplicant = await backend.start(station.cell);
  await isUp(station);
});

iwdAccessPointCase(open);

iwdCase('a radio that iwd leaves alone is wpa_supplicant\'s', async (station) => {
  await startSupplicant(station.cell);
  const path = `/net/connman/service/wifi_${OTHER_RADIO}_${Buffer.from('rig-open').toString('hex')}_managed_none`;
  await until(async () => {
    await station.scanned();
    return (await station.manager.GetServices()).some(([each]) => each === path);
  });
  await station.bus.proxy(serviceInterface, 'net.connman', path).Connect({}, { timeoutMs: CONNECT_LIMIT_MS });
  const states = (await station.manager.GetServices()).map(([, properties]) => properties.get('State')?.value);
  assert.is(states.filter((state) => state === 'ready' || state === 'online').length, 2);
});

await runCases();

// iwd goes where it is asked to if that is heard better, and by itself from what it hardly hears.
async function roam(station: Station): Promise<void> {
  const isAt = async (bssid: string): Promise<boolean> => (await accessPointOf(station)).bssid === bssid;
  const ask = (): Promise<void> => until(async () => {
    const candidate = `neighbor=${SECOND_BSSID},0x0000,81,11,7`;
    await station.hostapd(0, 'bss_tm_req', OWN, 'pref=1', 'abridged=1', 'valid_int=255', candidate);
    // What a busy machine has missed of its scan, iwd does not look for again.
    for (let left = 20; left > 0 && !(await isAt(SECOND_BSSID)); left--) {
      await new Promise((done) => setTimeout(done, 500));
    }
    return isAt(SECOND_BSSID);
  });
  setStrength(-67, 'phy0');
  await ask();
  setStrength(-30, 'phy0');
  setStrength(-78, 'phy2');
  await until(() => isAt(FIRST_BSSID));
  setStrength(-67, 'phy0');
  setStrength(-30, 'phy2');
  await ask();
  setStrength(-30);
}

function isUp(station: Station): Promise<void> {
  return until(async () => (await station.stateOf('rig-psk')) === 'up');
}

function indexOf(ssid: string): number {
  return NETWORKS.findIndex((each) => each.ssid === ssid);
}
