/**
 * Reads a server's reply to one question without taking it apart, and cuts out what is kept and
 * passed on: answers on the chain of aliases from the question, and of the authority section what
 * a negative answer needs (RFC 2308, RFC 4035, 3.1.3). Records beside that are out of bailiwick and
 * left out. Total: every name and length is checked; time and memory are bounded by the message.
 */

import { CLASS_IN, RECORD_TYPE } from './records.ts';
import { HEADER_BYTES } from './query-reader.ts';
import type { StoredAnswer } from './stored-answer.ts';
import { expandName, isWithin, nameTouches, skipName } from './wire-name.ts';

/** What a reply is worth. */
export type Scan =
  | {
    readonly kind: 'answer';
    readonly answer: StoredAnswer;
    /** How long it holds; 0: for this once. */
    readonly ttlSec: number;
    /** It says that there is nothing. */
    readonly isNegative: boolean;
  }
  /** The rest is to be had over TCP. */
  | { readonly kind: 'truncated' }
  /** The server cannot or will not; `rcode` as in EDNS. */
  | { readonly kind: 'failure'; readonly rcode: number }
  /** No reply that can be read. */
  | { readonly kind: 'broken' }
  /** Records in an order or place that needs sorting out: see `sortReply`. */
  | { readonly kind: 'unsorted' };

/** RFC 8767, 4: a day is plenty. */
const MAX_TTL_SEC = 86_400;
/** RFC 2308, 5 allows three hours; a name just made should not stay away so long. */
const MAX_NEGATIVE_TTL_SEC = 900;
const MAX_RECORDS = 512;
const MAX_CHAIN = 16;
const RECORD_HEAD_BYTES = 10;

const { CNAME, DNAME, SOA, OPT, ANY } = RECORD_TYPE;
const RRSIG = 46;
const NSEC = 47;
const NSEC3 = 50;

/**
 * Reads `bytes` up to `end`, whose header and question (ending at `questionEnd`) are known to be right.
 * Times to live that are too long are cut where they stand. An answer lies in `bytes`, and is valid until
 * the next reply is read.
 */
export function scanReply(bytes: Buffer, questionEnd: number, end = bytes.length): Scan {
  return scan.run(bytes, questionEnd, end);
}

/** As `scanReply`, with an answer that stays valid beside those of other replies. */
export function scanApart(bytes: Buffer, questionEnd: number): Scan {
  return new ReplyScan().run(bytes, questionEnd, bytes.length);
}

/** One record's place. */
interface Place {
  ownerAt: number;
  type: number;
  class: number;
  ttlAt: number;
  dataAt: number;
  end: number;
}

/** One for all replies: nothing of it is used once it has run. */
class ReplyScan {
  #bytes: Buffer = Buffer.alloc(0);
  #end = 0;
  #questionEnd = 0;
  #type = 0;
  /** As many of them as `#ttls` says. */
  readonly #ttlOffsets = new Uint16Array(MAX_RECORDS);
  #ttls = 0;
  /** Aliases of the question's name, each in wire form; the name itself is not in it. */
  readonly #aliases: string[] = [];
  readonly #place: Place = { ownerAt: 0, type: 0, class: 0, ttlAt: 0, dataAt: 0, end: 0 };
  #question: string | undefined;
  #at = 0;
  #ttlSec = MAX_TTL_SEC;
  #hasData = false;
  #negativeTtlSec = 0;
  #extendedRcode = 0;
  #authorityEnd = 0;

  run(bytes: Buffer, questionEnd: number, end: number): Scan {
    this.#begin(bytes, questionEnd, end);
    const rcode = u16(bytes, 2) & 0xf;
    if ((u16(bytes, 2) & 0x0200) !== 0) return { kind: 'truncated' };
    if (rcode !== 0 && rcode !== 3) return { kind: 'failure', rcode };
    const [answers, authorities, additionals] = [u16(bytes, 6), u16(bytes, 8), u16(bytes, 10)];
    if (answers + authorities > MAX_RECORDS) return BROKEN;
    for (let count = 0; count < answers; count++) {
      const verdict = this.#readAnswer();
      if (verdict !== 'good') return { kind: verdict };
    }
    const answersEnd = this.#at;
    const answerTtls = this.#ttls;
    const isNegative = rcode === 3 || !this.#hasData;
    const authority = this.#readAuthorities(authorities);
    if (authority === 'broken' || !this.#readAdditionals(additionals)) return BROKEN;
    if (this.#extendedRcode !== 0) return { kind: 'failure', rcode: (this.#extendedRcode << 4) | rcode };
    const isKept = authority === 'kept';
    // Neither data nor the reason why there is none: a server that refers elsewhere (RFC 2308, 2.2).
    if (authority === 'referral' && rcode === 0 && answers === 0) return { kind: 'failure', rcode: 5 };
    if (!isKept) this.#ttls = answerTtls;
    const ttlSec = isNegative ? Math.min(this.#ttlSec, isKept ? this.#negativeTtlSec : 0) : this.#ttlSec;
    const answer = {
      rcode,
      answerCount: answers,
      authorityCount: isKept ? authorities : 0,
      memory: bytes,
      tailAt: questionEnd,
      tailBytes: (isKept ? this.#authorityEnd : answersEnd) - questionEnd,
      ttlPlaces: this.#ttlOffsets,
      ttlsAt: 0,
      ttlCount: this.#ttls,
      agedSec: 0,
      extendedError: 0,
    };
    return { kind: 'answer', answer, ttlSec, isNegative };
  }

  #begin(bytes: Buffer, questionEnd: number, end: number): void {
    this.#bytes = bytes;
    this.#end = end;
    this.#questionEnd = questionEnd;
    this.#type = u16(bytes, questionEnd - 4);
    this.#ttls = 0;
    if (this.#aliases.length > 0) this.#aliases.length = 0;
    this.#question = undefined;
    this.#at = questionEnd;
    this.#ttlSec = MAX_TTL_SEC;
    this.#hasData = false;
    this.#negativeTtlSec = 0;
    this.#extendedRcode = 0;
    this.#authorityEnd = 0;
  }

  #readAnswer(): 'good' | 'broken' | 'unsorted' {
    const place = this.#place;
    if (!this.#readRecord()) return 'broken';
    if (place.class !== CLASS_IN || !this.#isOnChain(place)) return 'unsorted';
    if (place.type === CNAME && this.#type !== CNAME && this.#type !== ANY) {
      if (this.#aliases.length === MAX_CHAIN) return 'broken';
      this.#aliases.push(expandName(this.#bytes, place.dataAt, place.end));
    } else if (place.type === this.#type || this.#type === ANY) {
      this.#hasData = true;
    }
    this.#ttlSec = Math.min(this.#ttlSec, this.#takeTtl(place));
    return 'good';
  }

  #isOnChain({ ownerAt, type, end }: Place): boolean {
    const bytes = this.#bytes;
    if (isOfQuestion(bytes, ownerAt)) return true;
    const owner = expandName(bytes, ownerAt, end);
    this.#question ??= expandName(bytes, HEADER_BYTES, this.#questionEnd);
    if (owner === this.#question || this.#aliases.includes(owner)) return true;
    // RFC 6672: a DNAME stands above the name it rewrites, and its signature with it.
    if (type !== DNAME && type !== RRSIG) return false;
    return isWithin(this.#question, owner) || this.#aliases.some((alias) => isWithin(alias, owner));
  }

  // Kept whole or not at all, so that nothing in it can point at what is gone.
  #readAuthorities(count: number): 'kept' | 'dropped' | 'referral' | 'broken' {
    let verdict: 'kept' | 'dropped' | 'referral' = count === 0 ? 'dropped' : 'kept';
    let hasDenial = false;
    for (let index = 0; index < count; index++) {
      const place = this.#place;
      if (!this.#readRecord()) return 'broken';
      const ttlSec = this.#takeTtl(place);
      if (place.class !== CLASS_IN) verdict = 'dropped';
      else if (place.type === SOA) {
        hasDenial = true;
        if (!this.#isInBailiwick(place)) verdict = 'dropped';
        const minimumSec = u32(this.#bytes, place.end - 4);
        this.#negativeTtlSec = Math.min(ttlSec, minimumSec, MAX_NEGATIVE_TTL_SEC);
      } else if (place.type === NSEC || place.type === NSEC3 || place.type === RRSIG) hasDenial = true;
      else if (verdict === 'kept') verdict = place.type === RECORD_TYPE.NS ? 'referral' : 'dropped';
    }
    this.#authorityEnd = this.#at;
    return verdict === 'referral' && hasDenial ? 'dropped' : verdict;
  }

  // The zone that says no must hold the name in question.
  #isInBailiwick({ ownerAt, end }: Place): boolean {
    this.#question ??= expandName(this.#bytes, HEADER_BYTES, this.#questionEnd);
    return isWithin(this.#aliases.at(-1) ?? this.#question, expandName(this.#bytes, ownerAt, end));
  }

  #readAdditionals(count: number): boolean {
    if (count > MAX_RECORDS) return false;
    for (let index = 0; index < count; index++) {
      if (!this.#readRecord()) return false;
      if (this.#place.type === OPT) this.#extendedRcode = this.#bytes[this.#place.ttlAt] ?? 0;
    }
    return true;
  }

  #readRecord(): boolean {
    const bytes = this.#bytes;
    const place = this.#place;
    const nameEnd = skipName(bytes, this.#at, this.#end);
    if (nameEnd < 0 || nameEnd + RECORD_HEAD_BYTES > this.#end) return false;
    place.ownerAt = this.#at;
    place.type = u16(bytes, nameEnd);
    place.class = u16(bytes, nameEnd + 2);
    place.ttlAt = nameEnd + 4;
    place.dataAt = nameEnd + RECORD_HEAD_BYTES;
    place.end = place.dataAt + u16(bytes, nameEnd + 8);
    this.#at = place.end;
    if (place.end > this.#end || !isSound(bytes, place)) return false;
    // The root leads nowhere, as the owner of an OPT record.
    const isPlain = bytes[place.ownerAt] === 0 || isOfQuestion(bytes, place.ownerAt);
    return (isPlain && !holdsNames(place.type)) || !this.#leansOnTtl(place);
  }

  // Times are written anew in every answer: a name that leads through one would change with it.
  #leansOnTtl(place: Place): boolean {
    const times = this.#ttlOffsets;
    const isTaken = (from: number, to: number): boolean => {
      if (from < place.ttlAt + 4 && to > place.ttlAt) return true;
      let [low, high] = [0, this.#ttls];
      while (low < high) {
        const middle = (low + high) >> 1;
        if ((times[middle] ?? 0) + this.#questionEnd + 4 <= from) low = middle + 1;
        else high = middle;
      }
      return low < this.#ttls && (times[low] ?? 0) + this.#questionEnd < to;
    };
    return namesOf(this.#bytes, place).some((at) => nameTouches(this.#bytes, at, isTaken));
  }

  // RFC 2181, 8: a time with its top bit set is none.
  #takeTtl({ ttlAt }: Place): number {
    this.#ttlOffsets[this.#ttls++] = ttlAt - this.#questionEnd;
    const ttlSec = u32(this.#bytes, ttlAt);
    if (ttlSec <= MAX_TTL_SEC) return ttlSec;
    const keptSec = ttlSec > 0x7fff_ffff ? 0 : MAX_TTL_SEC;
    this.#bytes.writeUInt32BE(keptSec, ttlAt);
    return keptSec;
  }
}

const scan = new ReplyScan();
const BROKEN: Scan = { kind: 'broken' };

/** Whether the owner at `at` is a pointer to the question, as most are. */
function isOfQuestion(bytes: Buffer, at: number): boolean {
  return bytes[at] === 0xc0 && bytes[at + 1] === HEADER_BYTES;
}

/** Whether the data of types that hold names or have a fixed length is what it has to be. */
function isSound(bytes: Buffer, { type, class: recordClass, dataAt, end }: Place): boolean {
  switch (type) {
    case RECORD_TYPE.A:
      return recordClass !== CLASS_IN || end - dataAt === 4;
    case RECORD_TYPE.AAAA:
      return recordClass !== CLASS_IN || end - dataAt === 16;
    case RECORD_TYPE.NS:
    case CNAME:
    case RECORD_TYPE.PTR:
    case DNAME:
      return skipName(bytes, dataAt, end) === end;
    case RECORD_TYPE.MX:
      return dataAt + 2 < end && skipName(bytes, dataAt + 2, end) === end;
    case RECORD_TYPE.SRV:
      return dataAt + 6 < end && skipName(bytes, dataAt + 6, end) === end;
    case SOA: {
      const second = skipName(bytes, dataAt, end);
      return second > 0 && skipName(bytes, second, end) + 20 === end;
    }
    default:
      return true;
  }
}

/** Whether names stand in the data of a type, as far as `namesOf` knows. */
function holdsNames(type: number): boolean {
  switch (type) {
    case RECORD_TYPE.NS:
    case CNAME:
    case RECORD_TYPE.PTR:
    case DNAME:
    case RECORD_TYPE.MX:
    case RECORD_TYPE.SRV:
    case SOA:
      return true;
    default:
      return false;
  }
}

/** Where the names of a record begin: its owner, then those in its data. */
function namesOf(bytes: Buffer, { ownerAt, type, dataAt, end }: Place): number[] {
  switch (type) {
    case RECORD_TYPE.NS:
    case CNAME:
    case RECORD_TYPE.PTR:
    case DNAME:
      return [ownerAt, dataAt];
    case RECORD_TYPE.MX:
      return [ownerAt, dataAt + 2];
    case RECORD_TYPE.SRV:
      return [ownerAt, dataAt + 6];
    case SOA:
      return [ownerAt, dataAt, skipName(bytes, dataAt, end)];
    default:
      return [ownerAt];
  }
}

function u16(bytes: Buffer, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

function u32(bytes: Buffer, at: number): number {
  return u16(bytes, at) * 0x1_0000 + u16(bytes, at + 2);
}
