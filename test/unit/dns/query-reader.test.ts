/** Queries as clients send them: keys, limits, and what is no query. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { CHECKING_DISABLED, DNSSEC_OK, QueryReader } from '../../../src/dns/query-reader.ts';
import { bareAnswer, BAD_VERSION, writeAnswer, writeRefusal } from '../../../src/dns/stored-answer.ts';
import { decodeMessage, encodeMessage, makeQuery, type DnsMessage } from '../../../src/dns/message.ts';

const reader = new QueryReader();

function query(name: string, type = 1, more: Partial<DnsMessage> = {}, questionClass = 1): Buffer {
  return Buffer.from(encodeMessage({ ...makeQuery(7, { name, type, class: questionClass }), ...more }));
}

function edns(udpPayloadBytes: number, isDnssecOk = false, version = 0): Partial<DnsMessage> {
  return { edns: { udpPayloadBytes, version, isDnssecOk, options: new Uint8Array() } };
}

function keyOf(bytes: Buffer): string {
  assert.is(reader.read(bytes, 0, bytes.length), 'query');
  return reader.key;
}

test('letters’ case does not matter, type and flavour do', () => {
  const key = keyOf(query('www.example.com'));
  assert.is(key, '\x03www\x07example\x03com\0\0\x01\0\x01');
  assert.is(keyOf(query('wWw.EXAMPLE.com')), key);
  // Type 65 has the byte of an upper-case letter.
  assert.is(keyOf(query('wWw.example.com', 65)), '\x03www\x07example\x03com\0\0A\0\x01');
  assert.is(keyOf(query('.', 2)), '\0\0\x02\0\x01');
  assert.is.not(keyOf(query('www.example.com', 1, edns(4096, true))), key);
  assert.is(reader.flavour, DNSSEC_OK);
  keyOf(query('www.example.com', 1, { isCheckingDisabled: true }));
  assert.is(reader.flavour, CHECKING_DISABLED);
});

test('bytes beyond ASCII keep their case', () => {
  assert.is.not(keyOf(query('\\195x.test')), keyOf(query('\\227X.test')));
  assert.is(keyOf(query('\\195x.test')), keyOf(query('\\195X.test')));
});

test('a client’s limit is kept between 512 and 1232', () => {
  for (const [size, limit] of [[0, 512], [511, 512], [1000, 1000], [4096, 1232], [65535, 1232]] as const) {
    keyOf(query('a.test', 1, edns(size)));
    assert.is(reader.limitBytes, limit);
    assert.ok(reader.hasEdns);
  }
  keyOf(query('a.test'));
  assert.is(reader.limitBytes, 512);
  assert.not.ok(reader.hasEdns);
});

test('what is no question for a proxy is refused', () => {
  const verdict = (bytes: Buffer): string => reader.read(bytes, 0, bytes.length);
  assert.is(verdict(query('a.test', 1, { isResponse: true })), 'drop');
  assert.is(verdict(query('a.test').subarray(0, 11)), 'drop');
  assert.is(verdict(query('a.test', 1, { opcode: 5 })), 'notImplemented');
  assert.is(verdict(query('a.test', 252)), 'refused');
  assert.is(verdict(query('version.bind', 16, {}, 3)), 'refused');
  assert.is(verdict(query('a.test', 249)), 'notImplemented');
  assert.is(verdict(query('a.test', 1, { questions: [] })), 'formatError');
  assert.is(verdict(query('a.test', 1, edns(1232, false, 1))), 'badVersion');
  const cut = query('a.test');
  for (let length = 12; length < cut.length; length++) assert.is(reader.read(cut, 0, length), 'formatError');
  const pointing = Buffer.concat([cut.subarray(0, 12), Buffer.from([0xc0, 12, 0, 1, 0, 1])]);
  assert.is(verdict(pointing), 'formatError');
});

test('a refusal repeats the question and no more', () => {
  const bytes = Buffer.alloc(1000);
  const asked = query('a.test', 1, edns(1232, false, 1));
  asked.copy(bytes);
  reader.read(bytes, 0, asked.length);
  const refusal = decodeMessage(bytes.subarray(0, writeRefusal(bytes, 0, reader, BAD_VERSION)));
  assert.is(refusal.rcode, 16);
  assert.is(refusal.id, 7);
  assert.is(refusal.questions[0]?.name, 'a.test');
  const odd = Buffer.from('0007280000050000000000000102', 'hex');
  assert.is(reader.read(odd, 0, odd.length), 'notImplemented');
  const short = decodeMessage(odd.subarray(0, writeRefusal(odd, 0, reader, 4)));
  assert.equal([short.rcode, short.opcode, short.questions.length], [4, 5, 0]);
});

test('an answer that is too long is cut to its question', () => {
  const memory = Buffer.alloc(2000);
  const asked = query('a.test');
  asked.copy(memory);
  reader.read(memory, 0, asked.length);
  const answer = { ...bareAnswer(0), answerCount: 9, memory: Buffer.alloc(600, 'x'), tailBytes: 600 };
  const told = decodeMessage(memory.subarray(0, writeAnswer(memory, 0, reader, answer)));
  assert.ok(told.isTruncated);
  assert.is(told.answers.length, 0);
});

test('any bytes get a verdict, and a decodable question its key', () => {
  const bytes = Buffer.alloc(0x1_0000);
  fc.assert(fc.property(fc.uint8Array({ minLength: 0, maxLength: 80 }), fc.nat(12), (tail, keep) => {
    const head = query('abc.test').subarray(0, keep);
    const length = head.length + tail.length;
    head.copy(bytes, 100);
    bytes.set(tail, 100 + head.length);
    const verdict = reader.read(bytes, 100, length);
    assert.ok(reader.questionEnd <= Math.max(12, length));
    if (verdict === 'query') assert.ok(reader.key.length >= 5 && reader.key.length <= 260);
  }), { numRuns: 3000 });
});

if (existsSync('../shared/corpora/dns-messages')) {
  test('the corpora get verdicts', () => {
    for (const folder of ['dns-messages', 'dns-crashers', 'dns-names']) {
      for (const file of readdirSync(`../shared/corpora/${folder}`)) {
        const bytes = readFileSync(`../shared/corpora/${folder}/${file}`);
        assert.type(reader.read(bytes, 0, bytes.length), 'string');
      }
    }
  });
}

test.run();
