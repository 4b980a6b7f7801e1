/**
 * Domain names: wire form (RFC 1035, 3.1 and 4.1.4) to and from text. The text form is that of
 * zone files (5.1) without the last dot: `www.example.com`, `.` for the root, `\.` and `\\` for
 * those characters inside a label, `\DDD` for bytes that are not printable ASCII.
 * Invariant: reading ends after at most 127 pointers, each of them to an earlier place.
 */

import { DecodeError } from '../shared/errors.ts';
import type { Reader } from '../shared/bytes.ts';
import type { Writer } from './writer.ts';

const MAX_LABEL_BYTES = 63;
const MAX_NAME_BYTES = 255;
const MAX_POINTERS = 127;
const POINTER = 0xc0;

/** Reads a name, following pointers; the reader ends up behind the name as it stands here. */
export function readName(reader: Reader): string {
  const labels: string[] = [];
  let sizeBytes = 1;
  let pointers = 0;
  let endAt: number | undefined;
  let segmentAt = reader.offset;
  for (;;) {
    const length = reader.u8();
    if (length === 0) break;
    if ((length & POINTER) === POINTER) {
      const target = ((length & 0x3f) << 8) | reader.u8();
      endAt ??= reader.offset;
      // Only to a prior occurrence (RFC 1035, 4.1.4): no loops.
      if (target >= segmentAt || ++pointers > MAX_POINTERS) reader.fail('a compression loop');
      segmentAt = target;
      reader.offset = target;
    } else if (length > MAX_LABEL_BYTES) {
      reader.fail('a label of an unknown kind');
    } else {
      sizeBytes += length + 1;
      if (sizeBytes > MAX_NAME_BYTES) reader.fail('a name of more than 255 bytes');
      labels.push(formatLabel(reader.take(length)));
    }
  }
  if (endAt !== undefined) reader.offset = endAt;
  return labels.length === 0 ? '.' : labels.join('.');
}

/** Writes a name, with a pointer where an earlier name ends the same unless `mayCompress` is false. */
export function writeName(writer: Writer, name: string, mayCompress = true): void {
  const labels = parseName(name);
  for (const [index, label] of labels.entries()) {
    const key = wireKey(labels, index);
    const at = mayCompress ? writer.nameAt(key) : undefined;
    if (at !== undefined) {
      writer.u16((POINTER << 8) | at);
      return;
    }
    writer.rememberName(key);
    writer.u8(label.length);
    writer.put(label);
  }
  writer.u8(0);
}

/** Whether two names in text form are the same: ASCII letters in either case (RFC 4343). */
export function equalNames(one: string, other: string): boolean {
  return one === other || canonicalName(one) === canonicalName(other);
}

/** The lower-case text form, for keys and comparison. */
export function canonicalName(name: string): string {
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** The labels of a name in text form, a last dot allowed; throws DecodeError for any other text. */
export function parseName(name: string): Uint8Array[] {
  if (name === '.') return [];
  const labels: Uint8Array[] = [];
  let label: number[] = [];
  let sizeBytes = 1;
  const endLabel = (at: number): void => {
    sizeBytes += label.length + 1;
    if (label.length === 0) throw new DecodeError('an empty label', at);
    if (label.length > MAX_LABEL_BYTES) throw new DecodeError('a label of more than 63 bytes', at);
    if (sizeBytes > MAX_NAME_BYTES) throw new DecodeError('a name of more than 255 bytes', at);
    labels.push(Uint8Array.from(label));
    label = [];
  };
  let at = 0;
  while (at < name.length) {
    if (name[at] === '.') {
      endLabel(at++);
      continue;
    }
    const { byte, length } = parseCharacter(name, at);
    label.push(byte);
    at += length;
  }
  if (label.length > 0 || labels.length === 0) endLabel(at);
  return labels;
}

function parseCharacter(name: string, at: number): { byte: number; length: number } {
  if (name[at] !== '\\') return { byte: byteAt(name, at), length: 1 };
  const digits = /^[0-9]{3}/.exec(name.slice(at + 1, at + 4))?.[0];
  if (digits === undefined) return { byte: byteAt(name, at + 1), length: 2 };
  if (Number(digits) > 255) throw new DecodeError('an escape beyond \\255', at);
  return { byte: Number(digits), length: 4 };
}

function byteAt(name: string, at: number): number {
  const code = name.charCodeAt(at);
  // NaN at the end of the text fails this as well.
  if (!(code >= 0x20 && code < 0x7f)) throw new DecodeError('a character that is not ASCII', at);
  return code;
}

function formatLabel(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) {
    if (byte === 0x2e || byte === 0x5c) text += `\\${String.fromCharCode(byte)}`;
    else if (byte > 0x20 && byte < 0x7f) text += String.fromCharCode(byte);
    else text += `\\${String(byte).padStart(3, '0')}`;
  }
  return text;
}

function wireKey(labels: readonly Uint8Array[], from: number): string {
  let key = '';
  for (const label of labels.slice(from)) key += String.fromCharCode(label.length, ...label);
  return key;
}
