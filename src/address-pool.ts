/**
 * Networks for links of which this machine is the router: a private IPv4 block (RFC 1918) of 256
 * addresses that no interface is in. Pure; the order is ConnMan's, so that clients find their
 * access point where it was.
 */

import { IpAddress, type IpPrefix } from './shared/ipaddress.ts';

/** Length of the prefix of each block. */
export const BLOCK_PREFIX_LENGTH = 24;

/**
 * The first free block from 192.168.0.0 on, then 172.16.0.0/12, then 10.0.0.0/8; undefined where all
 * are taken. `taken` are the networks this machine is in or has routes to.
 */
export function findFreeBlock(taken: Iterable<IpPrefix>): IpAddress | undefined {
  const others = [...taken].filter(({ address }) => address.family === 4);
  for (const block of blocks()) if (!others.some((other) => overlaps(block, other))) return block;
  return undefined;
}

/** The address `last` of a block, such as its router's. */
export function inBlock(block: IpAddress, last: number): IpAddress {
  return new IpAddress(Uint8Array.of(...block.bytes.subarray(0, 3), last));
}

// A default route takes no block away.
function overlaps(block: IpAddress, { address, prefixLength }: IpPrefix): boolean {
  return prefixLength > 0 && address.sharesPrefix(block, Math.min(prefixLength, BLOCK_PREFIX_LENGTH));
}

function* blocks(): Iterable<IpAddress> {
  for (let third = 0; third < 255; third++) yield new IpAddress(Uint8Array.of(192, 168, third, 0));
  for (let second = 16; second < 32; second++) {
    for (let third = 0; third < 255; third++) yield new IpAddress(Uint8Array.of(172, second, third, 0));
  }
  for (let second = 0; second < 256; second++) {
    for (let third = 0; third < 255; third++) yield new IpAddress(Uint8Array.of(10, second, third, 0));
  }
}
