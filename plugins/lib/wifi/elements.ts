/**
 * What we read of a beacon's elements: key managements of the RSN element (IEEE 802.11-2020,
 * 9.4.2.24), WPS (Wi-Fi Simple Configuration 2.0.8, 12) and the OWE transition element (RFC 8110;
 * Wi-Fi Alliance, Opportunistic Wireless Encryption 1.1, 2.2). Total: what does not parse is absent.
 */

import { Reader } from '../../../src/shared/bytes.ts';
import { DecodeError } from '../../../src/shared/errors.ts';

/** What an access point says of Wi-Fi Protected Setup. */
export interface WpsState {
  /** It has credentials to give. */
  readonly isConfigured: boolean;
  readonly hasPushButton: boolean;
  readonly hasPin: boolean;
  /** Somebody has pushed its button, or started a PIN session, just now. */
  readonly isAdvertising: boolean;
}

/** What a network wants of those who join: whether management frames must, may or cannot be protected. */
export type FrameProtection = 'required' | 'optional' | 'none';

/** The elements that matter to us. */
export interface BeaconElements {
  /** Suite types below 00-0F-AC of the RSN element, such as 8 for SAE and 18 for OWE. */
  readonly keyManagementSuites: readonly number[];
  readonly frameProtection: FrameProtection;
  readonly wps: WpsState | undefined;
  /** The network has an encrypted (or open) twin. */
  readonly isOweTransition: boolean;
}

const SSID_ELEMENT = 0;
const RSN_ELEMENT = 48;
const VENDOR_ELEMENT = 221;
const RSN_OUI = 0x000fac;
const MICROSOFT_WPS = 0x0050f204;
const WFA_OWE_TRANSITION = 0x506f9a1c;

/** Reads all elements of a beacon or probe response; a truncated one ends the reading. */
export function parseElements(bytes: Uint8Array): BeaconElements {
  const wps: Uint8Array[] = [];
  let rsn = NO_RSN;
  let isOweTransition = false;
  for (const { id, body } of elementsOf(bytes)) {
    if (id === RSN_ELEMENT) rsn = attempt(NO_RSN, () => rsnOf(body));
    if (id !== VENDOR_ELEMENT || body.length < 4) continue;
    const vendor = new Reader(body, 'vendor element').u32();
    if (vendor === MICROSOFT_WPS) wps.push(body.subarray(4));
    if (vendor === WFA_OWE_TRANSITION) isOweTransition = true;
  }
  return { ...rsn, wps: wps.length === 0 ? undefined : wpsState(wps), isOweTransition };
}

/** The name in a beacon or probe response; undefined where there is none. */
export function ssidOf(bytes: Uint8Array): Uint8Array | undefined {
  for (const { id, body } of elementsOf(bytes)) if (id === SSID_ELEMENT) return body;
  return undefined;
}

function* elementsOf(bytes: Uint8Array): Generator<{ id: number; body: Uint8Array }> {
  for (let at = 0; at + 2 <= bytes.length; ) {
    const [id = 0, length = 0] = bytes.subarray(at, at + 2);
    at += 2;
    if (at + length > bytes.length) return;
    yield { id, body: bytes.subarray(at, at + length) };
    at += length;
  }
}

type Rsn = Pick<BeaconElements, 'keyManagementSuites' | 'frameProtection'>;

const NO_RSN: Rsn = { keyManagementSuites: [], frameProtection: 'none' };
const MFP_REQUIRED = 0x40;
const MFP_CAPABLE = 0x80;

// Version, group cipher, pairwise ciphers, key managements, each list with its count before it; then
// capabilities, which may be absent.
function rsnOf(body: Uint8Array): Rsn {
  const reader = new Reader(body, 'RSN element', true);
  reader.skip(2 + 4);
  reader.skip(reader.u16() * 4);
  const keyManagementSuites: number[] = [];
  for (let left = reader.u16(); left > 0; left--) {
    const [first = 0, second = 0, third = 0, type = 0] = reader.take(4);
    if (((first << 16) | (second << 8) | third) === RSN_OUI) keyManagementSuites.push(type);
  }
  const capabilities = reader.remaining < 2 ? 0 : reader.u16();
  const isCapable = (capabilities & MFP_CAPABLE) !== 0;
  const isRequired = (capabilities & MFP_REQUIRED) !== 0;
  return { keyManagementSuites, frameProtection: isRequired ? 'required' : isCapable ? 'optional' : 'none' };
}

const WPS_VERSION = 0x104a;
const WPS_STATE = 0x1044;
const WPS_DEVICE_PASSWORD = 0x1012;
const WPS_SELECTED_REGISTRAR = 0x1041;
const STATE_CONFIGURED = 2;
const PASSWORD_PIN = 0;
const PASSWORD_PUSH_BUTTON = 4;

// One WPS attribute list may lie over several elements.
function wpsState(parts: readonly Uint8Array[]): WpsState | undefined {
  const attributes = attempt(new Map<number, number>(), () => wpsAttributes(Buffer.concat(parts)));
  const state = attributes.get(WPS_STATE) ?? 0;
  if (attributes.get(WPS_VERSION) !== 0x10 || state === 0) return undefined;
  const password = attributes.get(WPS_DEVICE_PASSWORD);
  return {
    isConfigured: state === STATE_CONFIGURED,
    hasPushButton: password === undefined || password === PASSWORD_PUSH_BUTTON,
    hasPin: password === undefined || password === PASSWORD_PIN,
    isAdvertising: (attributes.get(WPS_SELECTED_REGISTRAR) ?? 0) !== 0,
  };
}

/** Attributes of one or two bytes by type; others are of no interest. */
function wpsAttributes(bytes: Uint8Array): Map<number, number> {
  const reader = new Reader(bytes, 'WPS attributes');
  const found = new Map<number, number>();
  while (reader.remaining >= 4) {
    const [type, length] = [reader.u16(), reader.u16()];
    const value = reader.take(length);
    const [first = 0, second = 0] = value;
    if (length === 1) found.set(type, first);
    if (length === 2) found.set(type, (first << 8) | second);
  }
  return found;
}

function attempt<T>(otherwise: T, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof DecodeError) return otherwise;
    throw error;
  }
}
