/**
 * An answer as it is kept: what follows the question on the wire, so that it fits behind any
 * client's question of the same name whatever its letters' case. Names in it point backwards only,
 * at the question or inside (RFC 1035, 4.1.4). Times to live are patched where they stand.
 */

import { EDNS_UDP_BYTES, HEADER_BYTES, type QueryShape } from './query-reader.ts';

/**
 * Everything of an answer that does not depend on who asks: a view of where it lies, valid until whoever
 * made it makes another. `keepAnswer` copies it.
 */
export interface StoredAnswer {
  /** Without the upper bits of EDNS. */
  readonly rcode: number;
  readonly answerCount: number;
  readonly authorityCount: number;
  /** The records: `tailBytes` bytes at `tailAt` of `memory`. */
  readonly memory: Buffer;
  readonly tailAt: number;
  readonly tailBytes: number;
  /** Where in the tail times to live stand, rising: `ttlCount` places at `ttlsAt` of `ttlPlaces`. */
  readonly ttlPlaces: Uint16Array;
  readonly ttlsAt: number;
  readonly ttlCount: number;
  /** Seconds by which times to live have fallen; `PAST` when they are over. */
  readonly agedSec: number;
  /** INFO-CODE of RFC 8914, 0 for none. */
  readonly extendedError: number;
}

/** INFO-CODE values (RFC 8914, 4). */
export const EXTENDED_ERROR = {
  stale: 3, notReady: 14, blocked: 15, staleNxdomain: 19, noReachable: 22, network: 23,
} as const;

/** An answer without records. */
export function bareAnswer(rcode: number, extendedError = 0): StoredAnswer {
  const counts = { rcode, answerCount: 0, authorityCount: 0 };
  return { ...counts, ...NOWHERE, agedSec: 0, extendedError };
}

/** The same answer for good. */
export function keepAnswer(answer: StoredAnswer): StoredAnswer {
  const { memory, tailAt, tailBytes, ttlPlaces, ttlsAt, ttlCount } = answer;
  return {
    ...answer,
    memory: Buffer.from(memory.subarray(tailAt, tailAt + tailBytes)),
    tailAt: 0,
    ttlPlaces: ttlPlaces.slice(ttlsAt, ttlsAt + ttlCount),
    ttlsAt: 0,
  };
}

const NOWHERE = {
  memory: Buffer.alloc(0), tailAt: 0, tailBytes: 0, ttlPlaces: new Uint16Array(), ttlsAt: 0, ttlCount: 0,
};

/** Stands for any age past the end (RFC 8767, 5.11: then there are 30 s to live). */
export const PAST = 0x7fff_ffff;

const STALE_TTL_SEC = 30;
/** Longer records are left to the C++ side, whose call costs as much as so many turns of a loop. */
const LOOP_BYTES = 96;
const OPT_BYTES = 11;
const EXTENDED_ERROR_BYTES = 6;

/** Turns the query at `at` into its answer; the length of it. There must be room for `query.limitBytes`. */
export function writeAnswer(memory: Buffer, at: number, query: QueryShape, answer: StoredAnswer): number {
  const { questionEnd, hasEdns, limitBytes } = query;
  const { tailBytes } = answer;
  const optBytes = !hasEdns ? 0 : OPT_BYTES + (answer.extendedError === 0 ? 0 : EXTENDED_ERROR_BYTES);
  const isTruncated = questionEnd + tailBytes + optBytes > limitBytes;
  memory[at + 2] = 0x80 | ((memory[at + 2] ?? 0) & 0x01) | (isTruncated ? 0x02 : 0);
  memory[at + 3] = 0x80 | ((memory[at + 3] ?? 0) & 0x10) | (answer.rcode & 0xf);
  putU16(memory, at + 6, isTruncated ? 0 : answer.answerCount);
  putU16(memory, at + 8, isTruncated ? 0 : answer.authorityCount);
  putU16(memory, at + 10, hasEdns ? 1 : 0);
  let end = at + questionEnd;
  if (!isTruncated) {
    writeTail(memory, end, answer);
    end += tailBytes;
  }
  if (hasEdns) end = writeEdns(memory, end, answer);
  return end - at;
}

/** Turns what stands at `at` into a refusal to answer, with `rcode` and no more than the question. */
export function writeRefusal(memory: Buffer, at: number, query: QueryShape, rcode: number): number {
  const hasQuestion = query.questionEnd > HEADER_BYTES;
  putU16(memory, at + 4, hasQuestion ? 1 : 0);
  const opcode = (memory[at + 2] ?? 0) & 0x78;
  const length = writeAnswer(memory, at, query, bareAnswer(rcode));
  memory[at + 2] = (memory[at + 2] ?? 0) | opcode;
  return length;
}

/** RCODE of an EDNS version we do not know (RFC 6891, 6.1.3). */
export const BAD_VERSION = 16;

/** Copies the records of `answer` to `at`. */
export function copyTail(memory: Buffer, at: number, { memory: from, tailAt, tailBytes }: StoredAnswer): void {
  if (tailBytes > LOOP_BYTES) from.copy(memory, at, tailAt, tailAt + tailBytes);
  else for (let index = 0; index < tailBytes; index++) memory[at + index] = from[tailAt + index] ?? 0;
}

function writeTail(memory: Buffer, at: number, answer: StoredAnswer): void {
  const { agedSec, ttlPlaces, ttlsAt, ttlCount } = answer;
  copyTail(memory, at, answer);
  if (agedSec === 0) return;
  // A record that lives shorter than its answer, an SOA for instance, ends at zero.
  const leastSec = agedSec === PAST ? STALE_TTL_SEC : 0;
  for (let index = ttlsAt; index < ttlsAt + ttlCount; index++) {
    const place = at + (ttlPlaces[index] ?? 0);
    const ttlSec = Math.max(leastSec, memory.readInt32BE(place) - agedSec);
    putU16(memory, place, ttlSec >>> 16);
    putU16(memory, place + 2, ttlSec & 0xffff);
  }
}

// RFC 6891, 6.1.2; the extended error of RFC 8914, 2 as its only option.
function writeEdns(memory: Buffer, at: number, answer: StoredAnswer): number {
  const { extendedError } = answer;
  memory[at] = 0;
  putU16(memory, at + 1, 41);
  putU16(memory, at + 3, EDNS_UDP_BYTES);
  putU16(memory, at + 5, (answer.rcode >> 4) << 8);
  putU16(memory, at + 7, 0);
  putU16(memory, at + 9, extendedError === 0 ? 0 : EXTENDED_ERROR_BYTES);
  if (extendedError === 0) return at + OPT_BYTES;
  putU16(memory, at + 11, 15);
  putU16(memory, at + 13, 2);
  putU16(memory, at + 15, extendedError);
  return at + OPT_BYTES + EXTENDED_ERROR_BYTES;
}

function putU16(memory: Buffer, at: number, value: number): void {
  memory[at] = value >> 8;
  memory[at + 1] = value & 0xff;
}
