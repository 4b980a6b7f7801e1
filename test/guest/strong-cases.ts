/**
 * What wpa_supplicant alone is tried with, on the third radio: WPA3-Enterprise with 192 bits, and fast
 * transition (IEEE 802.11r) between two access points of one mobility domain.
 */

import * as assert from 'uvu/assert';
import { type AirNetwork, PROTECTIONS, startAccessPoint } from '../helpers/guest/air.ts';
import { type Station, stationCase, until } from '../helpers/guest/stations.ts';
import { accessPointOf, ends, SECOND, SECOND_BSSID } from './heal-cases.ts';
import { METHODS } from './station-cases.ts';

/** How long a move that works takes at most. */
const MOVE_LIMIT_MS = 20_000;

/** Adds the case of WPA3-Enterprise in its strongest form. */
export function strongCase(open: () => Promise<Station>): void {
  stationCase(open, '802.1X with 192 bits', async (station) => {
    const settings = {
      ...PROTECTIONS.eap, wpa_key_mgmt: 'WPA-EAP-SUITE-B-192', rsn_pairwise: 'GCMP-256', ieee80211w: 2,
      group_mgmt_cipher: 'BIP-GMAC-256',
    };
    const accessPoint = await startAccessPoint(station.cell, [{ ssid: 'rig-192', settings }], SECOND);
    try {
      await station.find('rig-192');
      await station.provision('rig-192', METHODS.TLS);
      await station.connect('rig-192');
      const { properties } = await station.find('rig-192');
      assert.equal(properties.get('Security')?.value, ['ieee8021x']);
      await station.disconnect('rig-192');
      await station.provision('rig-192', undefined);
    } finally {
      await accessPoint.stop();
    }
  });
}

/** On the air of the first radio for `transitionCase`. */
export const TRANSITION_NETWORK: AirNetwork = {
  ssid: 'rig-ft',
  settings: {
    ...PROTECTIONS.psk, wpa_key_mgmt: 'FT-PSK', mobility_domain: 'a1b2', ft_psk_generate_local: 1,
    nas_identifier: 'first',
  },
};

/**
 * Adds the case of fast transition (IEEE 802.11r) between the first radio and the third; `roam` leads the
 * station there. Where a busy machine answers late, the station asks twice and is refused: it goes once more.
 */
export function transitionCase(
  open: () => Promise<Station>, roam: (station: Station, bssid: string) => Promise<void>,
): void {
  const { ssid, settings } = TRANSITION_NETWORK;
  stationCase(open, 'fast transition between two access points', async (station) => {
    await station.connect(ssid);
    const { path, properties } = await station.find(ssid);
    assert.equal(properties.get('Security')?.value, ['psk']);
    const isUp = async (): Promise<boolean> => (await station.stateOf(ssid)) === 'up';
    const placeOf = async (): Promise<string> => String((await accessPointOf(station, path)).bssid);
    const first = await placeOf();
    const there = { ssid, settings: { ...settings, nas_identifier: 'second' } };
    const accessPoint = await startAccessPoint(station.cell, [there], SECOND);
    const move = async (): Promise<boolean> => {
      await until(isUp);
      const before = { ends: ends(station), said: station.daemon.text.length };
      const target = (await placeOf()) === SECOND_BSSID ? first : SECOND_BSSID;
      await roam(station, target);
      // No handshake after it: the keys have come with the association.
      const hasCome = (): boolean => station.daemon.text.slice(before.said).includes('associating → completed');
      await until(async () => hasCome(), MOVE_LIMIT_MS).catch(() => console.log(`${target} once more`));
      return hasCome() && (await placeOf()) === target && (await isUp()) && ends(station) === before.ends;
    };
    try {
      await until(move);
      await station.remove(ssid);
    } finally {
      await accessPoint.stop();
    }
  });
}
