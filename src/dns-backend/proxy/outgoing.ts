/**
 * Queries as they go to servers, and whether what comes back replies to them: id, question and the
 * case of its letters must be those sent (RFC 5452, 9.1; draft-vixie-dnsext-dns0x20). Nothing is
 * allocated for either: the case of letters is remembered as the bits that decided it.
 */

import { DecodeError } from '../../shared/errors.ts';
import {
  CHECKING_DISABLED, DNSSEC_OK, EDNS_UDP_BYTES, HEADER_BYTES, QUESTION_TAIL_BYTES,
} from '../../dns/query-reader.ts';
import { scanReply, type Scan } from '../../dns/reply-scan.ts';
import { sortReply } from '../../dns/reply-sort.ts';
import type { Asked, Habits, TransportOutcome } from './upstream.ts';

/** A query as it was sent. */
export interface SentQuery {
  readonly id: number;
  readonly asked: Asked;
  readonly habits: Habits;
  /** A bit a letter, the least first and again after 32: whether it goes out as a capital. */
  readonly caseBits: number;
}

/** More than any query takes. */
export const MAX_QUERY_BYTES = 300;

const OPT_BYTES = 11;

/** Writes a query at `at`, where there is room for MAX_QUERY_BYTES; its length. */
export function writeQuery(buffer: Buffer, at: number, query: SentQuery): number {
  const { id, asked: { question, flavour }, habits: { knowsEdns }, caseBits } = query;
  putU16(buffer, at, id);
  // Recursion desired (RFC 1035, 4.1.1).
  putU16(buffer, at + 2, 0x0100 | ((flavour & CHECKING_DISABLED) === 0 ? 0 : 0x10));
  putU16(buffer, at + 4, 1);
  putU16(buffer, at + 6, 0);
  putU16(buffer, at + 8, 0);
  putU16(buffer, at + 10, knowsEdns ? 1 : 0);
  putQuestion(buffer, at + HEADER_BYTES, question, caseBits);
  const end = at + HEADER_BYTES + question.length;
  if (!knowsEdns) return end - at;
  buffer[end] = 0;
  putU16(buffer, end + 1, 41);
  putU16(buffer, end + 3, EDNS_UDP_BYTES);
  putU16(buffer, end + 5, 0);
  putU16(buffer, end + 7, (flavour & DNSSEC_OK) === 0 ? 0 : 0x8000);
  putU16(buffer, end + 9, 0);
  return end + OPT_BYTES - at;
}

/** What the first `end` bytes of `reply` are to `query`. */
export function readReply(
  reply: Buffer, end: number, query: SentQuery,
): TransportOutcome | { readonly kind: 'foreign' } {
  if (end < HEADER_BYTES || ((reply[2] ?? 0) & 0xf8) !== 0x80) return FOREIGN;
  const rcode = (reply[3] ?? 0) & 0xf;
  const questions = ((reply[4] ?? 0) << 8) | (reply[5] ?? 0);
  // A server that cannot read a query may leave the question out (RFC 1035, 4.1.1).
  if (questions === 0 && rcode !== 0 && rcode !== 3) return { kind: 'failure', rcode };
  const questionEnd = HEADER_BYTES + query.asked.question.length;
  if (questions !== 1 || end < questionEnd) return FOREIGN;
  const likeness = compareQuestion(reply, query);
  if (likeness !== undefined) return likeness;
  const scan = scanReply(reply, questionEnd, end);
  return scan.kind === 'unsorted' ? scanSorted(reply.subarray(0, end), questionEnd) : scan;
}

/** Writes a question as it is sent: also in place of that in a reply which differs in case alone. */
export function putQuestion(buffer: Buffer, at: number, question: string, caseBits: number): void {
  const nameEnd = question.length - QUESTION_TAIL_BYTES;
  let letters = 0;
  for (let index = 0; index < question.length; index++) {
    const code = question.charCodeAt(index);
    const isLetter = index < nameEnd && code >= 0x61 && code <= 0x7a;
    buffer[at + index] = isLetter ? cased(code, caseBits, letters++) : code;
  }
}

const FOREIGN = { kind: 'foreign' } as const;
const MANGLED = { kind: 'mangled' } as const;

// undefined: to the letter. Lengths of labels, up to 63, are no letters.
function compareQuestion(
  reply: Buffer, { asked: { question }, caseBits }: SentQuery,
): typeof FOREIGN | typeof MANGLED | undefined {
  const nameEnd = question.length - QUESTION_TAIL_BYTES;
  let letters = 0;
  let isMangled = false;
  for (let index = 0; index < question.length; index++) {
    const code = question.charCodeAt(index);
    const found = reply[HEADER_BYTES + index] ?? 0;
    const isLetter = index < nameEnd && code >= 0x61 && code <= 0x7a;
    if (!isLetter) {
      if (found !== code) return FOREIGN;
      continue;
    }
    if (found === cased(code, caseBits, letters++)) continue;
    if ((found | 0x20) !== code) return FOREIGN;
    isMangled = true;
  }
  return isMangled ? MANGLED : undefined;
}

function cased(letter: number, caseBits: number, index: number): number {
  return ((caseBits >>> (index & 31)) & 1) === 0 ? letter : letter & 0xdf;
}

function scanSorted(reply: Buffer, questionEnd: number): Exclude<Scan, { readonly kind: 'unsorted' }> {
  try {
    const scan = scanReply(sortReply(reply), questionEnd);
    return scan.kind === 'unsorted' ? { kind: 'broken' } : scan;
  } catch (error) {
    if (!(error instanceof DecodeError) && !(error instanceof RangeError)) throw error;
    return { kind: 'broken' };
  }
}

function putU16(memory: Buffer, at: number, value: number): void {
  memory[at] = value >> 8;
  memory[at + 1] = value & 0xff;
}
