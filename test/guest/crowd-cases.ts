/**
 * An air full of networks, with names of any bytes, in which one is at home that ConnMan had stored.
 */

import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import * as assert from 'uvu/assert';
import { createScope } from '../../src/shared/scope.ts';
import { type AirNetwork, PROTECTIONS } from '../helpers/guest/air.ts';
import { type CrowdNetwork, startCrowd } from '../helpers/guest/crowd.ts';
import { SECRET, type Station, stationCase, until } from '../helpers/guest/stations.ts';

const CONNMANCTL = resolve('build/bin/connmanctl');

/** 32 bytes: a line's end, what terminals obey, what objects of JavaScript have already, no UTF-8. */
const ODD = Buffer.concat([Buffer.from('\n__proto__\u001b[31m'), Buffer.from([0xff, 0xe4]), Buffer.alloc(15, 0xe4)]);
/** The same in UTF-8, for who shows no other. */
const ODD_TEXT = Buffer.from(`\n__proto__\u001b[31m${'\u0101'.repeat(8)}%`);

/** To be on the air of the first radio, by a name that hostapd can read. */
export function oddNetwork(isText = false): AirNetwork {
  return { ssid: 'odd', settings: { ssid2: (isText ? ODD_TEXT : ODD).toString('hex') } };
}

/** What has to be on the air. */
export const AIR_NETWORKS: readonly AirNetwork[] = [
  { ssid: 'rig-psk', settings: PROTECTIONS.psk },
  { ssid: 'rig-file', settings: PROTECTIONS.psk },
  oddNetwork(),
];

const HOME = 'wifi_020000000100_7269672d70736b_managed_psk';
/** As Debian's connmand 1.41 leaves it after `rig-psk` was joined. */
const STORED = `[${HOME}]
Name=rig-psk
SSID=7269672d70736b
Frequency=2412
Favorite=true
AutoConnect=true
Modified=2026-01-01T00:00:00Z
Passphrase=${SECRET}
IPv4.method=dhcp
IPv4.DHCP.LastAddress=10.77.0.99
IPv6.method=auto
IPv6.privacy=disabled
`;

/** What the device begins with. Failures of a favorite are tried again after five seconds, whatever they are. */
export const AIR_FILES = {
  [`/var/lib/connman/${HOME}/settings`]: STORED,
  '/etc/connman/main.conf': [
    '[General]', 'PersistentTetheringMode=true', 'IgnoreInvalidKey=true', 'AutoResetFailureTimeout=5',
    'FavoriteMaxRetries=1', '',
  ].join('\n'),
};

const CROWD = 50;
const name = (text: string): CrowdNetwork => ({ ssid: Buffer.from(text) });
/** More access points of one, hidden ones, and names that programs trip over. */
const ODD_ONES: readonly CrowdNetwork[] = [
  name('crowd-0'), name('crowd-0'),
  name('__proto__'), name('constructor'), name('café'), name('"; reboot #'), name('../../etc'), name('%s%n'),
  { ssid: Buffer.from('caf\xe9', 'latin1') },
  { ssid: Buffer.from('a\0b') },
  { ssid: Buffer.alloc(32, 0xff) },
  name(''), { ssid: Buffer.alloc(32) },
];
/** Names that are too long, an element that ends after the frame, some without a body, WPS that lies of its length. */
const BROKEN_ONES: readonly CrowdNetwork[] = [
  { ssid: Buffer.alloc(33, 0x61) },
  { ssid: Buffer.alloc(255, 0x62) },
  { ...name('broken-1'), elements: Buffer.from([221, 255, 0, 80, 242, 4]) },
  { ...name('broken-2'), elements: Buffer.from([48, 0, 221, 0, 255]) },
  { ...name('broken-3'), elements: Buffer.from([221, 10, 0, 80, 242, 4, 0x10, 0x4a, 0xff, 0xff, 1, 2]) },
];

/** Adds the case of what ConnMan left. */
export function importCase(open: () => Promise<Station>): void {
  stationCase(open, 'settings of a ConnMan installation: its network is joined without a question', async (station) => {
    await until(async () => (await station.stateOf('rig-psk')) === 'up');
    assert.equal(station.agent.asked, []);
    await station.disconnect('rig-psk');
  });
}

/** Adds the case of a crowd on this program's radio, the fourth; `isText`: names alone that are UTF-8 are shown. */
export function crowdCase(open: () => Promise<Station>, isText = false): void {
  stationCase(open, `${CROWD} networks in the air, and odd ones: listed, shown, joined`, async (station) => {
    const crowd = createScope();
    const usual = Array.from({ length: CROWD }, (_, number) => ({
      ...name(`crowd-${number}`), isProtected: number % 2 > 0,
    }));
    const before = memoryOf(station);
    try {
      await startCrowd([...usual, ...ODD_ONES, ...BROKEN_ONES], { radio: 'wlan3', channel: 6 }, crowd);
      const listed = [...usual, ...ODD_ONES].filter(({ ssid }) => !isText || isHidden(ssid) || isName(ssid));
      await allHeard(station, listed.map(groupOf));
      const odd = new TextDecoder().decode(isText ? ODD_TEXT : ODD);
      await station.connect(odd);
      const after = memoryOf(station);
      console.log(`resident: ${before} kB before, ${after} kB with all`);
      assert.ok(after < before + 40_000, 'memory');
      await station.remove(odd);
    } finally {
      await crowd.close();
    }
  });
}

/** The end of its service's identifier. */
function groupOf({ ssid, isProtected = false }: CrowdNetwork): string {
  return `${isHidden(ssid) ? 'hidden' : Buffer.from(ssid).toString('hex')}_managed_${isProtected ? 'psk' : 'none'}`;
}

function isHidden(ssid: Uint8Array): boolean {
  return ssid.length === 0 || ssid[0] === 0;
}

function isName(ssid: Uint8Array): boolean {
  return isUtf8(ssid) && !ssid.includes(0);
}

// A service for each name and protection, however many access points there are of it. Each was heard; who is
// missed by scans for half a minute is not listed meanwhile.
async function allHeard(station: Station, groups: readonly string[]): Promise<void> {
  const seen = new Set<string>();
  await until(async () => {
    await station.scanned();
    const paths = (await station.manager.GetServices()).map(([path]) => path.replace(/^.*\/wifi_[0-9a-f]*_/, ''));
    assert.is(new Set(paths).size, paths.length);
    for (const path of paths) seen.add(path);
    const missing = groups.filter((group) => !seen.has(group));
    console.log(`${paths.length} services, missing: ${missing.join(' ')}`);
    return missing.length === 0 && paths.length > CROWD && isShown(station, CROWD);
  });
}

async function isShown({ cell }: Station, atLeast: number): Promise<boolean> {
  const text = await cell.device.output([CONNMANCTL, 'services']);
  const json: unknown = JSON.parse(await cell.device.output([CONNMANCTL, 'services', '--json']));
  const count = (text.match(/ wifi_[0-9a-f]{12}_[0-9a-z_]+$/gm) ?? []).length;
  return count > atLeast && Array.isArray(json) && json.length > atLeast;
}

// VmRSS of proc_pid_status(5), in kB.
function memoryOf({ daemon }: Station): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${daemon.pid}/status`, 'utf8'))?.[1]);
}
