/**
 * DNS messages (RFC 1035, 4.1; flags of RFC 4035; EDNS of RFC 6891). `decodeMessage` is total: a
 * message or DecodeError, in time and memory bounded by the length of the input. Bytes after the
 * last record are ignored.
 */

import { Reader } from '../shared/bytes.ts';
import { readName, writeName } from './name.ts';
import { RECORD_TYPE, readRecord, writeRecord, type DnsRecord } from './records.ts';
import { Writer } from './writer.ts';

/** RCODE values (RFC 1035, 4.1.1; IANA). */
export const RCODE = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const;

/** What is asked. */
export interface DnsQuestion {
  readonly name: string;
  readonly type: number;
  readonly class: number;
}

/** What the OPT record says, but for the upper bits of the response code. */
export interface Edns {
  readonly udpPayloadBytes: number;
  readonly version: number;
  /** The DO bit (RFC 3225). */
  readonly isDnssecOk: boolean;
  /** The options, as bytes. */
  readonly options: Uint8Array;
}

/** One message. An OPT record stands in `edns`, never among `additionals`. */
export interface DnsMessage {
  readonly id: number;
  readonly isResponse: boolean;
  readonly opcode: number;
  readonly isAuthoritative: boolean;
  readonly isTruncated: boolean;
  readonly isRecursionDesired: boolean;
  readonly isRecursionAvailable: boolean;
  readonly isAuthenticData: boolean;
  readonly isCheckingDisabled: boolean;
  /** With the upper eight bits of EDNS; more than 15 cannot be written without `edns`. */
  readonly rcode: number;
  readonly questions: readonly DnsQuestion[];
  readonly answers: readonly DnsRecord[];
  readonly authorities: readonly DnsRecord[];
  readonly additionals: readonly DnsRecord[];
  readonly edns?: Edns;
}

/** An ordinary question of a stub: recursion desired, one question, nothing else. */
export function makeQuery(id: number, question: DnsQuestion): DnsMessage {
  return {
    id,
    isResponse: false,
    opcode: 0,
    isAuthoritative: false,
    isTruncated: false,
    isRecursionDesired: true,
    isRecursionAvailable: false,
    isAuthenticData: false,
    isCheckingDisabled: false,
    rcode: RCODE.NOERROR,
    questions: [question],
    answers: [],
    authorities: [],
    additionals: [],
  };
}

/** Reads a message; throws DecodeError. Nothing in it refers to `bytes` afterwards. */
export function decodeMessage(bytes: Uint8Array): DnsMessage {
  const reader = new Reader(bytes, 'DNS message');
  const id = reader.u16();
  const flags = reader.u16();
  const counts = [reader.u16(), reader.u16(), reader.u16(), reader.u16()] as const;
  const questions = repeat(counts[0], () => ({ name: readName(reader), type: reader.u16(), class: reader.u16() }));
  const answers = repeat(counts[1], () => readRecord(reader));
  const authorities = repeat(counts[2], () => readRecord(reader));
  const last = repeat(counts[3], () => readRecord(reader));
  const options = last.filter(({ type }) => type === RECORD_TYPE.OPT);
  // RFC 6891, 6.1.1: at most one, with the root's name.
  if (options.length > 1 || options.some(({ name }) => name !== '.')) reader.fail('an odd OPT record');
  const option = options[0];
  return {
    id,
    isResponse: (flags & 0x8000) !== 0,
    opcode: (flags >> 11) & 0xf,
    isAuthoritative: (flags & 0x0400) !== 0,
    isTruncated: (flags & 0x0200) !== 0,
    isRecursionDesired: (flags & 0x0100) !== 0,
    isRecursionAvailable: (flags & 0x0080) !== 0,
    isAuthenticData: (flags & 0x0020) !== 0,
    isCheckingDisabled: (flags & 0x0010) !== 0,
    rcode: (flags & 0xf) | (option === undefined ? 0 : (option.ttl >>> 24) << 4),
    questions,
    answers,
    authorities,
    additionals: last.filter(({ type }) => type !== RECORD_TYPE.OPT),
    ...(option === undefined ? {} : { edns: ednsOf(option) }),
  };
}

/**
 * The bytes of a message, in `buffer` where it suffices. Throws DecodeError for a name that is
 * none, RangeError for a message past 65535 bytes.
 */
export function encodeMessage(message: DnsMessage, buffer?: Uint8Array): Uint8Array {
  const { questions, answers, authorities, additionals, edns } = message;
  const writer = new Writer(buffer);
  writer.u16(message.id);
  writer.u16(flagsOf(message));
  writer.u16(questions.length);
  writer.u16(answers.length);
  writer.u16(authorities.length);
  writer.u16(additionals.length + (edns === undefined ? 0 : 1));
  for (const question of questions) {
    writeName(writer, question.name);
    writer.u16(question.type);
    writer.u16(question.class);
  }
  for (const record of [...answers, ...authorities, ...additionals]) writeRecord(writer, record);
  if (edns !== undefined) writeRecord(writer, recordOf(edns, message.rcode));
  return writer.written;
}

function flagsOf(message: DnsMessage): number {
  return (message.isResponse ? 0x8000 : 0)
    | ((message.opcode & 0xf) << 11)
    | (message.isAuthoritative ? 0x0400 : 0)
    | (message.isTruncated ? 0x0200 : 0)
    | (message.isRecursionDesired ? 0x0100 : 0)
    | (message.isRecursionAvailable ? 0x0080 : 0)
    | (message.isAuthenticData ? 0x0020 : 0)
    | (message.isCheckingDisabled ? 0x0010 : 0)
    | (message.rcode & 0xf);
}

// RFC 6891, 6.1.2 and 6.1.3: the class is the payload size, the TTL holds code, version and flags.
function ednsOf({ class: udpPayloadBytes, ttl, data }: DnsRecord): Edns {
  return {
    udpPayloadBytes,
    version: (ttl >>> 16) & 0xff,
    isDnssecOk: (ttl & 0x8000) !== 0,
    options: data.kind === 'raw' ? data.bytes : new Uint8Array(),
  };
}

function recordOf(edns: Edns, rcode: number): DnsRecord {
  return {
    name: '.',
    type: RECORD_TYPE.OPT,
    class: edns.udpPayloadBytes,
    ttl: (((rcode >> 4) << 24) | (edns.version << 16) | (edns.isDnssecOk ? 0x8000 : 0)) >>> 0,
    data: { kind: 'raw', bytes: edns.options },
  };
}

// Counts are believed record by record: a lie ends at the end of the input.
function repeat<T>(count: number, read: () => T): T[] {
  const values: T[] = [];
  for (let index = 0; index < count; index++) values.push(read());
  return values;
}
