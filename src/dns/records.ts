/**
 * Resource records (RFC 1035, 3.2 and 4.1.3; AAAA: RFC 3596; SRV: RFC 2782; DNAME: RFC 6672).
 * Types whose data may hold compressed names are taken apart, so that they can be written
 * elsewhere (RFC 3597, 4); all others are kept as bytes.
 */

import { IpAddress } from '../shared/ipaddress.ts';
import type { Reader } from '../shared/bytes.ts';
import { readName, writeName } from './name.ts';
import type { Writer } from './writer.ts';

/** TYPE values (IANA, DNS parameters). */
export const RECORD_TYPE = {
  A: 1, NS: 2, CNAME: 5, SOA: 6, PTR: 12, MX: 15, TXT: 16, AAAA: 28, SRV: 33, DNAME: 39, OPT: 41, ANY: 255,
} as const;

/** CLASS values. */
export const CLASS_IN = 1;
export const CLASS_ANY = 255;

/** One record; `type` and `class` are numbers, so that unknown ones pass through. */
export interface DnsRecord {
  readonly name: string;
  readonly type: number;
  readonly class: number;
  /** Seconds; of a value with its top bit set, 0 (RFC 2181, 8). */
  readonly ttl: number;
  readonly data: RecordData;
}

/** What a record says. */
export type RecordData =
  /** A and AAAA of class IN. */
  | { readonly kind: 'address'; readonly address: IpAddress }
  /** NS, CNAME, PTR and DNAME. */
  | { readonly kind: 'name'; readonly target: string }
  /** MX and SRV: the numbers before the name (preference; priority, weight, port). */
  | { readonly kind: 'service'; readonly numbers: readonly number[]; readonly target: string }
  /** SOA: `numbers` are serial, refresh, retry, expire and minimum. */
  | {
    readonly kind: 'authority';
    readonly primary: string;
    readonly mailbox: string;
    readonly numbers: readonly number[];
  }
  | { readonly kind: 'raw'; readonly bytes: Uint8Array };

/** Reads one record; throws DecodeError where the data does not fill its length. */
export function readRecord(reader: Reader): DnsRecord {
  const name = readName(reader);
  const type = reader.u16();
  const recordClass = reader.u16();
  const ttl = reader.u32();
  const lengthBytes = reader.u16();
  if (lengthBytes > reader.remaining) reader.fail('record data past the end of the message');
  const end = reader.offset + lengthBytes;
  const data = readData(reader, type, recordClass, lengthBytes);
  if (reader.offset !== end) reader.fail('record data of another length than announced');
  return { name, type, class: recordClass, ttl: type !== RECORD_TYPE.OPT && ttl > 0x7fff_ffff ? 0 : ttl, data };
}

/** Writes one record; throws DecodeError for a name that is none. */
export function writeRecord(writer: Writer, record: DnsRecord): void {
  writeName(writer, record.name);
  writer.u16(record.type);
  writer.u16(record.class);
  writer.u32(record.ttl);
  writer.withLength(() => writeData(writer, record.type, record.data));
}

function readData(reader: Reader, type: number, recordClass: number, lengthBytes: number): RecordData {
  const numbers = (count: number, read: () => number): number[] => Array.from({ length: count }, read);
  switch (type) {
    case RECORD_TYPE.A:
    case RECORD_TYPE.AAAA:
      if (recordClass !== CLASS_IN) break;
      return { kind: 'address', address: new IpAddress(reader.take(type === RECORD_TYPE.A ? 4 : 16)) };
    case RECORD_TYPE.NS:
    case RECORD_TYPE.CNAME:
    case RECORD_TYPE.PTR:
    case RECORD_TYPE.DNAME:
      return { kind: 'name', target: readName(reader) };
    case RECORD_TYPE.MX:
    case RECORD_TYPE.SRV:
      return {
        kind: 'service',
        numbers: numbers(type === RECORD_TYPE.MX ? 1 : 3, () => reader.u16()),
        target: readName(reader),
      };
    case RECORD_TYPE.SOA:
      return {
        kind: 'authority',
        primary: readName(reader),
        mailbox: readName(reader),
        numbers: numbers(5, () => reader.u32()),
      };
  }
  return { kind: 'raw', bytes: new Uint8Array(reader.take(lengthBytes)) };
}

function writeData(writer: Writer, type: number, data: RecordData): void {
  switch (data.kind) {
    case 'address':
      writer.put(data.address.bytes);
      return;
    case 'name':
      // RFC 6672, 2.5: the target of a DNAME is not compressed.
      writeName(writer, data.target, type !== RECORD_TYPE.DNAME);
      return;
    case 'service':
      for (const number of data.numbers) writer.u16(number);
      // RFC 2782: neither is that of an SRV.
      writeName(writer, data.target, type === RECORD_TYPE.MX);
      return;
    case 'authority':
      writeName(writer, data.primary);
      writeName(writer, data.mailbox);
      for (const number of data.numbers) writer.u32(number);
      return;
    case 'raw':
      writer.put(data.bytes);
      return;
  }
}
