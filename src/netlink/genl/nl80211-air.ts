/**
 * Wi-Fi as the kernel tells of it (family nl80211, linux/nl80211.h): the access points it heard in the
 * last scan, how authentications, associations and connections end and where they go on, with the codes of IEEE
 * 802.11-2020 (9.4.1.7 reasons, 9.4.1.9 status). Read only: supplicants do the rest.
 */

import type { Scope } from '../../shared/scope.ts';
import type { Decoded, Shape } from '../attributes.ts';
import { bytes, flag, i32, nested, u16, u32 } from '../kinds.ts';
import type { FamilyDescription, Genl } from './genl.ts';

/** An access point that was heard. */
export interface HeardAccessPoint {
  readonly bssid: Uint8Array;
  readonly frequencyMhz: number;
  readonly signalDbm: number | undefined;
  /** Elements of its beacon or probe response. */
  readonly elements: Uint8Array;
}

/** How a step of joining ended, or the connection. */
export type MlmeEvent =
  /** Its answer to an authentication frame. */
  | { readonly kind: 'authentication'; readonly algorithm: number; readonly sequence: number; readonly status: number }
  /** Nobody answered. */
  | { readonly kind: 'silence' }
  | { readonly kind: 'disconnection'; readonly reason: number; readonly isByAccessPoint: boolean }
  /** The access point in use is on another channel now, and we with it. */
  | { readonly kind: 'channel'; readonly frequencyMhz: number };

/** What an interface heard last. Rejects with NetlinkError; ENOENT where the kernel has no Wi-Fi. */
export async function listHeard(genl: Genl, ifindex: number, signal?: AbortSignal): Promise<HeardAccessPoint[]> {
  const request = { command: GET_SCAN, attributes: { ifindex }, isDump: true };
  const messages = await genl.request(NL80211_FAMILY, request, signal);
  return messages.flatMap(({ attributes: { bss } }) => {
    const { bssid, frequencyMhz, elements, beaconElements, signalMbm } = bss ?? {};
    if (bssid === undefined || frequencyMhz === undefined) return [];
    const signalDbm = signalMbm === undefined ? undefined : signalMbm / 100;
    return [{ bssid, frequencyMhz, signalDbm, elements: elements ?? beaconElements ?? NO_BYTES }];
  });
}

/** Tells of every interface until `scope` closes. Rejects as `listHeard`. */
export function observeMlme(
  genl: Genl, scope: Scope, observer: (ifindex: number, event: MlmeEvent) => void,
): Promise<void> {
  return genl.observe(NL80211_FAMILY, MLME_GROUP, scope, {
    onMessage({ command, attributes }) {
      const event = mlmeEvent(command, attributes);
      if (event !== undefined && attributes.ifindex !== undefined) observer(attributes.ifindex, event);
    },
    onLoss: () => undefined,
  });
}

/** Tells which interface has new results, until `scope` closes. Rejects as `listHeard`. */
export function observeScans(genl: Genl, scope: Scope, observer: (ifindex: number) => void): Promise<void> {
  return genl.observe(NL80211_FAMILY, SCAN_GROUP, scope, {
    onMessage({ command, attributes: { ifindex } }) {
      if (command === NEW_SCAN_RESULTS && ifindex !== undefined) observer(ifindex);
    },
    onLoss: () => undefined,
  });
}

/** NL80211_ATTR_*, with NL80211_BSS_* inside. */
const ATTRIBUTES = {
  ifindex: [3, u32],
  frequencyMhz: [38, u32],
  bss: [47, nested({
    bssid: [1, bytes],
    frequencyMhz: [2, u32],
    elements: [6, bytes],
    signalMbm: [7, i32],
    beaconElements: [11, bytes],
  } as const satisfies Shape)],
  frame: [51, bytes],
  reason: [54, u16],
  isTimedOut: [65, flag],
  isByAccessPoint: [71, flag],
} as const satisfies Shape;

const NL80211_FAMILY = {
  name: 'nl80211', version: 1, attributes: ATTRIBUTES,
} as const satisfies FamilyDescription<Shape>;

const MLME_GROUP = 'mlme';
const SCAN_GROUP = 'scan';
const GET_SCAN = 32;
const NEW_SCAN_RESULTS = 34;
const AUTHENTICATE = 37;
const ASSOCIATE = 38;
const DISCONNECT = 48;
const CHANNEL_SWITCHED = 88;
const NO_BYTES = new Uint8Array();

/** IEEE 802.11-2020, 9.3.3.1: frame control to sequence control. */
const MANAGEMENT_HEADER_BYTES = 24;

/** What a message says; undefined where it is of no interest. */
export function mlmeEvent(command: number, attributes: Decoded<typeof ATTRIBUTES>): MlmeEvent | undefined {
  switch (command) {
    case AUTHENTICATE:
    case ASSOCIATE:
      if (attributes.isTimedOut === true) return { kind: 'silence' };
      return command === AUTHENTICATE ? authentication(attributes.frame ?? NO_BYTES) : undefined;
    case DISCONNECT: {
      const { reason = 0, isByAccessPoint = false } = attributes;
      return { kind: 'disconnection', reason, isByAccessPoint };
    }
    case CHANNEL_SWITCHED: {
      const { frequencyMhz } = attributes;
      return frequencyMhz === undefined ? undefined : { kind: 'channel', frequencyMhz };
    }
    default:
      return undefined;
  }
}

// IEEE 802.11-2020, 9.3.3.11: algorithm, transaction sequence number and status, little-endian.
function authentication(frame: Uint8Array): MlmeEvent | undefined {
  if (frame.length < MANAGEMENT_HEADER_BYTES + 6) return undefined;
  const view = new DataView(frame.buffer, frame.byteOffset + MANAGEMENT_HEADER_BYTES, 6);
  const [algorithm, sequence, status] = [0, 2, 4].map((at) => view.getUint16(at, true));
  return { kind: 'authentication', algorithm: algorithm ?? 0, sequence: sequence ?? 0, status: status ?? 0 };
}
