/**
 * Protections and refusals beyond the usual ones, over any backend: protected management frames,
 * hash-to-element alone, WPS by PIN, a full access point, a certificate that has expired; and over
 * wpa_supplicant OWE beside an open network, and WEP.
 */

import * as assert from 'uvu/assert';
import { type AirNetwork, PROTECTIONS, startAccessPoint } from '../helpers/guest/air.ts';
import { SECRET, type Station, stationCase, until } from '../helpers/guest/stations.ts';
import { joinByOwe } from './station-cases.ts';

/** What has to be on the air of the first radio, after `first` others. */
export function securityNetworks(first: number): readonly AirNetwork[] {
  return [
    { ssid: 'rig-pmf', settings: { ...PROTECTIONS.psk, ieee80211w: 2 } },
    { ssid: 'rig-twin', settings: { owe_transition_ifname: `wlan0_${first + 2}` } },
    {
      ssid: 'rig-twin-owe',
      settings: { ...PROTECTIONS.owe, ignore_broadcast_ssid: 1, owe_transition_ifname: `wlan0_${first + 1}` },
    },
    { ssid: 'rig-h2e', settings: { ...PROTECTIONS.sae, sae_pwe: 1 } },
    { ssid: 'rig-full', settings: { ...PROTECTIONS.psk, max_num_sta: 0 } },
    { ssid: 'rig-old', settings: { ...PROTECTIONS.eap, server_cert: '/run/eap/expired.pem' } },
  ];
}

/** What the cases take. */
export interface SecurityEnv {
  /** On the air of the first radio. */
  readonly networks: readonly AirNetwork[];
  /** What the daemon says of a certificate that has expired, where it is told. */
  readonly complaint?: string;
}

/** Adds the cases. */
export function securityCases(open: () => Promise<Station>, { networks, complaint }: SecurityEnv): void {
  const airCase = (name: string, body: (station: Station) => Promise<void>): void => stationCase(open, name, body);
  const indexOf = (name: string): number => networks.findIndex(({ ssid }) => ssid === name);

  airCase('management frames must be protected', async (station) => {
    await station.connect('rig-pmf');
    assert.match(await station.hostapd(indexOf('rig-pmf'), 'all_sta'), /\[MFP\]/);
    await station.remove('rig-pmf');
  });

  airCase('SAE where the access point knows hash-to-element alone', async (station) => {
    await station.connect('rig-h2e');
    await station.remove('rig-h2e');
  });

  airCase('WPS by PIN', async (station) => {
    await station.hostapd(indexOf('rig-wps'), 'wps_pin', 'any', '12345670');
    station.agent.answer = { WPS: '12345670' };
    await station.connect('rig-wps').finally(() => {
      station.agent.answer = { Passphrase: SECRET };
    });
    await station.remove('rig-wps');
  });

  airCase('an access point that is full is no wrong key', async (station) => {
    station.agent.errors.length = 0;
    await station.assertFails('rig-full');
    assert.equal(station.agent.errors, ['connect-failed']);
  });

  airCase('802.1X: an expired certificate', async (station) => {
    const peap = ['EAP=peap', 'Phase2=MSCHAPV2', 'Identity=me', 'CACertFile=/run/eap/ca.pem'];
    station.agent.errors.length = 0;
    await station.provision('rig-old', [...peap, `Passphrase=${SECRET}`]);
    await station.assertFails('rig-old');
    if (complaint !== undefined) assert.match(station.daemon.text, complaint);
    assert.equal(station.agent.errors, ['connect-failed']);
    await station.provision('rig-old', undefined);
  });
}

/** Whether a network is one of an open one and its encrypted twin: iwd 2.3 may die when these go. */
export function isTwin({ ssid }: AirNetwork): boolean {
  return ssid.startsWith('rig-twin');
}

/** Adds the case of twins. */
export function twinCase(open: () => Promise<Station>, networks: readonly AirNetwork[]): void {
  stationCase(open, 'an open network with an encrypted twin', async (station) => {
    const stationsOf = (name: string): Promise<string> =>
      station.hostapd(networks.findIndex(({ ssid }) => ssid === name), 'all_sta');
    await joinByOwe(station, 'rig-twin', () => station.connect('rig-twin'));
    assert.match(await stationsOf('rig-twin-owe'), /^02:00:00:00:01:00$/m);
    assert.is(await stationsOf('rig-twin'), '');
    await station.remove('rig-twin');
  });
}

/** Adds the case of WEP, on the third radio. */
export function wepCase(open: () => Promise<Station>): void {
  stationCase(open, 'WEP', async (station) => {
    const settings = { wep_default_key: 0, wep_key0: '"abcde"', auth_algs: 3 };
    const place = { radio: 'wlan2', channel: 6 };
    const accessPoint = await startAccessPoint(station.cell, [{ ssid: 'rig-wep', settings }], place);
    try {
      await until(async () => (await station.scanned()).has('rig-wep'));
      station.agent.answer = { Passphrase: 'abcde' };
      await station.connect('rig-wep');
      await station.remove('rig-wep');
    } finally {
      station.agent.answer = { Passphrase: SECRET };
      await accessPoint.stop();
    }
  });
}
