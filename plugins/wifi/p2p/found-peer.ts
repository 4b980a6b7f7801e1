/**
 * A Wi-Fi Direct device as wpa_supplicant tells of it (its D-Bus API, fi.w1.wpa_supplicant1.Peer).
 * Total: a property of another type than documented counts as absent, and what is too long is cut;
 * all of it is what strangers send.
 */

import { formatHex } from '../../../src/shared/bytes.ts';
import type { PeerMethods } from '../../../src/api.ts';
import type { Properties } from '../bss.ts';

/** One device in the air. */
export interface FoundPeer {
  /** The last part of a peer's identifier: its address in lower-case digits. */
  readonly ident: string;
  readonly name: string;
  readonly methods: PeerMethods;
  /** Whether it can only show a PIN, for us to type. */
  readonly onlyShowsPin: boolean;
  /** Whether it owns a group already, which is joined. */
  readonly isGroupOwner: boolean;
  /** Its Wi-Fi Display elements. */
  readonly displayElements: Uint8Array;
}

// Wi-Fi Simple Configuration 12, "Config Methods".
const DISPLAY = 0x0008;
const PUSH_BUTTON = 0x0080;
const KEYPAD = 0x0100;
/** Wi-Fi Direct 4.1.4, group capability bitmap. */
const GROUP_OWNER = 0x01;

/** A device name has 32 bytes, what is longer was made up. */
const LONGEST_NAME = 32;
const LONGEST_ELEMENTS_BYTES = 1024;
const NO_BYTES = new Uint8Array();

/** Reads a device; undefined for one that has no name. */
export function parsePeer(properties: Properties): FoundPeer | undefined {
  const given = properties.get('DeviceName')?.as('s');
  if (given === undefined) return undefined;
  const name = [...given.slice(0, 2 * LONGEST_NAME)].slice(0, LONGEST_NAME).join('');
  const methods = properties.get('config_method')?.as('q') ?? 0;
  const elements = properties.get('IEs')?.as('ay') ?? NO_BYTES;
  return {
    ident: identOf(properties.get('DeviceAddress')?.as('ay') ?? NO_BYTES, name),
    name,
    methods: { hasPushButton: (methods & PUSH_BUTTON) !== 0, hasPin: (methods & ~PUSH_BUTTON) !== 0 },
    onlyShowsPin: (methods & DISPLAY) !== 0 && (methods & KEYPAD) === 0,
    isGroupOwner: ((properties.get('groupcapability')?.as('y') ?? 0) & GROUP_OWNER) !== 0,
    displayElements: elements.length > LONGEST_ELEMENTS_BYTES ? NO_BYTES : elements,
  };
}

// As ConnMan: by its name where it has no address. Object paths know letters and digits alone.
function identOf(address: Uint8Array, name: string): string {
  if (address.length === 6 && address.some((byte) => byte !== 0)) return formatHex(address);
  return /^[A-Za-z0-9]+$/.test(name) ? name : formatHex(new TextEncoder().encode(name)) || 'unknown';
}
