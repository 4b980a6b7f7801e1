/**
 * Names inside a message, without making labels of them: checking, skipping, and comparison as
 * lower-case wire form in Latin-1 (RFC 1035, 4.1.4; RFC 4343). Total: each pointer leads backwards.
 */

const MAX_NAME_BYTES = 255;
const MAX_POINTERS = 127;

/** Where the name at `at` ends, pointers not followed; -1 unless it is a whole name within `end`. */
export function skipName(bytes: Buffer, at: number, end: number): number {
  return walkName(bytes, at, end, undefined);
}

/** The lower-case wire form of the name at `at`, which `skipName` has accepted. */
export function expandName(bytes: Buffer, at: number, end: number): string {
  const labels: string[] = [];
  walkName(bytes, at, end, labels);
  return `${labels.join('')}\0`;
}

/** Whether a byte of the name at `from`, which `skipName` has accepted, is in a span `isTaken` tells of. */
export function nameTouches(bytes: Buffer, from: number, isTaken: (from: number, to: number) => boolean): boolean {
  for (let at = from; ;) {
    const length = bytes[at] ?? 0;
    const isPointer = length >= 0xc0;
    if (isTaken(at, at + (isPointer ? 2 : 1 + length))) return true;
    if (length === 0) return false;
    at = isPointer ? ((length & 0x3f) << 8) | (bytes[at + 1] ?? 0) : at + 1 + length;
  }
}

/** Whether `name` is `ancestor` or below it, both in lower-case wire form. */
export function isWithin(name: string, ancestor: string): boolean {
  if (!name.endsWith(ancestor)) return false;
  const boundary = name.length - ancestor.length;
  let at = 0;
  while (at < boundary) at += 1 + name.charCodeAt(at);
  return at === boundary;
}

/** ASCII letters in lower case, every other character as it is. */
function lowerWire(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

function walkName(bytes: Buffer, from: number, end: number, labels: string[] | undefined): number {
  let at = from;
  let segmentAt = from;
  let endAt = -1;
  let sizeBytes = 1;
  let pointers = 0;
  while (at < end) {
    const length = bytes[at] ?? 0;
    if (length === 0) return endAt < 0 ? at + 1 : endAt;
    if (length >= 0xc0) {
      if (at + 1 >= end || ++pointers > MAX_POINTERS) return -1;
      if (endAt < 0) endAt = at + 2;
      at = ((length & 0x3f) << 8) | (bytes[at + 1] ?? 0);
      if (at >= segmentAt || at < 12) return -1;
      segmentAt = at;
      continue;
    }
    sizeBytes += length + 1;
    if (length > 63 || sizeBytes > MAX_NAME_BYTES || at + 1 + length > end) return -1;
    if (labels !== undefined) labels.push(lowerWire(bytes.toString('latin1', at, at + 1 + length)));
    at += 1 + length;
  }
  return -1;
}
