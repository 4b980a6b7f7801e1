/**
 * Simulated radios for a cell inside the guest (mac80211_hwsim): one for access points, moved to the
 * cell's server and run by hostapd on its bridge, so that DHCP, DNS and the status page are behind
 * them; one for the device, with the supplicant under test.
 */

import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import type { Cell } from '../cell.ts';
import { output, type Child } from '../child.ts';

/** Debian packages that an air needs. */
export const AIR_PEERS = ['hostapd', 'iw', 'openssl', 'wireless-regdb', 'wpasupplicant'] as const;

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
  hidden: {
    wpa: 2, wpa_key_mgmt: 'WPA-PSK', rsn_pairwise: 'CCMP', wpa_passphrase: 'rigsecret', ignore_broadcast_ssid: 1,
  },
  wps: {
    wpa: 2, wpa_key_mgmt: 'WPA-PSK', rsn_pairwise: 'CCMP', wpa_passphrase: 'rigsecret', wps_state: 2, eap_server: 1,
    config_methods: 'push_button keypad',
  },
  eap: {
    wpa: 2, wpa_key_mgmt: 'WPA-EAP', rsn_pairwise: 'CCMP', ieee8021x: 1, eap_server: 1,
    eap_user_file: '/run/eap/users', ca_cert: '/run/eap/ca.pem', server_cert: '/run/eap/server.pem',
    private_key: '/run/eap/server.key',
  },
} as const;

/** Whose the radios of an air are; `guest`: this program's. */
type Owner = 'server' | 'device' | 'guest';

/** Loads radios and gives them to the cell; those of a cell before it in this boot, which has as many, come back. */
export async function makeAir(cell: Cell, owners: readonly Owner[] = ['server', 'device']): Promise<void> {
  await provideRegulations();
  await output(['modprobe', 'mac80211_hwsim', `radios=${owners.length}`]);
  while (readdirSync('/sys/class/ieee80211').length < owners.length) await new Promise((done) => setTimeout(done, 200));
  const radios = readdirSync('/sys/class/ieee80211').toSorted((one, other) => indexOf(one) - indexOf(other));
  for (const [index, name] of radios.entries()) {
    const owner = owners[index] ?? 'device';
    if (owner !== 'guest') await output(['iw', 'phy', name, 'set', 'netns', String(cell[owner].pid)]);
  }
}

// Where the kernel looks first for firmware, of which the rules of countries are a kind; with the peer
// `wireless-regdb`. Without it there are only those for the whole world.
async function provideRegulations(): Promise<void> {
  const folder = '/run/firmware';
  if (!existsSync(REGULATIONS)) return;
  mkdirSync(folder, { recursive: true });
  copyFileSync(REGULATIONS, `${folder}/regulatory.db`);
  copyFileSync(REGULATIONS.replace('.db-', '.db.p7s-'), `${folder}/regulatory.db.p7s`);
  await output(['modprobe', 'firmware_class']).catch(() => undefined);
  writeFileSync('/sys/module/firmware_class/parameters/path', folder);
}

const REGULATIONS = '/usr/lib/firmware/regulatory.db-debian';

/** Where an access point is. */
export interface AirPlace {
  readonly radio: string;
  readonly channel: number;
  /** How often it says that it is there, in units of 1.024 ms. */
  readonly beaconInterval?: number;
}

/** Runs hostapd on a radio of the server's; resolves when all networks are on the air. */
export async function startAccessPoint(
  cell: Cell, networks: readonly AirNetwork[], place: AirPlace = { radio: 'wlan0', channel: 1 },
): Promise<Child> {
  const path = `/run/hostapd-${place.radio}.conf`;
  writeFileSync(cell.server.path(path), configuration(networks, place), { mode: 0o600 });
  // Before all others: to have asked twice for an answer that took a tenth of a second makes two keys (OWE).
  const hostapd = cell.server.spawn(['chrt', '--fifo', '1', 'hostapd', path]);
  await hostapd.waitForLine((line) => line.includes('AP-ENABLED'), 60_000);
  return hostapd;
}

/** Has everybody hear at so many dBm, -80 at the weakest, what a radio (`phy0`), or any, sends from now on. */
export function setStrength(dbm: number, radio?: string): void {
  for (const name of radio === undefined ? readdirSync(RADIOS) : [radio]) {
    // Added to the power it sends with; the kernel takes unsigned numbers alone.
    const lost = BigInt.asUintN(64, BigInt(dbm - SENT_DBM));
    writeFileSync(`${RADIOS}/${name}/hwsim/rx_rssi`, String(lost));
  }
}

const RADIOS = '/sys/kernel/debug/ieee80211';
const SENT_DBM = 20;

/** Whose keys `makeCertificates` takes. */
export const CERTIFICATE_NAMES = ['ca', 'wrong', 'server', 'client'] as const;

/** The users of hostapd's EAP server: `me` with the secret, by every method. */
const EAP_USERS = [
  '"anyone" PEAP,TTLS',
  '"me" PEAP,TTLS',
  '"client" TLS',
  '"pwd" PWD "rigsecret"',
  '"me" MSCHAPV2,TTLS-MSCHAPV2 "rigsecret" [2]',
].join('\n');

/**
 * Makes what 802.1X needs: an authority with certificates for the server and for `client`, and
 * another authority nobody trusts; in /run/eap of server and device. `keysIn`: where their keys are.
 */
export async function makeCertificates(cell: Cell, keysIn?: string): Promise<void> {
  const folders = [cell.server.path('/run/eap'), cell.device.path('/run/eap')];
  for (const folder of folders) mkdirSync(folder, { recursive: true });
  const [folder = '', other = ''] = folders;
  const key = (name: string): string => keysIn === undefined
    ? `openssl ecparam -name prime256v1 -genkey -noout -out ${name}.key` : `cp ${keysIn}/${name}.key .`;
  const authority = (name: string): string =>
    `${key(name)} && openssl req -x509 -new -key ${name}.key -subj /CN=${name} -days 30 -out ${name}.pem`;
  const certificate = (name: string): string =>
    `${key(name)} && openssl req -new -key ${name}.key -subj /CN=${name}.rig.test | ` +
    `openssl x509 -req -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -out ${name}.pem`;
  const expired = `openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -days -1 -out expired.pem`;
  const steps = [
    `cd ${folder}`, authority('ca'), authority('wrong'), certificate('server'), certificate('client'),
    'openssl req -new -key server.key -subj /CN=server.rig.test -out server.csr', expired,
  ];
  await output(['sh', '-ec', steps.join(' && ')]);
  writeFileSync(`${folder}/users`, EAP_USERS);
  for (const name of ['ca.pem', 'wrong.pem', 'client.pem', 'client.key']) {
    copyFileSync(`${folder}/${name}`, `${other}/${name}`);
  }
}

/** Starts wpa_supplicant on the device's bus; it owns its name on return. */
export function startSupplicant(cell: Cell): Promise<Child> {
  return cell.startDaemon(['wpa_supplicant', '-u', '-O', '/run/wpa_supplicant'], 'fi.w1.wpa_supplicant1');
}

function indexOf(radio: string): number {
  return Number(readFileSync(`/sys/class/ieee80211/${radio}/index`, 'utf8'));
}

function configuration(networks: readonly AirNetwork[], { radio, channel, beaconInterval = 100 }: AirPlace): string {
  const mode = channel > 14 ? 'a' : 'g';
  const lines = ['driver=nl80211', `hw_mode=${mode}`, `channel=${channel}`, `beacon_int=${beaconInterval}`];
  return networks.flatMap(({ ssid, settings = {} }, index) => [
    index === 0 ? `interface=${radio}\n${lines.join('\n')}` : `bss=${radio}_${index}`,
    'bridge=bridge',
    'ctrl_interface=/run/hostapd',
    `ssid=${ssid}`,
    ...Object.entries(settings).map(([key, value]) => `${key}=${value}`),
  ]).join('\n');
}
