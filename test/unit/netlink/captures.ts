/**
 * What the netlink codecs are tested with: captured requests and answers of ip(8), a socket that
 * answers from memory, and the battery every codec must stand.
 */

import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { formatHex, parseHex } from '../../../src/shared/bytes.ts';
import { DecodeError } from '../../../src/shared/errors.ts';
import type { SystemError } from '../../../src/shared/errors.ts';
import { parseIpAddress } from '../../../src/shared/ipaddress.ts';
import type { IpAddress, IpPrefix } from '../../../src/shared/ipaddress.ts';
import { forEachMessage } from '../../../src/netlink/message.ts';
import type { NetlinkMessage } from '../../../src/netlink/message.ts';
import type { MessageSocket, NetlinkSender } from '../../../src/system/system.ts';

/** What went over the socket for one command. */
export interface Capture {
  readonly sent: readonly Uint8Array[];
  readonly received: readonly Uint8Array[];
}

/** The captures of test/vectors/netlink-`name`.hex, by command. */
export function readCaptures(name: string): (command: string) => Capture {
  const captures = new Map<string, { sent: Uint8Array[]; received: Uint8Array[] }>();
  let current: { sent: Uint8Array[]; received: Uint8Array[] } | undefined;
  for (const line of readFileSync(`test/vectors/netlink-${name}.hex`, 'utf8').split('\n')) {
    if (line.startsWith('# ')) captures.set(line.slice(2), (current = { sent: [], received: [] }));
    else if (line !== '') (line.startsWith('>') ? current?.sent : current?.received)?.push(hex(line.slice(2)));
  }
  return (command) => {
    const capture = captures.get(command);
    if (capture === undefined) throw new Error(`nothing was captured of ${command}`);
    return capture;
  };
}

/** Bytes written as hexadecimal digits, blanks ignored. */
export function hex(text: string): Uint8Array {
  const bytes = parseHex(text.replace(/\s+/g, ''));
  if (bytes === undefined) throw new Error('not hexadecimal');
  return bytes;
}

/** An address that is known to be one. */
export function ip(text: string): IpAddress {
  const address = parseIpAddress(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return address;
}

/** `192.0.2.0/24`. */
export function prefix(text: string): IpPrefix {
  const [address = '', length] = text.split('/');
  return { address: ip(address), prefixLength: Number(length) };
}

/** Every message of some datagrams, decoded; those that decode to undefined are left out. */
export function decodeAll<T>(
  datagrams: readonly Uint8Array[], decode: (message: NetlinkMessage) => T | undefined,
): T[] {
  const values: T[] = [];
  for (const bytes of datagrams) {
    forEachMessage(bytes, (message) => {
      const value = message.type < 16 ? undefined : decode(message);
      if (value !== undefined) values.push(value);
    });
  }
  return values;
}

/** A value as plain data: addresses and bytes as text, absent keys left out. */
export function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_, each: unknown) => {
    if (each instanceof Uint8Array) return formatHex(each, ':');
    if (typeof each === 'bigint') return String(each);
    return typeof each === 'object' && each !== null && 'bytes' in each && 'family' in each ? String(each) : each;
  }));
}

/**
 * A request without what two programs may do differently: sequence, order of attributes, bytes past
 * the message, the mark of nested attributes.
 */
export function canonical(bytes: Uint8Array, payloadHeaderBytes: number): unknown {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = view.getUint32(0, true);
  const at = 16 + payloadHeaderBytes;
  return {
    type: view.getUint16(4, true),
    flags: view.getUint16(6, true),
    header: formatHex(bytes.subarray(16, at)),
    attributes: attributesOf(bytes, at, end).sort(),
  };
}

function attributesOf(bytes: Uint8Array, at: number, end: number): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found: string[] = [];
  for (let next = at; end - next >= 4; next += (view.getUint16(next, true) + 3) & ~3) {
    const length = view.getUint16(next, true);
    found.push(`${view.getUint16(next + 2, true) & 0x3fff}: ${formatHex(bytes.subarray(next + 4, next + length))}`);
  }
  return found;
}

/** Fails unless `decode` gives a value or throws DecodeError for every truncation, bit flip and noise. */
export function assertHardened(decode: (message: NetlinkMessage) => unknown, datagram: Uint8Array): void {
  const attempt = (bytes: Uint8Array): void => {
    try {
      forEachMessage(bytes, decode);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
    }
  };
  for (let length = 0; length < datagram.length; length++) attempt(datagram.slice(0, length));
  for (let bit = 0; bit < 8 * datagram.length; bit++) {
    const bytes = datagram.slice();
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    attempt(bytes);
  }
  const noise = fc.uint8Array({ minLength: 1, maxLength: 200 });
  fc.assert(fc.property(noise, fc.nat(datagram.length - 1), (bytes, at) => {
    const spoilt = datagram.slice();
    spoilt.set(bytes.subarray(0, spoilt.length - at), at);
    attempt(spoilt);
  }));
}

/** A netlink socket in memory: the test reads `sent` and answers with `deliver`. */
export class FakeSocket implements MessageSocket<NetlinkSender> {
  readonly localPort = 4711;
  readonly sent: Uint8Array[] = [];
  isClosed = false;
  /** Called for each message sent; may throw as the kernel would refuse it. */
  onSend: (bytes: Uint8Array) => void = () => undefined;
  onMessage: (bytes: Uint8Array, sender: NetlinkSender) => void = () => undefined;
  onError: (error: SystemError) => void = () => undefined;

  send(bytes: Uint8Array): void {
    this.onSend(bytes);
    this.sent.push(bytes.slice());
  }

  /** One datagram of several messages, in memory that is overwritten as the real arena is. */
  deliver(messages: readonly Uint8Array[], portId = 0): void {
    const length = messages.reduce((sum, message) => sum + ((message.length + 3) & ~3), 0);
    const arena = new Uint8Array(length);
    let at = 0;
    for (const message of messages) {
      arena.set(message, at);
      at += (message.length + 3) & ~3;
    }
    this.onMessage(arena, { portId });
    arena.fill(0xee);
  }

  /** Sequence, type and flags of the `index`th message sent, counted from the end when negative. */
  request(index: number): { sequence: number; type: number; flags: number } {
    const bytes = this.sent.at(index);
    assert.ok(bytes !== undefined, 'no such request');
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    return { sequence: view.getUint32(8, true), type: view.getUint16(4, true), flags: view.getUint16(6, true) };
  }
}

/** `bytes` with another sequence number. */
export function withSequence(bytes: Uint8Array, sequence: number): Uint8Array {
  const copy = bytes.slice();
  new DataView(copy.buffer).setUint32(8, sequence, true);
  return copy;
}

/** NLMSG_ERROR with `-errno`, or the acknowledgement for 0. */
export function outcome(sequence: number, errno = 0): Uint8Array {
  return message(2, 0x100, sequence, Int32Array.of(-errno, 0, 0, 0, 0));
}

/** NLMSG_DONE. */
export function done(sequence: number, flags = 0x2): Uint8Array {
  return message(3, flags, sequence, Int32Array.of(0));
}

/** A message of a kind nobody knows, with `value` as its payload. */
export function part(sequence: number, value: number, flags = 0x2): Uint8Array {
  return message(0x500, flags, sequence, Int32Array.of(value));
}

/** Any message. */
export function message(type: number, flags: number, sequence: number, payload: Int32Array | Uint8Array): Uint8Array {
  const bytes = new Uint8Array(16 + payload.byteLength);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  view.setUint32(8, sequence, true);
  bytes.set(new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength), 16);
  return bytes;
}
