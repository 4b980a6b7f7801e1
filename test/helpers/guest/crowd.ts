/**
 * Networks that only say that they are there: beacons (IEEE 802.11-2020, 9.3.3.2) that this program sends
 * through a monitor interface on a radio of its own. They cost little, so that there can be dozens, and
 * say what no access point would.
 */

import { readFileSync } from 'node:fs';
import type { Scope } from '../../../src/shared/scope.ts';
import { output } from '../child.ts';
import { testSystem } from '../system.ts';

/** One that is heard; nobody answers for it. */
export interface CrowdNetwork {
  /** As many bytes as one likes; more than 32 are forbidden. */
  readonly ssid: Uint8Array;
  readonly isProtected?: boolean;
  /** After the usual elements, as they are. */
  readonly elements?: Uint8Array;
}

/** Where they are: on this program's radio, by the interface that came with it. */
export interface CrowdPlace {
  readonly radio: string;
  readonly channel: number;
}

/** All of them within a tenth of a second, a quarter at a time: a radio queues no more. */
const EVERY_MS = 25;
const PARTS = 4;
const MONITOR = 'crowd';

/** Has all of them on the air until `scope` closes; the address of each is 06:00:00:00 and its number. */
export async function startCrowd(
  networks: readonly CrowdNetwork[], { radio, channel }: CrowdPlace, scope: Scope,
): Promise<void> {
  await output(['iw', 'dev', radio, 'interface', 'add', MONITOR, 'type', 'monitor']);
  await output(['ip', 'link', 'set', radio, 'down']);
  await output(['ip', 'link', 'set', MONITOR, 'up']);
  await output(['iw', 'dev', MONITOR, 'set', 'channel', String(channel)]);
  const ifindex = Number(readFileSync(`/sys/class/net/${MONITOR}/ifindex`, 'utf8'));
  const socket = testSystem().packet({ ifindex, etherType: ETH_P_802_3 }, scope);
  const frames = networks.map((network, number) => beacon(network, number, channel));
  const timer = setInterval(() => {
    for (const frame of frames.slice(0, frames.length / PARTS)) socket.send(frame, RADIOTAP);
    frames.push(...frames.splice(0, frames.length / PARTS));
  }, EVERY_MS);
  scope.defer(async () => {
    clearInterval(timer);
    await output(['iw', 'dev', MONITOR, 'del']);
  });
}

/** Nothing comes in under it. */
const ETH_P_802_3 = 0x0001;

/**
 * The kernel puts an Ethernet header before what is sent, and a monitor interface takes that for
 * radiotap: version 0, fourteen bytes long, with no field but, where our address begins with 02, how
 * often to try.
 */
const RADIOTAP = { hardwareAddress: Uint8Array.of(0, 0, 14, 0, 0, 0) };

function beacon(network: CrowdNetwork, number: number, channel: number): Uint8Array {
  const { ssid, isProtected = false, elements = [] } = network;
  const address = [6, 0, 0, 0, number >> 8, number & 255];
  return Uint8Array.from([
    // Frame control, duration, to everybody, from and of the access point, sequence.
    0x80, 0, 0, 0, ...EVERYBODY, ...address, ...address, 0, 0,
    // Time, interval in units of 1.024 ms, capabilities: ESS and privacy.
    ...TIME, 100, 0, isProtected ? 0x11 : 0x01, 0,
    0, ssid.length, ...ssid, ...RATES, 3, 1, channel, ...(isProtected ? RSN_PSK : []), ...elements,
  ]);
}

const EVERYBODY = [255, 255, 255, 255, 255, 255];
const TIME = [0, 0, 0, 0, 0, 0, 0, 0];
const RATES = [1, 4, 0x82, 0x84, 0x8b, 0x96];
/** IEEE 802.11-2020, 9.4.2.24: version 1, CCMP, CCMP, a passphrase. */
const RSN_PSK = [48, 20, 1, 0, 0, 15, 172, 4, 1, 0, 0, 15, 172, 4, 1, 0, 0, 15, 172, 2, 0, 0];
