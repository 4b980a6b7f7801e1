/**
 * The hardware address by which a network knows us: our own, or one for this network alone, the same
 * each time (as stable as RFC 7217's identifiers are): a keyed hash, so that whoever knows one of them
 * knows neither the others nor our own. Locally administered (IEEE 802-2014, 8.4).
 */

import type { Core, Device, JoinContext } from '../../../src/api.ts';
import { equalBytes, formatHex, parseHex } from '../../../src/shared/bytes.ts';
import { logger } from '../../../src/shared/log.ts';
import { systemRandom } from '../../../src/shared/random.ts';

const log = logger('plugins/lib/wifi/own-address.ts');

/** Where all that addresses are made from is kept. */
const SETTINGS_GROUP = 'host';
const KEY = 'AddressKey';

/** Our own address, or one for this network alone. */
export interface AddressWish {
  readonly policy: 'permanent' | 'random';
  readonly ssid: Uint8Array;
}

/** What is wanted of a network: by its service, else main.conf. */
export function addressPolicy(
  { MACAddressPolicy: usual }: Pick<Core['options'], 'MACAddressPolicy'>, context: Pick<JoinContext, 'choice'>,
): AddressWish['policy'] {
  return (context.choice('MACAddressPolicy') ?? usual) === 'random' ? 'random' : 'permanent';
}

/**
 * The address that a radio is to be given before it joins, and notes that it is ours; undefined where it
 * goes by that already, or by one that somebody else gave it and none is wanted.
 */
export function addressToSet(
  { addresses, ownSettings }: Pick<Core, 'addresses' | 'ownSettings'>, { link, interfaceName }: Device,
  { policy, ssid }: AddressWish,
): Uint8Array | undefined {
  const { hardwareAddress, permanentAddress } = link;
  const isOurs = permanentAddress !== undefined && equalBytes(addresses.identityOf(link), permanentAddress);
  // One that somebody else gave it is none of our business, unless we are to give it another.
  if (policy === 'permanent' && !isOurs) return undefined;
  const permanent = permanentAddress ?? hardwareAddress;
  const wanted = policy === 'permanent' ? permanent : addressFor({ key: keyOf(ownSettings), ssid, permanent });
  if (equalBytes(hardwareAddress, wanted)) return undefined;
  log.debug('%s: known as %s to %s', interfaceName, formatHex(wanted, ':'), formatHex(ssid));
  addresses.note(link, wanted);
  return wanted;
}

/** What an address is made from. */
export interface AddressParts {
  /** 32 bytes that nobody else knows. */
  readonly key: Uint8Array;
  readonly ssid: Uint8Array;
  readonly permanent: Uint8Array;
}

const LOCAL = 0x02;
const GROUP = 0x01;

/** The address for one network. */
export function addressFor({ key, ssid, permanent }: AddressParts): Uint8Array {
  // Loaded at first use: 5 ms that a start can do without.
  const { createHmac } = process.getBuiltinModule('node:crypto');
  const hash = createHmac('sha256', key).update(permanent).update(ssid).digest();
  const address = Uint8Array.from(hash.subarray(0, 6));
  address[0] = ((address[0] ?? 0) | LOCAL) & ~GROUP;
  return address;
}

function keyOf(ownSettings: Core['ownSettings']): Uint8Array {
  const known = parseHex(ownSettings.get(SETTINGS_GROUP, KEY) ?? '');
  if (known !== undefined && known.length >= 16) return known;
  const key = newAddressKey();
  ownSettings.set(SETTINGS_GROUP, KEY, key);
  return Buffer.from(key, 'hex');
}

/** A new key, in hexadecimal digits. */
export function newAddressKey(): string {
  return Array.from({ length: 8 }, () => systemRandom.u32().toString(16).padStart(8, '0')).join('');
}
