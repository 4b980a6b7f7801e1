/**
 * The addresses in a kept answer, and whether an address is one that only this machine or its own
 * networks may bring up (RFC 6890): what DNS rebinding points names of the Internet at.
 */

import { Reader } from '../shared/bytes.ts';
import { IpAddress, parseIpAddress, type IpPrefix } from '../shared/ipaddress.ts';
import { readRecord, RECORD_TYPE } from './records.ts';
import type { StoredAnswer } from './stored-answer.ts';

/** More are not looked at. */
const MAX_ADDRESSES = 64;

/** The A and AAAA records' addresses in `answer`, of `type` alone where one is given. */
export function addressesIn(answer: StoredAnswer, type?: number): IpAddress[] {
  const addresses: IpAddress[] = [];
  const { memory, tailAt, tailBytes, ttlPlaces, ttlsAt, ttlCount } = answer;
  const tail = memory.subarray(tailAt, tailAt + tailBytes);
  for (const ttlAt of ttlPlaces.subarray(ttlsAt, ttlsAt + ttlCount)) {
    const found = tail.readUInt16BE(ttlAt - 4);
    const isWanted = type === undefined ? found === RECORD_TYPE.A || found === RECORD_TYPE.AAAA : found === type;
    if (!isWanted || addresses.length === MAX_ADDRESSES) continue;
    const { data } = readRecord(new Reader(withRootOwner(tail, ttlAt), 'DNS record'));
    if (data.kind === 'address') addresses.push(data.address);
  }
  return addresses;
}

// Owners were checked when the answer came in, and may point outside of it.
function withRootOwner(tail: Buffer, ttlAt: number): Uint8Array {
  const end = ttlAt + 6 + tail.readUInt16BE(ttlAt + 4);
  return Buffer.concat([Buffer.alloc(1), tail.subarray(ttlAt - 4, end)]);
}

const INNER: readonly IpPrefix[] = [
  '0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.168.0.0/16',
  '::/127', 'fc00::/7', 'fe80::/10',
].flatMap((text) => {
  const [place = '', length] = text.split('/');
  const address = parseIpAddress(place);
  return address === undefined ? [] : [{ address, prefixLength: Number(length) }];
});

const MAPPED_BYTES = 12;

/** Whether `address` lies in a network that is not the Internet; IPv4 inside IPv6 (RFC 4291, 2.5.5.2) included. */
export function isInner(address: IpAddress): boolean {
  const isMapped = address.family === 6 && address.toString().startsWith('::ffff:') && address.bytes[10] === 0xff;
  const plain = isMapped ? new IpAddress(address.bytes.subarray(MAPPED_BYTES)) : address;
  return INNER.some(({ address: network, prefixLength }) => plain.sharesPrefix(network, prefixLength));
}
