/**
 * Queries as they go to servers, and whether what comes back replies to them: id, question and the
 * case of its letters must be those sent (RFC 5452, 9.1; draft-vixie-dnsext-dns0x20).
 */

import { DecodeError } from '../../shared/errors.ts';
import type { Random } from '../../shared/random.ts';
import { CHECKING_DISABLED, DNSSEC_OK, EDNS_UDP_BYTES, HEADER_BYTES } from '../../dns/query-reader.ts';
import { scanReply, type Scan } from '../../dns/reply-scan.ts';
import { sortReply } from '../../dns/reply-sort.ts';
import { lowerWire } from '../../dns/wire-name.ts';
import type { Asked, Habits, TransportOutcome } from './upstream.ts';

const OPT_BYTES = 11;

/** Writes a query at the start of `buffer` (at least 300 bytes); its length. */
export function writeQuery(buffer: Buffer, query: { readonly id: number } & Asked & Habits, random: Random): number {
  const { id, question, flavour, knowsEdns, keepsCase } = query;
  buffer.writeUInt16BE(id, 0);
  // Recursion desired (RFC 1035, 4.1.1).
  buffer.writeUInt16BE(0x0100 | ((flavour & CHECKING_DISABLED) === 0 ? 0 : 0x10), 2);
  buffer.writeUInt16BE(1, 4);
  buffer.writeUInt32BE(0, 6);
  buffer.writeUInt16BE(knowsEdns ? 1 : 0, 10);
  buffer.set(question, HEADER_BYTES);
  const end = HEADER_BYTES + question.length;
  if (keepsCase) mixCase(buffer, HEADER_BYTES, end - 4, random);
  if (!knowsEdns) return end;
  buffer[end] = 0;
  buffer.writeUInt16BE(41, end + 1);
  buffer.writeUInt16BE(EDNS_UDP_BYTES, end + 3);
  buffer.writeUInt32BE((flavour & DNSSEC_OK) === 0 ? 0 : 0x8000, end + 5);
  buffer.writeUInt16BE(0, end + 9);
  return end + OPT_BYTES;
}

/** What `reply` is to a query with `question` as sent; `foreign` if it is no reply to it. */
export function readReply(reply: Buffer, question: Buffer): TransportOutcome | { readonly kind: 'foreign' } {
  if (reply.length < HEADER_BYTES || ((reply[2] ?? 0) & 0xf8) !== 0x80) return { kind: 'foreign' };
  const rcode = (reply[3] ?? 0) & 0xf;
  const questions = reply.readUInt16BE(4);
  // A server that cannot read a query may leave the question out (RFC 1035, 4.1.1).
  if (questions === 0 && rcode !== 0 && rcode !== 3) return { kind: 'failure', rcode };
  if (questions !== 1) return { kind: 'foreign' };
  const end = HEADER_BYTES + question.length;
  if (reply.length < end) return { kind: 'foreign' };
  if (question.compare(reply, HEADER_BYTES, end) !== 0) {
    return isSameQuestion(reply.toString('latin1', HEADER_BYTES, end), question.toString('latin1'))
      ? { kind: 'mangled' } : { kind: 'foreign' };
  }
  const scan = scanReply(reply, end);
  return scan.kind === 'unsorted' ? scanSorted(reply, end) : scan;
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

function isSameQuestion(one: string, other: string): boolean {
  return one.slice(-4) === other.slice(-4) && lowerWire(one.slice(0, -4)) === lowerWire(other.slice(0, -4));
}

// One random bit a letter. Lengths of labels, up to 63, are no letters.
function mixCase(buffer: Buffer, from: number, end: number, random: Random): void {
  let bits = 0;
  let left = 0;
  for (let at = from; at < end; at++) {
    const value = buffer[at] ?? 0;
    if (value < 0x61 || value > 0x7a) continue;
    if (left === 0) {
      bits = random.u32();
      left = 32;
    }
    if ((bits & 1) !== 0) buffer[at] = value & 0xdf;
    bits >>>= 1;
    left--;
  }
}
