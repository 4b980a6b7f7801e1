/**
 * Wi-Fi over iwd on simulated radios: the cases of every backend, and what is iwd's own: its profiles,
 * access points in place of a station, wpa_supplicant beside it.
 */

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import * as assert from 'uvu/assert';
import { serviceInterface } from '../../src/dbus/interfaces/service.ts';
import { output } from '../helpers/child.ts';
import { type AirNetwork, setStrength, startSupplicant } from '../helpers/guest/air.ts';
import { runCases } from '../helpers/guest/cases.ts';
import { startIwd } from '../helpers/guest/iwd.ts';
import { CONNECT_LIMIT_MS, SECRET, Station, stationCase, until } from '../helpers/guest/stations.ts';
import { iwdAccessPointCase } from './access-point-cases.ts';
import { adapterCases, switchCase } from './adapter-cases.ts';
import { choiceCases } from './choice-cases.ts';
import { crowdCase, oddNetwork } from './crowd-cases.ts';
import { accessPointOf, lossCases, moveCases, SECOND_BSSID } from './heal-cases.ts';
import { SECURITY_NETWORKS, securityCases, twinCase, wepCase } from './security-cases.ts';
import { startCase } from './start-cases.ts';
import { STATION_NETWORKS, stationCases } from './station-cases.ts';

/** What iwd answers late it answers in the new key, which an access point that asks again does not expect. */
const PATIENT = { wpa_disable_eapol_key_retries: 1 };
const NETWORKS: readonly AirNetwork[] = [...STATION_NETWORKS, ...SECURITY_NETWORKS].map(({ ssid, settings = {} }) => ({
  ssid,
  settings: { ...settings, ...('wpa' in settings && PATIENT), ...(ssid === 'rig-psk' && { bss_transition: 1 }) },
}));
/** Those of them that are on the air after the access point's first return, and another. */
const LATER_NETWORKS = [
  ...NETWORKS.filter(({ ssid }) => ssid === 'rig-psk' || ssid === 'rig-open'), oddNetwork(true),
];

/** This program's becomes another of the device's in the end. */
const RADIOS = ['server', 'device', 'server', 'guest'] as const;
const OTHER_PHY = 'phy3';
const IWD_ARGUMENTS = ['-P', OTHER_PHY];
const backend = {
  start: (cell: Station['cell']) => startIwd(cell, IWD_ARGUMENTS),
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

securityCases(open, { networks: NETWORKS });
wepCase(open, false);
choiceCases(open, NETWORKS);
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

lossCases(open, { backend, networks: LATER_NETWORKS, roam });
iwdAccessPointCase(open);
crowdCase(open, true);
adapterCases(open, LATER_NETWORKS);
switchCase(open, LATER_NETWORKS);
startCase(open, { backend, name: 'net.connman.iwd', command: `/usr/libexec/iwd ${IWD_ARGUMENTS.join(' ')}` });

twinCase(open, true);

iwdCase('a radio that iwd leaves alone is wpa_supplicant\'s', async (station) => {
  await output(['iw', 'phy', OTHER_PHY, 'set', 'netns', String(station.cell.device.pid)]);
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
