/**
 * Reads a client's query where it lies (RFC 1035, 4.1; EDNS: RFC 6891) and makes the key under which
 * its answer is kept: the name in lower case, type and class as on the wire, and what else changes
 * an answer. Total, and nothing is allocated. One reader serves query after query.
 */

import { CLASS_ANY, CLASS_IN, RECORD_TYPE } from './records.ts';

/** What to do with what came in. */
export type QueryVerdict =
  /** The fields of the reader describe it. */
  | 'query'
  /** No query: nothing may be answered. */
  | 'drop'
  | 'formatError' | 'notImplemented' | 'refused'
  /** EDNS of a version we do not know. */
  | 'badVersion';

/** A query as far as its answer depends on it. */
export interface QueryShape {
  /** Where the question ends, from the start of the message. */
  readonly questionEnd: number;
  /** Whether the answer brings an OPT record. */
  readonly hasEdns: boolean;
  /** No longer answer may be sent. */
  readonly limitBytes: number;
}

/** Before the first question. */
export const HEADER_BYTES = 12;
/** Type and class behind a name. */
export const QUESTION_TAIL_BYTES = 4;

/** RFC 1035, 4.2.1. */
const PLAIN_UDP_BYTES = 512;
/** What passes any path unfragmented (DNS flag day 2020); also what we tell servers. */
export const EDNS_UDP_BYTES = 1232;
const MAX_NAME_BYTES = 255;
const OPT_BYTES = 11;

/** Bits of `flavour`: DNSSEC records wanted (RFC 3225); not to be checked (RFC 4035, 3.2.2). */
export const DNSSEC_OK = 1;
export const CHECKING_DISABLED = 2;

/** The last query read; its fields are valid after the verdict `query`. */
export class QueryReader implements QueryShape {
  questionEnd = HEADER_BYTES;
  hasEdns = false;
  limitBytes = PLAIN_UDP_BYTES;
  type = 0;
  flavour = 0;
  /** Whether the name stands in other letters than in the key. */
  hasCapitals = false;
  /** Its first `keyBytes` bytes are equal for queries with equal answers. */
  readonly keyMemory = Buffer.alloc(MAX_NAME_BYTES + QUESTION_TAIL_BYTES + 1);
  keyBytes = 0;

  /** The key as Latin-1. */
  get key(): string {
    return this.keyMemory.toString('latin1', 0, this.keyBytes);
  }

  /** Reads the message of `length` bytes at `at`. After another verdict, `questionEnd` tells what may be repeated. */
  read(memory: Buffer, at: number, length: number): QueryVerdict {
    this.questionEnd = HEADER_BYTES;
    this.hasEdns = false;
    this.hasCapitals = false;
    this.limitBytes = PLAIN_UDP_BYTES;
    if (length < HEADER_BYTES || byte(memory, at + 2) >= 0x80) return 'drop';
    if ((byte(memory, at + 2) & 0x78) !== 0) return 'notImplemented';
    if (u16(memory, at + 4) !== 1 || u16(memory, at + 6) !== 0 || u16(memory, at + 8) !== 0) return 'formatError';
    const end = at + length;
    const nameEnd = this.#readName(memory, at + HEADER_BYTES, Math.min(end, at + HEADER_BYTES + MAX_NAME_BYTES));
    const questionEnd = nameEnd + QUESTION_TAIL_BYTES;
    if (nameEnd < 0 || questionEnd > end) return 'formatError';
    for (let index = nameEnd; index < questionEnd; index++) this.keyMemory[this.keyBytes++] = byte(memory, index);
    this.questionEnd = questionEnd - at;
    this.type = u16(memory, nameEnd);
    const verdict = acceptable(this.type, u16(memory, nameEnd + 2));
    if (verdict !== 'query') return verdict;
    const additionals = u16(memory, at + 10);
    this.flavour = (byte(memory, at + 3) & 0x10) === 0 ? 0 : CHECKING_DISABLED;
    if (additionals > 0) {
      const edns = this.#readEdns(memory, questionEnd, end);
      if (edns !== 'query') return edns;
    }
    if (this.flavour !== 0) this.keyMemory[this.keyBytes++] = this.flavour;
    return 'query';
  }

  // Sets the key as far as the name goes; returns where that ends, -1 if there is none.
  #readName(memory: Buffer, from: number, end: number): number {
    const key = this.keyMemory;
    let labelEnd = from;
    for (let at = from; at < end; at++) {
      const value = byte(memory, at);
      if (at === labelEnd) {
        if (value > 63) return -1;
        key[at - from] = value;
        if (value === 0) {
          this.keyBytes = at + 1 - from;
          return at + 1;
        }
        labelEnd = at + 1 + value;
      } else {
        const lowered = lower(value);
        if (lowered !== value) this.hasCapitals = true;
        key[at - from] = lowered;
      }
    }
    return -1;
  }

  // RFC 6891, 6.1.2. Another record in front, a signature for instance, is passed over with all behind it.
  #readEdns(memory: Buffer, at: number, end: number): QueryVerdict {
    if (at + OPT_BYTES > end) return 'formatError';
    if (byte(memory, at) !== 0 || u16(memory, at + 1) !== RECORD_TYPE.OPT) return 'query';
    if (at + OPT_BYTES + u16(memory, at + 9) > end) return 'formatError';
    this.hasEdns = true;
    this.limitBytes = Math.max(PLAIN_UDP_BYTES, Math.min(EDNS_UDP_BYTES, u16(memory, at + 3)));
    if (byte(memory, at + 6) !== 0) return 'badVersion';
    if ((byte(memory, at + 7) & 0x80) !== 0) this.flavour |= DNSSEC_OK;
    return 'query';
  }
}

// Zone transfers are not for a proxy; 128 to 255 but ANY are not types of data (RFC 6895, 3.1).
function acceptable(type: number, questionClass: number): QueryVerdict {
  if (questionClass !== CLASS_IN && questionClass !== CLASS_ANY) return 'refused';
  if (type === 251 || type === 252) return 'refused';
  if (type === 0 || type === RECORD_TYPE.OPT || (type > 127 && type < RECORD_TYPE.ANY)) return 'notImplemented';
  return 'query';
}

function byte(memory: Buffer, at: number): number {
  return memory[at] ?? 0;
}

function u16(memory: Buffer, at: number): number {
  return (byte(memory, at) << 8) | byte(memory, at + 1);
}

function lower(value: number): number {
  return value >= 0x41 && value <= 0x5a ? value | 0x20 : value;
}
