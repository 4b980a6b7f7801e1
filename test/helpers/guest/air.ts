/**
 * Simulated radios for a cell inside the guest (mac80211_hwsim): one for access points, moved to the
 * cell's server and run by hostapd on its bridge, so that DHCP, DNS and the status page are behind
 * them; one for the device, with the supplicant under test.
 */

import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import type { Cell } from '../cell.ts';
import { output, type Child } from '../child.ts';

/** Debian packages that an air needs. */
export const AIR_PEERS = ['hostapd', 'iw', 'wpasupplicant'] as const;

/** One network of the access point: hostapd.conf(5) lines by key. */
export interface AirNetwork {
  readonly ssid: string;
  readonly settings?: Readonly<Record<string, string | number>>;
}

/** Lines for the usual kinds of protection; the secret is `rigsecret`. */
export const PROTECTIONS = {
  open: {},
  psk: { wpa: 2, wpa_key_mgmt: 'WPA-PSK', rsn_pairwise: 'CCMP', wpa_passphrase: 'rigsecret' },
  sae: { wpa: 2, wpa_key_mgmt: 'SAE', rsn_pairwise: 'CCMP', ieee80211w: 2, sae_password: 'rigsecret' },
  transition: {
    wpa: 2, wpa_key_mgmt: 'WPA-PSK SAE', rsn_pairwise: 'CCMP', ieee80211w: 1, wpa_passphrase: 'rigsecret',
  },
  owe: { wpa: 2, wpa_key_mgmt: 'OWE', rsn_pairwise: 'CCMP', ieee80211w: 2 },
} as const;

/** Loads `count` radios; the first belongs to the cell's server, the second to its device. */
export async function makeAir(cell: Cell, count = 2): Promise<void> {
  await output(['modprobe', 'mac80211_hwsim', `radios=${count}`]);
  const radios = readdirSync('/sys/class/ieee80211').toSorted((one, other) => indexOf(one) - indexOf(other));
  for (const [index, name] of radios.entries()) {
    const owner = index === 0 ? cell.server : cell.device;
    await output(['iw', 'phy', name, 'set', 'netns', String(owner.pid)]);
  }
}

/** Runs hostapd on the server's radio; resolves when all networks are on the air. */
export async function startAccessPoint(cell: Cell, networks: readonly AirNetwork[]): Promise<Child> {
  const path = '/run/hostapd.conf';
  writeFileSync(cell.server.path(path), configuration(networks), { mode: 0o600 });
  const hostapd = cell.server.spawn(['hostapd', path]);
  await hostapd.waitForLine((line) => line.includes('AP-ENABLED'), 60_000);
  return hostapd;
}

/** Starts wpa_supplicant on the device's bus; it owns its name on return. */
export function startSupplicant(cell: Cell): Promise<Child> {
  return cell.startDaemon(['wpa_supplicant', '-u', '-O', '/run/wpa_supplicant'], 'fi.w1.wpa_supplicant1');
}

function indexOf(radio: string): number {
  return Number(readFileSync(`/sys/class/ieee80211/${radio}/index`, 'utf8'));
}

function configuration(networks: readonly AirNetwork[]): string {
  const lines = ['driver=nl80211', 'hw_mode=g', 'channel=1', 'ctrl_interface=/run/hostapd'];
  return networks.flatMap(({ ssid, settings = {} }, index) => [
    index === 0 ? `interface=wlan0\n${lines.join('\n')}` : `bss=wlan0_${index}`,
    'bridge=bridge',
    `ssid=${ssid}`,
    ...Object.entries(settings).map(([key, value]) => `${key}=${value}`),
  ]).join('\n');
}
