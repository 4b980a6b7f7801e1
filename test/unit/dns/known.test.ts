/**
 * What the addon answers by itself is what JavaScript would answer, byte for byte; what JavaScript has
 * to look at, it is handed. Over the loopback, with a real clock: ages are those of some moment between
 * question and answer.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { createSocket, type Socket } from 'node:dgram';
import { AnswerCache } from '../../../src/dns/cache.ts';
import { encodeMessage, makeQuery } from '../../../src/dns/message.ts';
import { QueryReader } from '../../../src/dns/query-reader.ts';
import { bareAnswer, writeAnswer, type StoredAnswer } from '../../../src/dns/stored-answer.ts';
import { IpAddress } from '../../../src/shared/ipaddress.ts';
import { createScope } from '../../../src/shared/scope.ts';
import { testSystem } from '../../helpers/system.ts';

const system = testSystem();
const LOOPBACK = new IpAddress(Uint8Array.of(127, 0, 0, 1));
const NAMES = ['a.test', 'www.example.com', 'x'.repeat(63), `${'y'.repeat(60)}.`.repeat(4).slice(0, -1), '.'];
const BATCH = 24;
const NOTHING = bareAnswer(3);
/** In front of what JavaScript was handed. */
const HANDED = 'handed over';

const scope = createScope();
const clock = system.bootTimeSource(scope);
const server = system.udpServer({ family: 4, address: LOOPBACK, receiveBufferBytes: 1 << 20 }, scope);
const client = createSocket('udp4');

function keyOf(query: Buffer): string | undefined {
  const reader = new QueryReader();
  return reader.read(query, 0, query.length) === 'query' ? reader.key : undefined;
}

/** The answer of JavaScript at `nowMs`; undefined where it has more to do than to answer. */
function expected(query: Buffer, cache: AnswerCache, nowMs: number): Buffer | undefined {
  const memory = Buffer.alloc(2000);
  query.copy(memory);
  const reader = new QueryReader();
  if (reader.read(memory, 0, query.length) !== 'query') return undefined;
  const entry = cache.getBy(reader, nowMs);
  if (entry === undefined || nowMs >= entry.refreshAtMs) return undefined;
  return memory.subarray(0, writeAnswer(memory, 0, reader, entry));
}

/** Answers by the first two bytes of their questions, which differ. */
function ask(socket: Socket, queries: readonly Buffer[]): Promise<Map<number, Buffer>> {
  const replies = new Map<number, Buffer>();
  return new Promise((resolve) => {
    socket.removeAllListeners('message');
    socket.on('message', (reply) => {
      const isHanded = reply.toString('latin1', 0, HANDED.length) === HANDED;
      const body = isHanded ? reply.subarray(HANDED.length) : reply;
      replies.set(body.readUInt16BE(0), reply);
      if (replies.size === queries.length) resolve(replies);
    });
    for (const query of queries) socket.send(query, server.localPort, '127.0.0.1');
  });
}

server.onBatch = (batch) => {
  for (let index = 0; index < batch.count; index++) {
    const length = batch.length(index);
    if (length === 0) continue;
    const text = batch.message(index).toString('latin1', 0, length);
    batch.answer(index, batch.memory.write(HANDED + text, batch.offset(index), 'latin1'));
  }
};

const storedAnswer = fc.record({
  rcode: fc.constantFrom(0, 0, 3), answerCount: fc.nat(3), authorityCount: fc.nat(3),
  tail: fc.uint8Array({ minLength: 4, maxLength: 700, size: 'max' }),
  places: fc.array(fc.nat(), { maxLength: 4 }),
}).map(({ tail, places, ...counts }): StoredAnswer => {
  const inside = new Set(places.map((place) => place % (tail.length - 3)));
  const ttlPlaces = Uint16Array.from([...inside].sort((one, other) => one - other));
  // No time to live is longer than a day; some are shorter than the answer is old.
  const memory = Buffer.from(tail);
  for (const place of ttlPlaces) {
    memory.writeUInt32BE(memory.readUInt32BE(place) % (place % 2 === 0 ? 86_400 : 90), place);
  }
  const where = { memory, tailAt: 0, tailBytes: memory.length, ttlPlaces, ttlsAt: 0, ttlCount: ttlPlaces.length };
  return { ...counts, ...where, agedSec: 0, extendedError: 0 };
});

const query = fc.record({
  name: fc.nat(NAMES.length - 1), type: fc.constantFrom(1, 28, 255), questionClass: fc.constantFrom(1, 1, 1, 3),
  isCheckingDisabled: fc.boolean(), isRecursionDesired: fc.boolean(), capitals: fc.integer(),
  edns: fc.option(fc.record({
    udpPayloadBytes: fc.constantFrom(0, 512, 700, 4096), version: fc.constantFrom(0, 0, 0, 1),
    isDnssecOk: fc.boolean(), options: fc.uint8Array({ maxLength: 5 }).map(() => new Uint8Array()),
  }), { nil: undefined }),
  /** Of some, a byte is another, or the end is missing. */
  damage: fc.option(fc.record({ at: fc.nat(60), value: fc.nat(255), isCut: fc.boolean() }), { nil: undefined }),
}).map(({ name, type, questionClass, capitals, edns, damage, ...flags }) => {
  const question = { name: NAMES[name] ?? '.', type, class: questionClass };
  const bytes = Buffer.from(encodeMessage({ ...makeQuery(0, question), ...flags, ...(edns && { edns }) }));
  for (let at = 12, letter = 0; at < bytes.length && (bytes[at] ?? 0) > 0;) {
    const end = at + 1 + (bytes[at] ?? 0);
    for (at++; at < end; at++) if (((capitals >> (letter++ & 31)) & 1) === 1) bytes[at] = (bytes[at] ?? 0) & 0xdf;
  }
  if (damage === undefined || damage.at < 2) return bytes;
  if (damage.isCut) return bytes.subarray(0, Math.max(2, bytes.length - damage.at));
  if (damage.at < bytes.length) bytes[damage.at] = damage.value;
  return bytes;
});

test('the addon answers as JavaScript does', async () => {
  await new Promise<void>((resolve) => client.bind(0, '127.0.0.1', resolve));
  const cache = new AnswerCache({ entries: 60, bytes: 40_000 }, 0x5eed);
  server.answerFrom(cache.memory);
  let answered = 0;
  const one = fc.record({ query, answer: storedAnswer, ageSec: fc.nat(100), ttlSec: fc.integer({ min: 1, max: 130 }) });
  const many = fc.array(one, { minLength: 1, maxLength: BATCH });
  await fc.assert(fc.asyncProperty(many, async (cases) => {
    for (const { query: bytes, answer, ageSec, ttlSec } of cases) {
      const key = keyOf(bytes);
      if (key !== undefined && ageSec % 4 > 0) cache.put(key, answer, ttlSec, clock.now() - 1000 * ageSec - 500);
    }
    const queries = cases.map(({ query: bytes }, index) => {
      bytes.writeUInt16BE(index, 0);
      return bytes;
    });
    const before = clock.now();
    const replies = await ask(client, queries);
    const after = clock.now();
    for (const [index, bytes] of queries.entries()) {
      const reply = replies.get(index);
      const isHanded = reply?.toString('latin1', 0, HANDED.length) === HANDED;
      const possible: (Buffer | undefined)[] = [];
      for (let nowMs = before; nowMs < after + 1000; nowMs += 1000) {
        possible.push(expected(bytes, cache, Math.min(nowMs, after)));
      }
      if (!isHanded) answered++;
      const found = possible.some((wanted) =>
        (isHanded ? wanted === undefined : wanted !== undefined && reply !== undefined && wanted.equals(reply)));
      assert.ok(found, `${bytes.toString('hex')}: ${reply?.toString('hex')}, not ${possible[0]?.toString('hex')}`);
    }
  }), { numRuns: 150 });
  assert.ok(answered > 100, String(answered));
});

test('what the addon has answered counts as asked for, and stays the longer', async () => {
  const cache = new AnswerCache({ entries: 2, bytes: 10_000 }, 1);
  const own = scope.child();
  const knowing = system.udpServer({ family: 4, address: LOOPBACK }, own);
  knowing.answerFrom(cache.memory);
  const [one, other, third] = ['a.test', 'b.test', 'c.test'].map((name) => {
    const bytes = Buffer.from(encodeMessage(makeQuery(7, { name, type: 1, class: 1 })));
    cache.put(keyOf(bytes) ?? '', NOTHING, 1000, clock.now());
    return bytes;
  });
  assert.ok(one && other && third);
  // The first had to go for the third.
  for (let count = 0; count < 3; count++) {
    const replied = new Promise((resolve) => client.removeAllListeners('message').once('message', resolve));
    client.send(other, knowing.localPort, '127.0.0.1');
    await replied;
  }
  assert.equal([cache.counts.hits, cache.counts.misses], [3, 0]);
  cache.put(keyOf(one) ?? '', NOTHING, 1000, clock.now());
  assert.is(cache.get(keyOf(third) ?? '', clock.now()), undefined);
  assert.is(cache.get(keyOf(other) ?? '', clock.now())?.hits, 2);
  await own.close();
});

test('the sockets are closed', async () => {
  client.close();
  await scope.close();
});

test.run();
