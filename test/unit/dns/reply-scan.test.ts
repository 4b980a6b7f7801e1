/** Replies of servers, honest and other: what is kept of them and for how long. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { DecodeError } from '../../../src/shared/errors.ts';
import { parseIpAddress } from '../../../src/shared/ipaddress.ts';
import { decodeMessage, encodeMessage, makeQuery, type DnsMessage } from '../../../src/dns/message.ts';
import { RECORD_TYPE, type DnsRecord } from '../../../src/dns/records.ts';
import { scanReply, type Scan } from '../../../src/dns/reply-scan.ts';
import { sortReply } from '../../../src/dns/reply-sort.ts';
import { writeAnswer } from '../../../src/dns/stored-answer.ts';

const NAME = 'www.example.com';

function address(name: string, text: string, ttl = 300): DnsRecord {
  const parsed = parseIpAddress(text);
  if (parsed === undefined) throw new Error(text);
  return { name, type: parsed.family === 4 ? 1 : 28, class: 1, ttl, data: { kind: 'address', address: parsed } };
}

function alias(name: string, target: string, ttl = 300, type: number = RECORD_TYPE.CNAME): DnsRecord {
  return { name, type, class: 1, ttl, data: { kind: 'name', target } };
}

function soa(name: string, ttl: number, minimum: number): DnsRecord {
  const names = { primary: 'ns.example.com', mailbox: 'x.example.com' };
  const data = { kind: 'authority', ...names, numbers: [1, 2, 3, 4, minimum] } as const;
  return { name, type: RECORD_TYPE.SOA, class: 1, ttl, data };
}

function reply(more: Partial<DnsMessage>, type = 1): Buffer {
  const query = makeQuery(7, { name: NAME, type, class: 1 });
  return Buffer.from(encodeMessage({ ...query, isResponse: true, ...more }));
}

const QUESTION_END = encodeMessage(makeQuery(7, { name: NAME, type: 1, class: 1 })).length;

/** What a client is given, as records. */
function given(scan: Scan): DnsMessage {
  if (scan.kind !== 'answer') throw new Error(scan.kind);
  const memory = Buffer.alloc(0x1_0000);
  Buffer.from(encodeMessage(makeQuery(7, { name: NAME, type: 1, class: 1 }))).copy(memory);
  const shape = { questionEnd: QUESTION_END, hasEdns: false, limitBytes: 0xffff };
  return decodeMessage(memory.subarray(0, writeAnswer(memory, 0, shape, scan.answer)));
}

function ttlOf(scan: Scan): number | undefined {
  return scan.kind === 'answer' ? scan.ttlSec : undefined;
}

test('answers are kept for their shortest time, at most a day', () => {
  const answers = [address(NAME, '192.0.2.1', 300), address(NAME, '192.0.2.2', 60)];
  const scan = scanReply(reply({ answers }), QUESTION_END);
  assert.is(ttlOf(scan), 60);
  assert.equal(given(scan).answers.map(({ ttl }) => ttl), [300, 60]);
  const long = scanReply(reply({ answers: [address(NAME, '192.0.2.1', 999_999)] }), QUESTION_END);
  assert.is(ttlOf(long), 86_400);
  assert.is(given(long).answers[0]?.ttl, 86_400);
  // RFC 2181, 8
  assert.is(ttlOf(scanReply(reply({ answers: [address(NAME, '192.0.2.1', 0x8000_0001)] }), QUESTION_END)), 0);
});

test('a chain of aliases is passed on, what lies beside it is not', () => {
  const answers = [alias(NAME, 'a.cdn.test'), alias('a.cdn.test', 'b.cdn.test'), address('b.cdn.test', '192.0.2.1')];
  assert.equal(given(scanReply(reply({ answers }), QUESTION_END)).answers, answers);
  const poisoned = [...answers, address('bank.test', '6.6.6.6')];
  const bytes = reply({ answers: poisoned });
  assert.is(scanReply(bytes, QUESTION_END).kind, 'unsorted');
  assert.equal(given(scanReply(sortReply(bytes), QUESTION_END)).answers, answers);
  const backwards = reply({ answers: [...answers].reverse() });
  assert.is(scanReply(backwards, QUESTION_END).kind, 'unsorted');
  assert.equal(given(scanReply(sortReply(backwards), QUESTION_END)).answers, answers);
});

test('additional records and referrals never reach a client', () => {
  const bytes = reply({
    answers: [address(NAME, '192.0.2.1')],
    authorities: [alias('com', 'ns.evil.test', 300, RECORD_TYPE.NS)],
    additionals: [address('ns.evil.test', '6.6.6.6')],
  });
  const { answers, authorities, additionals } = given(scanReply(bytes, QUESTION_END));
  assert.equal([answers.length, authorities.length, additionals.length], [1, 0, 0]);
  const lame = reply({ authorities: [alias('com', 'ns.evil.test', 300, RECORD_TYPE.NS)] });
  assert.equal(scanReply(lame, QUESTION_END), { kind: 'failure', rcode: 5 });
});

test('that there is nothing holds as long as a SOA of the zone says', () => {
  const scan = (more: Partial<DnsMessage>): Scan => scanReply(reply(more), QUESTION_END);
  assert.is(ttlOf(scan({ rcode: 3, authorities: [soa('example.com', 600, 60)] })), 60);
  assert.is(ttlOf(scan({ rcode: 3, authorities: [soa('example.com', 30, 60)] })), 30);
  assert.is(ttlOf(scan({ authorities: [soa('com', 99_999, 99_999)] })), 900);
  assert.is(ttlOf(scan({ rcode: 3 })), 0);
  // The SOA of another zone says nothing.
  const foreign = scan({ rcode: 3, authorities: [soa('evil.test', 600, 600)] });
  assert.is(ttlOf(foreign), 0);
  assert.is(given(foreign).authorities.length, 0);
  // `xample.com` is no ancestor of `www.example.com`.
  assert.is(ttlOf(scan({ rcode: 3, authorities: [soa('xample.com', 600, 600)] })), 0);
});

test('an alias without data behind it is negative', () => {
  const sections = { answers: [alias(NAME, 'a.test', 500)], authorities: [soa('a.test', 50, 50)] };
  const scan = scanReply(reply(sections), QUESTION_END);
  assert.ok(scan.kind === 'answer' && scan.isNegative);
  assert.is(ttlOf(scan), 50);
});

test('errors and truncation are told apart', () => {
  assert.equal(scanReply(reply({ isTruncated: true }), QUESTION_END), { kind: 'truncated' });
  assert.equal(scanReply(reply({ rcode: 2 }), QUESTION_END), { kind: 'failure', rcode: 2 });
  const edns = { udpPayloadBytes: 1232, version: 0, isDnssecOk: false, options: new Uint8Array() };
  assert.equal(scanReply(reply({ rcode: 16, edns }), QUESTION_END), { kind: 'failure', rcode: 16 });
});

test('a chain that never ends is no answer', () => {
  const nameAt = (index: number): string => (index === 0 ? NAME : `n${index}.test`);
  const answers = Array.from({ length: 40 }, (_, index) => alias(nameAt(index), nameAt(index + 1)));
  assert.is(scanReply(reply({ answers }), QUESTION_END).kind, 'broken');
  const loop = [alias(NAME, 'b.test'), alias('b.test', NAME)];
  assert.not.ok(scanReply(sortReply(reply({ answers: loop })), QUESTION_END).kind === 'unsorted');
});

/** Whatever comes out is well formed. */
function assertSound(bytes: Buffer): void {
  let scan = scanReply(bytes, QUESTION_END);
  if (scan.kind === 'unsorted') {
    try {
      scan = scanReply(sortReply(bytes), QUESTION_END);
    } catch (error) {
      if (!(error instanceof DecodeError) && !(error instanceof RangeError)) throw error;
      return;
    }
  }
  if (scan.kind === 'answer') given(scan);
}

test('a name that leads through a time to live is broken', () => {
  const answers = [alias(NAME, 'a.cdn.test'), address('a.cdn.test', '192.0.2.1')];
  const bytes = reply({ answers, authorities: [soa('cdn.test', 60, 60)] });
  const mailboxAt = bytes.length - 4 * 5 - 2;
  assert.is(scanReply(bytes, QUESTION_END).kind, 'answer');
  const ttlAt = bytes.indexOf(Buffer.of(0, 0, 1, 44), QUESTION_END + 24);
  bytes[mailboxAt] = 0xc0;
  bytes[mailboxAt + 1] = ttlAt; // a zero byte now, no end of a name once it is counted down
  assert.is(scanReply(bytes, QUESTION_END).kind, 'broken');
});

test('bent bytes give nothing that cannot be read', () => {
  const whole = reply({
    answers: [alias(NAME, 'a.cdn.test'), address('a.cdn.test', '192.0.2.1'), address('a.cdn.test', '192.0.2.2')],
    authorities: [soa('cdn.test', 60, 60)],
    edns: { udpPayloadBytes: 1232, version: 0, isDnssecOk: false, options: new Uint8Array() },
  });
  for (let length = QUESTION_END; length < whole.length; length++) assertSound(whole.subarray(0, length));
  const flip = fc.tuple(fc.integer({ min: 2, max: whole.length - 1 }), fc.nat(255));
  const flips = fc.array(flip, { minLength: 1, maxLength: 4 });
  fc.assert(fc.property(flips, (changes) => {
    const bent = Buffer.from(whole);
    for (const [at, value] of changes) if (at < 4 || (at >= 6 && at < 12) || at >= QUESTION_END) bent[at] = value;
    assertSound(bent);
  }), { numRuns: 5000 });
});

if (existsSync('../shared/corpora/dns-messages')) {
  test('the corpora give nothing that cannot be read', () => {
    const head = reply({}).subarray(0, QUESTION_END);
    for (const folder of ['dns-messages', 'dns-crashers', 'dns-names', 'dns-rdata', 'dns-captures']) {
      for (const file of readdirSync(`../shared/corpora/${folder}`)) {
        const bytes = readFileSync(`../shared/corpora/${folder}/${file}`);
        // As the records of a reply to our question, and, where it is one, as the reply.
        const counts = Buffer.from(head);
        counts.writeUInt16BE(Math.min(3, bytes.length), 6);
        assertSound(Buffer.concat([counts, bytes]).subarray(0, 0xffff));
        if (bytes.length <= QUESTION_END) continue;
        assertSound(Buffer.concat([head, bytes.subarray(QUESTION_END)]).subarray(0, 0xffff));
      }
    }
  });
}

test.run();
