/** The cache: time, limits, who has to go. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { AnswerCache } from '../../../src/dns/cache.ts';
import { keepAnswer, writeAnswer, type StoredAnswer } from '../../../src/dns/stored-answer.ts';

const SEED = 0x1234_5678;

/** One record whose time to live stands at its start. */
function answer(ttl: number, bytes = 14): StoredAnswer {
  const tail = Buffer.alloc(Math.max(6, bytes));
  tail.writeUInt32BE(ttl, 2);
  const counts = { rcode: 0, answerCount: 1, authorityCount: 0 };
  const places = { ttlPlaces: Uint16Array.of(2), ttlsAt: 0, ttlCount: 1 };
  return { ...counts, memory: tail, tailAt: 0, tailBytes: tail.length, ...places, agedSec: 0, extendedError: 0 };
}

/** As a client is told. */
function ttlOf(stored: StoredAnswer): number {
  const memory = Buffer.alloc(2000);
  writeAnswer(memory, 0, { questionEnd: 12, hasEdns: false, limitBytes: 2000 }, stored);
  return memory.readUInt32BE(12 + 2);
}

test('times to live fall with time, whenever they are looked at', () => {
  const cache = new AnswerCache({ entries: 10, bytes: 10_000 }, SEED);
  cache.put('a', answer(0x01020304), 3600, 1000);
  for (const second of [0, 0, 1, 2, 500, 3599]) {
    const found = cache.get('a', 1000 + 1000 * second + 999);
    assert.is(found && ttlOf(found), 0x01020304 - second);
  }
  assert.is(cache.get('a', 1000 + 3_600_000), undefined);
  assert.is(cache.counts.hits, 6);
  assert.is(cache.counts.misses, 1);
});

test('stale answers have half a minute, for a day', () => {
  const cache = new AnswerCache({ entries: 10, bytes: 10_000 }, SEED);
  cache.put('a', answer(60), 60, 0);
  const stale = cache.getStale('a', 60_000 + 86_399_000);
  assert.is(stale && ttlOf(stale), 30);
  assert.is(stale?.extendedError, 3);
  assert.is(cache.getStale('a', 60_000 + 86_400_000), undefined);
});

test('a fresh answer is not made stale by asking for any', () => {
  const cache = new AnswerCache({ entries: 10, bytes: 10_000 }, SEED);
  cache.put('a', answer(60), 60, 0);
  const fresh = cache.getStale('a', 50_000);
  assert.is(fresh && ttlOf(fresh), 10);
  assert.is(fresh?.extendedError, 0);
  assert.is(cache.counts.stale, 0);
});

test('what was asked for stays, what was not goes', () => {
  const cache = new AnswerCache({ entries: 3, bytes: 100_000 }, SEED);
  for (const key of ['a', 'b', 'c']) cache.put(key, answer(60), 60, 0);
  cache.get('a', 1);
  cache.put('d', answer(60), 60, 2);
  assert.ok(cache.get('a', 3));
  assert.is(cache.get('b', 3), undefined);
  assert.ok(cache.get('c', 3));
  assert.ok(cache.get('d', 3));
});

test('limits hold whatever comes, and nothing is counted twice', () => {
  const limits = { entries: 20, bytes: 12_000 };
  const action = fc.tuple(fc.constantFrom('put', 'get', 'stale', 'clear'), fc.nat(60), fc.nat(900));
  fc.assert(fc.property(fc.array(action, { maxLength: 300 }), (actions) => {
    const cache = new AnswerCache(limits, SEED);
    let nowMs = 0;
    for (const [what, key, size] of actions) {
      nowMs += size;
      if (what === 'put') cache.put(String(key), answer(60, 14 + size), 60, nowMs);
      else if (what === 'get') cache.get(String(key), nowMs);
      else if (what === 'stale') cache.getStale(String(key), nowMs);
      else if (size < 20) cache.clear();
      const { entries, bytes } = cache.counts;
      assert.ok(entries <= limits.entries && bytes <= limits.bytes && bytes >= 64 * entries);
    }
    cache.clear();
    assert.equal([cache.counts.entries, cache.counts.bytes], [0, 0]);
  }), { numRuns: 200 });
});

test('an answer larger than the cache does not stay', () => {
  const cache = new AnswerCache({ entries: 10, bytes: 1000 }, SEED);
  cache.put('a', answer(60, 5000), 60, 0);
  assert.equal([cache.counts.entries, cache.counts.bytes], [0, 0]);
});

test('what is found is what was put, wherever it was moved meanwhile', () => {
  const action = fc.record({
    what: fc.constantFrom('put', 'put', 'get', 'get', 'clear'), key: fc.nat(40),
    bytes: fc.integer({ min: 6, max: 700 }), ttls: fc.nat(5),
  });
  fc.assert(fc.property(fc.array(action, { maxLength: 400 }), fc.integer(), (actions, seed) => {
    const cache = new AnswerCache({ entries: 25, bytes: 8192 }, seed);
    const model = new Map<string, StoredAnswer>();
    for (const [index, { what, key, bytes, ttls }] of actions.entries()) {
      const name = `name ${key}`;
      if (what === 'put') {
        const memory = Buffer.alloc(bytes + 3, index);
        const ttlPlaces = Uint16Array.from({ length: ttls + 1 }, (_, place) => place + bytes % 2);
        const counts = { rcode: index % 16, answerCount: ttls, authorityCount: key, agedSec: 0, extendedError: 0 };
        const answer = { ...counts, memory, tailAt: 3, tailBytes: bytes, ttlPlaces, ttlsAt: 1, ttlCount: ttls };
        cache.put(name, answer, 1e6, 0);
        model.set(name, answer);
      } else if (what === 'get') {
        const found = cache.get(name, 1);
        if (found === undefined) continue;
        const { rcode, answerCount, authorityCount, memory, tailBytes, ttlPlaces, ttlCount } = keepAnswer(found);
        const wanted = model.get(name);
        assert.ok(wanted);
        const kept = keepAnswer(wanted);
        assert.equal([rcode, answerCount, authorityCount, tailBytes, ttlCount],
          [kept.rcode, kept.answerCount, kept.authorityCount, kept.tailBytes, kept.ttlCount]);
        assert.equal([memory, ttlPlaces], [kept.memory, kept.ttlPlaces]);
      } else if (key < 2) {
        cache.clear();
        model.clear();
      }
    }
    assert.is(cache.counts.entries, [...model.keys()].filter((name) => cache.get(name, 1)).length);
  }), { numRuns: 300 });
});

test('one that is put again and again takes no other’s place', () => {
  const cache = new AnswerCache({ entries: 100, bytes: 1 << 20 }, SEED);
  for (let index = 0; index < 50; index++) cache.put(`kept ${index}`, answer(60, 100), 60, 0);
  for (let round = 0; round < 20_000; round++) cache.put(`often ${round % 3}`, answer(60, 100 + round % 7), 60, 0);
  for (let index = 0; index < 50; index++) assert.ok(cache.get(`kept ${index}`, 1), String(index));
  assert.is(cache.counts.entries, 53);
});

test.run();
