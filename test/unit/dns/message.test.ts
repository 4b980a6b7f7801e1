/**
 * The DNS message codec: captured replies, the examples of RFC 1035, `dns-packet` as an independent
 * reader and writer, and hostile input.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import dnsPacket from 'dns-packet';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DecodeError } from '../../../src/shared/errors.ts';
import { formatHex, parseHex } from '../../../src/shared/bytes.ts';
import { IpAddress } from '../../../src/shared/ipaddress.ts';
import { decodeMessage, encodeMessage, makeQuery, type DnsMessage } from '../../../src/dns/message.ts';
import { CLASS_IN, RECORD_TYPE, type DnsRecord, type RecordData } from '../../../src/dns/records.ts';

const VECTORS = readdirSync('test/vectors').filter((name) => /^dns-.*\.hex$/.test(name));

function vector(name: string): Uint8Array {
  const [, ...lines] = readFileSync(`test/vectors/${name}`, 'utf8').trim().split('\n');
  const bytes = parseHex(lines.join(''));
  if (bytes === undefined) throw new Error(`${name} is no hexadecimal text`);
  return bytes;
}

function decodeOrRefuse(bytes: Uint8Array): DnsMessage | undefined {
  try {
    return decodeMessage(bytes);
  } catch (error) {
    assert.instance(error, DecodeError);
    return undefined;
  }
}

function texts(records: readonly DnsRecord[]): string[] {
  return records.map(({ name, type, data }) => `${name} ${type} ${describe(data)}`);
}

function describe(data: RecordData): string {
  switch (data.kind) {
    case 'address': return data.address.toString();
    case 'name': return data.target;
    case 'service': return `${data.numbers.join(' ')} ${data.target}`;
    case 'authority': return `${data.primary} ${data.mailbox} ${data.numbers.join(' ')}`;
    case 'raw': return formatHex(data.bytes);
  }
}

test('captured replies say what they said', () => {
  const answersOf = (name: string): string[] => texts(decodeMessage(vector(name)).answers);
  assert.equal(answersOf('dns-a.hex'), ['status.example 1 192.0.2.1']);
  assert.equal(answersOf('dns-aaaa.hex'), ['status.example 28 2001:db8::1']);
  assert.equal(answersOf('dns-cname-chain.hex'), [
    'www.example 5 alias.example', 'alias.example 5 host.example', 'host.example 1 192.0.2.2',
  ]);
  assert.equal(answersOf('dns-mx.hex'), ['example 15 10 mail.example']);
  assert.equal(answersOf('dns-srv.hex'), ['_http._tcp.example 33 5 7 80 host.example']);
  assert.equal(answersOf('dns-txt.hex'), ['example 16 08763d312074657874']);
  assert.equal(answersOf('dns-ptr.hex'), ['2.2.0.192.in-addr.arpa 12 host.example']);
  assert.equal(answersOf('dns-soa.hex'), ['zone.test 6 ns.example hostmaster.zone.test 7 1200 180 1209600 600']);
  const missing = decodeMessage(vector('dns-nxdomain.hex'));
  assert.is(missing.rcode, 3);
  assert.ok(missing.isResponse && missing.isRecursionDesired && missing.isRecursionAvailable);
  assert.equal(missing.questions, [{ name: 'nothing.example', type: 1, class: 1 }]);
});

test('what is fully compressed is written as it was read', () => {
  for (const name of ['dns-a.hex', 'dns-aaaa.hex', 'dns-nxdomain.hex', 'dns-txt.hex']) {
    assert.equal(formatHex(encodeMessage(decodeMessage(vector(name)))), formatHex(vector(name)), name);
  }
});

test('every vector survives being written, into a buffer full of ones as well', () => {
  for (const name of VECTORS) {
    const message = decodeMessage(vector(name));
    const bytes = encodeMessage(message);
    assert.equal(decodeMessage(bytes), message, name);
    assert.ok(bytes.length <= vector(name).length, `${name} grew`);
    assert.equal(encodeMessage(message, new Uint8Array(4096).fill(0xff)), bytes, name);
    assert.equal(encodeMessage(message, new Uint8Array(3).fill(0xff)), bytes, name);
  }
});

test('every truncation and every flipped bit decodes or is refused', () => {
  for (const name of VECTORS) {
    const bytes = vector(name);
    for (let length = 0; length < bytes.length; length++) decodeOrRefuse(bytes.subarray(0, length));
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const message = decodeOrRefuse(flipped);
      if (message !== undefined) assert.equal(decodeMessage(encodeMessage(message)), message);
    }
  }
});

test('dns-packet reads what we write', () => {
  for (const name of VECTORS) {
    const ours = dnsPacket.decode(Buffer.from(encodeMessage(decodeMessage(vector(name)))));
    const theirs = dnsPacket.decode(Buffer.from(vector(name)));
    for (const section of ['questions', 'answers', 'authorities', 'additionals'] as const) {
      assert.equal(ours[section], theirs[section], name);
    }
  }
});

test('we read what dns-packet writes', () => {
  const bytes = dnsPacket.encode({
    type: 'response',
    id: 7,
    flags: dnsPacket.AUTHORITATIVE_ANSWER | dnsPacket.TRUNCATED_RESPONSE | dnsPacket.CHECKING_DISABLED,
    questions: [{ name: 'a.example', type: 'A' }],
    answers: [
      { name: 'a.example', type: 'CNAME', ttl: 5, data: 'b.example' },
      { name: 'b.example', type: 'A', ttl: 6, data: '192.0.2.9' },
    ],
    additionals: [
      { name: '.', type: 'OPT', udpPayloadSize: 1232, extendedRcode: 1, ednsVersion: 0, flags: 0x8000, options: [] },
    ],
  });
  const message = decodeMessage(bytes);
  assert.equal(texts(message.answers), ['a.example 5 b.example', 'b.example 1 192.0.2.9']);
  assert.ok(message.isAuthoritative && message.isTruncated && message.isCheckingDisabled);
  assert.is(message.rcode, 16);
  assert.equal(message.edns, { udpPayloadBytes: 1232, version: 0, isDnssecOk: true, options: new Uint8Array() });
  assert.equal(message.additionals, []);
});

test('a question is what it always was', () => {
  const bytes = encodeMessage(makeQuery(0xabcd, { name: 'ipv4.connman.net', type: RECORD_TYPE.A, class: CLASS_IN }));
  assert.is(formatHex(bytes), 'abcd01000001000000000000046970763407636f6e6e6d616e036e65740000010001');
});

test('decode undoes encode', () => {
  const label = fc.uint8Array({ minLength: 1, maxLength: 20 }).map((bytes) => escape(bytes));
  const name = fc.array(label, { maxLength: 6 }).map((labels) => (labels.length === 0 ? '.' : labels.join('.')));
  const plain = { noNullPrototype: true } as const;
  const u16 = fc.nat(0xffff);
  const u32 = fc.nat(0x7fff_ffff);
  type Data = fc.Arbitrary<RecordData>;
  const record = (type: number, data: Data, recordClass: fc.Arbitrary<number>): fc.Arbitrary<DnsRecord> =>
    fc.record({ name, type: fc.constant(type), class: recordClass, ttl: u32, data }, plain);
  const named = name.map((target): RecordData => ({ kind: 'name', target }));
  const address = (length: number): fc.Arbitrary<RecordData> => fc.uint8Array({ minLength: length, maxLength: length })
    .map((bytes) => ({ kind: 'address', address: new IpAddress(bytes) }));
  const service = (count: number): fc.Arbitrary<RecordData> => fc.record({
    kind: fc.constant('service' as const), numbers: fc.array(u16, { minLength: count, maxLength: count }), target: name,
  }, plain);
  const raw = fc.uint8Array({ maxLength: 40 }).map((bytes): RecordData => ({ kind: 'raw', bytes }));
  const authority: fc.Arbitrary<RecordData> = fc.record({
    kind: fc.constant('authority' as const),
    primary: name,
    mailbox: name,
    numbers: fc.array(u32, { minLength: 5, maxLength: 5 }),
  }, plain);
  const inClass = fc.constant(CLASS_IN);
  const anyRecord = fc.oneof(
    record(RECORD_TYPE.A, address(4), inClass),
    record(RECORD_TYPE.AAAA, address(16), inClass),
    ...[RECORD_TYPE.NS, RECORD_TYPE.CNAME, RECORD_TYPE.PTR, RECORD_TYPE.DNAME].map((type) => record(type, named, u16)),
    record(RECORD_TYPE.MX, service(1), u16),
    record(RECORD_TYPE.SRV, service(3), u16),
    record(RECORD_TYPE.SOA, authority, u16),
    record(RECORD_TYPE.TXT, raw, u16),
    record(65_280, raw, u16),
  );
  const records = fc.array(anyRecord, { maxLength: 5 });
  const flag = fc.boolean();
  const message: fc.Arbitrary<DnsMessage> = fc.record({
    id: u16, isResponse: flag, opcode: fc.nat(15), isAuthoritative: flag, isTruncated: flag, isRecursionDesired: flag,
    isRecursionAvailable: flag, isAuthenticData: flag, isCheckingDisabled: flag, rcode: fc.nat(0xfff),
    questions: fc.array(fc.record({ name, type: u16, class: u16 }, plain), { maxLength: 2 }),
    answers: records, authorities: records, additionals: records,
    edns: fc.record({
      udpPayloadBytes: u16, version: fc.nat(255), isDnssecOk: flag, options: fc.uint8Array({ maxLength: 20 }),
    }, plain),
  }, plain);
  fc.assert(fc.property(message, (each) => {
    assert.equal(decodeMessage(encodeMessage(each)), each);
  }), { numRuns: 500 });
});

test('random bytes decode or are refused', () => {
  const header = fc.uint8Array({ minLength: 12, maxLength: 12 });
  fc.assert(fc.property(header, fc.uint8Array({ maxLength: 300 }), (head, tail) => {
    decodeOrRefuse(Uint8Array.of(...head, ...tail));
  }), { numRuns: 2000 });
});

test('lies about lengths and counts are refused', () => {
  const refuses = (hex: string): void => {
    const bytes = parseHex(hex.replaceAll(' ', '')) ?? new Uint8Array();
    assert.throws(() => decodeMessage(bytes), (error: unknown) => error instanceof DecodeError, hex);
  };
  const header = '123481800000000100000000';
  // RDLENGTH 0xffff in the last record (CVE-2025-32366), of an address, and an address of 3 bytes.
  refuses(`${header}00 0010 0001 00000000 ffff 00`);
  refuses(`${header}00 0001 0001 00000000 ffff 00000000`);
  refuses(`${header}00 0001 0001 00000000 0003 000000`);
  // More records than bytes; a name without an end; nothing at all.
  refuses('1234818000000001ffffffff');
  refuses(`${header}0161`);
  refuses('');
  // A name in the data that ends beyond it.
  refuses(`${header}00 0005 0001 00000000 0002 0161 00`);
  // Two OPT records.
  refuses(`123481800000000000000002${'0000290200000000000000'.repeat(2)}`);
});

test('a message of 64 KiB that is all pointers is refused early', () => {
  const bytes = new Uint8Array(65_535);
  bytes.set([0x12, 0x34, 0x81, 0x80, 0, 0, 0xff, 0xff], 0);
  // Each record: a pointer to the record before, type TXT, no data.
  for (let at = 12, before = 11; at + 12 <= bytes.length; before = at, at += 12) {
    bytes.set([0xc0 | (before >> 8), before & 0xff, 0, 16, 0, 1, 0, 0, 0, 0, 0, 0], at);
  }
  assert.is(decodeOrRefuse(bytes), undefined);
});

test('a message past 65535 bytes is not written', () => {
  const data = { kind: 'raw', bytes: new Uint8Array(40_000) } as const;
  const record: DnsRecord = { name: '.', type: 16, class: 1, ttl: 0, data };
  const message = { ...makeQuery(1, { name: 'a', type: 1, class: 1 }), answers: [record, record] };
  assert.throws(() => encodeMessage(message), (error: unknown) => error instanceof RangeError);
});

for (const folder of ['dns-messages', 'dns-crashers', 'dns-captures', 'dns-rdata', 'dns-names']) {
  const directory = `../shared/corpora/${folder}`;
  if (!existsSync(directory)) continue;
  test(`every file of ${folder} decodes or is refused`, () => {
    for (const name of readdirSync(directory)) {
      const message = decodeOrRefuse(readFileSync(`${directory}/${name}`));
      if (message !== undefined) assert.equal(decodeMessage(encodeMessage(message)), message, name);
    }
  });
}

function escape(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => {
    const character = String.fromCharCode(byte);
    if (character === '.' || character === '\\') return `\\${character}`;
    return byte > 0x20 && byte < 0x7f ? character : `\\${String(byte).padStart(3, '0')}`;
  }).join('');
}

test.run();
