/**
 * Protections and refusals beyond the usual ones, over any backend: protected management frames,
 * hash-to-element alone, WPS by PIN, a full access point, a certificate that has expired, OWE beside an
 * open network, WEP.
 */

import * as assert from 'uvu/assert';
import { DBusError } from '../../src/dbus/errors.ts';
import { type AirNetwork, PROTECTIONS, startAccessPoint } from '../helpers/guest/air.ts';
import { SECRET, type Station, stationCase, until } from '../helpers/guest/stations.ts';
import { joinByOwe } from './station-cases.ts';

/** What has to be on the air of the first radio. */
export const SECURITY_NETWORKS: readonly AirNetwork[] = [
  { ssid: 'rig-pmf', settings: { ...PROTECTIONS.psk, ieee80211w: 2 } },
  { ssid: 'rig-h2e', settings: { ...PROTECTIONS.sae, sae_pwe: 1 } },
  { ssid: 'rig-full', settings: { ...PROTECTIONS.psk, max_num_sta: 0 } },
  { ssid: 'rig-old', settings: { ...PROTECTIONS.eap, server_cert: '/run/eap/expired.pem' } },
];

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

/**
 * Adds the case of an open network and its encrypted twin, on the third radio. `isLast`: they stay, as iwd 2.3
 * may die when they go.
 */
export function twinCase(open: () => Promise<Station>, isLast = false): void {
  stationCase(open, 'an open network with an encrypted twin', async (station) => {
    const accessPoint = await startAccessPoint(station.cell, TWINS, { radio: 'wlan2', channel: 6 });
    const isThere = async (radio: string): Promise<boolean> => {
      const words = ['hostapd_cli', '-p', '/run/hostapd', '-i', radio, 'all_sta'];
      return /^02:00:00:00:01:00$/m.test(await station.cell.server.output(words));
    };
    await until(async () => (await station.scanned()).has('rig-twin'));
    await joinByOwe(station, 'rig-twin', () => station.connect('rig-twin'));
    assert.equal([await isThere('wlan2'), await isThere('wlan2_1')], [false, true]);
    await station.remove('rig-twin');
    if (!isLast) await accessPoint.stop();
  });
}

/** Keys are sent once: see `PATIENT` of iwd.guest.ts. */
const TWIN = { ...PROTECTIONS.owe, ignore_broadcast_ssid: 1, wpa_disable_eapol_key_retries: 1 };
const TWINS: readonly AirNetwork[] = [
  { ssid: 'rig-twin', settings: { owe_transition_ifname: 'wlan2_1' } },
  { ssid: 'rig-twin-owe', settings: { ...TWIN, owe_transition_ifname: 'wlan2' } },
];

/** Adds the case of WEP, on the third radio; a backend that has none says so. */
export function wepCase(open: () => Promise<Station>, isSupported = true): void {
  stationCase(open, isSupported ? 'WEP' : 'WEP is not supported', async (station) => {
    const settings = { wep_default_key: 0, wep_key0: '"abcde"', auth_algs: 3 };
    const place = { radio: 'wlan2', channel: 6 };
    const accessPoint = await startAccessPoint(station.cell, [{ ssid: 'rig-wep', settings }], place);
    try {
      await until(async () => (await station.scanned()).has('rig-wep'));
      assert.equal((await station.find('rig-wep')).properties.get('Security')?.value, ['wep']);
      station.agent.answer = { Passphrase: 'abcde' };
      if (!isSupported) return await assertUnsupported(station);
      await station.connect('rig-wep');
      await station.remove('rig-wep');
    } finally {
      station.agent.answer = { Passphrase: SECRET };
      await accessPoint.stop();
    }
  });
}

async function assertUnsupported(station: Station): Promise<void> {
  const failure = await station.connect('rig-wep').catch((error: unknown) => error);
  assert.ok(failure instanceof DBusError, 'it was joined');
  assert.is(failure.name, 'net.connman.Error.NotSupported');
}
