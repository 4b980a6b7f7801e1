/**
 * NTP version 4 messages as a client sends and reads them (RFC 5905, 7.3). A request tells nothing of
 * us: the transmit timestamp is a random number that only the server asked can return, all else but
 * version, mode and poll interval is zero (RFC 8633, 3.4; RFC 9109). Extensions are ignored.
 */

import { Reader } from '../shared/bytes.ts';

/** What a leap second there is to be at the end of the month; `unknown`: the server has no time. */
export type Leap = 'none' | 'insert' | 'delete' | 'unknown';

/** A server's message. Times are milliseconds since 1970, undefined where the field is zero. */
export interface NtpReply {
  readonly leap: Leap;
  readonly version: number;
  readonly mode: number;
  /** 0 is a kiss of death, 16 and more no time. */
  readonly stratum: number;
  /** Exponent of the interval in seconds; of a kiss the least that the server wants. */
  readonly poll: number;
  /** Of the server's clock. */
  readonly precisionMs: number;
  readonly rootDelayMs: number;
  readonly rootDispersionMs: number;
  /** The kiss code, where the stratum is 0; such as `RATE`. */
  readonly kiss: string | undefined;
  /** What the request had for its transmit timestamp. */
  readonly origin: bigint;
  readonly receivedAtMs: number | undefined;
  readonly sentAtMs: number | undefined;
}

/** The length of a message without extensions and authentication. */
export const MESSAGE_BYTES = 48;

const TRANSMIT_AT = 40;
/** Leap 0, version 4, mode 3 (client). */
const CLIENT = 0x23;
/** 2^32 s: what chrony and others without a say in it send. */
const NO_PRECISION = 0x20;
const LEAPS: readonly Leap[] = ['none', 'insert', 'delete', 'unknown'];

/** A request that `nonce` (64 random bits, not 0) tells from all others. */
export function encodeRequest(nonce: bigint, poll: number): Uint8Array {
  const bytes = new Uint8Array(MESSAGE_BYTES);
  bytes[0] = CLIENT;
  bytes[2] = poll;
  bytes[3] = NO_PRECISION;
  new DataView(bytes.buffer).setBigUint64(TRANSMIT_AT, nonce);
  return bytes;
}

/** Reads a server's message; throws DecodeError when it is too short. Nothing is judged here. */
export function decodeReply(bytes: Uint8Array): NtpReply {
  const reader = new Reader(bytes, 'NTP');
  const flags = reader.u8();
  const stratum = reader.u8();
  const poll = signed(reader.u8());
  const precision = signed(reader.u8());
  const rootDelayMs = shortMs(reader.u32());
  const rootDispersionMs = shortMs(reader.u32());
  const reference = reader.take(4);
  reader.skip(8);
  const origin = reader.u64();
  const receivedAtMs = unixMs(reader.u64());
  const sentAtMs = unixMs(reader.u64());
  return {
    leap: LEAPS[flags >> 6] ?? 'unknown',
    version: (flags >> 3) & 7,
    mode: flags & 7,
    stratum,
    poll,
    precisionMs: 1000 * 2 ** precision,
    rootDelayMs,
    rootDispersionMs,
    kiss: stratum === 0 ? kissCode(reference) : undefined,
    origin,
    receivedAtMs,
    sentAtMs,
  };
}

function signed(byte: number): number {
  return (byte << 24) >> 24;
}

/** NTP short format: 16 bits of seconds, 16 of their fraction. */
function shortMs(value: number): number {
  return (value / 0x1_0000) * 1000;
}

/** Seconds from 1900 to 1970. */
const UNIX_EPOCH_SEC = 2_208_988_800;
/** 2020: no server's time is older, so that a smaller number belongs to the era that begins in 2036. */
const EARLIEST_UNIX_SEC = 1_577_836_800;

/** RFC 5905, 6: the timestamp says nothing of its era; it is the one in which it is 2020 or later. */
function unixMs(timestamp: bigint): number | undefined {
  if (timestamp === 0n) return undefined;
  const sec = Number(timestamp >> 32n) - UNIX_EPOCH_SEC;
  const fraction = Number(timestamp & 0xffff_ffffn) / 0x1_0000_0000;
  return ((sec < EARLIEST_UNIX_SEC ? sec + 0x1_0000_0000 : sec) + fraction) * 1000;
}

/** Four characters of ASCII, fit for the log. */
function kissCode(reference: Uint8Array): string {
  return Array.from(reference, (byte) => (byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
}
