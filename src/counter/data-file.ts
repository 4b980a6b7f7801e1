/**
 * ConnMan's `<service>/data`: what a service has carried, a ring of records after a header of five
 * 32-bit words (magic, begin, end, last home and last roaming record), in the machine's byte order.
 * Only the last record of each kind counts here; the others are kept for ConnMan, the oldest go when
 * the ring is full. Invariant: whatever bytes a file holds, reading ends with usage or nothing.
 */

import { NO_USAGE, USAGE_KEYS, type Usage, type Where } from '../service/statistics.ts';

/** What a service has carried, at home and roaming. */
export type UsageByPlace = Readonly<Record<Where, Usage>>;

const MAGIC = 0xfa00_b916;
const HEADER_BYTES = 20;
const NONE = 0xffff_ffff;
const PAGE_BYTES = 4096;
const MOST_BYTES = 4 * PAGE_BYTES;
/** time_t, which ConnMan writes as its C library has it. */
const TIME_BYTES = ['arm', 'ia32', 'mips', 'mipsel'].includes(process.arch) ? 4 : 8;
const RECORD_BYTES = TIME_BYTES + 4 + 4 * USAGE_KEYS.length;
const LITTLE = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Where the header's words are. */
const BEGIN = 4;
const END = 8;
const LAST = { home: 12, roaming: 16 } as const satisfies Record<Where, number>;

/** The usage in a file; undefined for one that is not ConnMan's or is damaged. */
export function decodeUsage(bytes: Uint8Array): UsageByPlace | undefined {
  const view = viewOf(bytes);
  if (!isSound(view)) return undefined;
  const read = (where: Where): Usage => {
    const at = view.getUint32(LAST[where], LITTLE);
    if (at === NONE) return NO_USAGE;
    const words = USAGE_KEYS.map((key, index) => [key, view.getUint32(at + TIME_BYTES + 4 + 4 * index, LITTLE)]);
    return { ...NO_USAGE, ...Object.fromEntries(words) };
  };
  return { home: read('home'), roaming: read('roaming') };
}

/**
 * The file with a record more for each kind that has changed; begun anew where `before` is none. Its
 * words have 32 bits, as ConnMan's: larger counts wrap, fractions are cut off.
 */
export function appendUsage(before: Uint8Array | undefined, usage: UsageByPlace, unixSec: number): Uint8Array {
  // A copy: slice() of a Buffer would be a view of memory that others have, too.
  let bytes = before !== undefined && decodeUsage(before) !== undefined ? new Uint8Array(before) : emptyFile();
  // More than once where the ring has gone round: a new record may take the place of the other kind's last.
  for (;;) {
    const known = decodeUsage(bytes);
    const isNew = (where: Where): boolean => USAGE_KEYS.some((key) => usage[where][key] >>> 0 !== known?.[where][key]);
    const where = (['home', 'roaming'] as const).find(isNew);
    if (where === undefined) return bytes;
    bytes = append(bytes, where, usage[where], unixSec);
  }
}

function emptyFile(): Uint8Array {
  const view = new DataView(new ArrayBuffer(PAGE_BYTES));
  [MAGIC, HEADER_BYTES, HEADER_BYTES, NONE, NONE].forEach((word, index) => view.setUint32(4 * index, word, LITTLE));
  return new Uint8Array(view.buffer);
}

// The slot at `begin` holds nothing: where `end` would meet it, the oldest record gives way.
function append(before: Uint8Array, where: Where, usage: Usage, unixSec: number): Uint8Array {
  let view = viewOf(before);
  const end = view.getUint32(END, LITTLE);
  const isWrapped = end < view.getUint32(BEGIN, LITTLE);
  let at = end + RECORD_BYTES;
  if (at + RECORD_BYTES > view.byteLength) {
    if (view.byteLength + PAGE_BYTES <= MOST_BYTES && !isWrapped) view = grown(before);
    else at = HEADER_BYTES;
  }
  const begin = view.getUint32(BEGIN, LITTLE);
  if (at === begin) view.setUint32(BEGIN, slotAfter(begin, view.byteLength), LITTLE);
  for (const other of [LAST.home, LAST.roaming]) {
    if (view.getUint32(other, LITTLE) === view.getUint32(BEGIN, LITTLE)) view.setUint32(other, NONE, LITTLE);
  }
  view.setUint32(at, unixSec >>> 0, LITTLE);
  if (TIME_BYTES === 8) view.setBigInt64(at, BigInt(Math.floor(unixSec)), LITTLE);
  view.setUint32(at + TIME_BYTES, where === 'roaming' ? 1 : 0, LITTLE);
  USAGE_KEYS.forEach((key, index) => view.setUint32(at + TIME_BYTES + 4 + 4 * index, usage[key], LITTLE));
  view.setUint32(END, at, LITTLE);
  view.setUint32(LAST[where], at, LITTLE);
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

function grown(bytes: Uint8Array): DataView {
  const larger = new Uint8Array(bytes.length + PAGE_BYTES);
  larger.set(bytes);
  return viewOf(larger);
}

function slotAfter(at: number, size: number): number {
  return at + 2 * RECORD_BYTES > size ? HEADER_BYTES : at + RECORD_BYTES;
}

function isSound(view: DataView): boolean {
  if (view.byteLength < PAGE_BYTES || view.byteLength > MOST_BYTES || view.byteLength % PAGE_BYTES !== 0) return false;
  const isSlot = (word: number): boolean => {
    const at = view.getUint32(word, LITTLE);
    return at >= HEADER_BYTES && at + RECORD_BYTES <= view.byteLength && (at - HEADER_BYTES) % RECORD_BYTES === 0;
  };
  const isSlotOrNone = (word: number): boolean => view.getUint32(word, LITTLE) === NONE || isSlot(word);
  return view.getUint32(0, LITTLE) === MAGIC && [BEGIN, END].every(isSlot) && Object.values(LAST).every(isSlotOrNone);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
