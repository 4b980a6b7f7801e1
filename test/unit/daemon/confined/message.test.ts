/** What confined programs say: lines and messages, whatever they are. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { LineSplitter } from '../../../../src/daemon/confined/line-splitter.ts';
import { memberOf, parseMessage, textOf } from '../../../../src/daemon/confined/message.ts';

test('messages', () => {
  assert.equal(parseMessage('{"ask":{"resolve":"a"}}'), { kind: 'ask', value: { resolve: 'a' } });
  assert.equal(parseMessage('{"result":"DIRECT"}'), { kind: 'result', value: 'DIRECT' });
  assert.equal(parseMessage('{"error":"no\\u001b[2J"}'), { kind: 'error', text: 'no?[2J' });
  const others = ['', '{', '[]', 'null', '1', '{}', '{"ask":1,"result":2}', '{"error":1}', '{"__proto__":1}'];
  for (const line of others) assert.is(parseMessage(line), undefined, line);
});

test('members are an object’s own, texts have no control characters', () => {
  assert.is(memberOf({}, 'constructor'), undefined);
  assert.is(memberOf(JSON.parse('{"__proto__": 1}'), '__proto__'), 1);
  assert.is(memberOf(undefined, 'a'), undefined);
  assert.is(textOf({ a: 'b' }, 'a'), 'b');
  assert.is(textOf({ a: 'b\n' }, 'a'), undefined);
  assert.is(textOf({ a: 'bb' }, 'a', 1), undefined);
  assert.is(textOf({ a: 1 }, 'a'), undefined);
});

test('no line makes it throw', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (line) => void parseMessage(line)), { numRuns: 2000 });
});

test('lines are the same however they are cut', () => {
  fc.assert(fc.property(fc.array(fc.string({ maxLength: 20 })), fc.array(fc.nat(9)), (words, cuts) => {
    const lines = words.map((word) => word.replace(/\n/g, ''));
    const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
    const splitter = new LineSplitter();
    const heard: string[] = [];
    for (let at = 0, turn = 0; at < bytes.length; turn++) {
      const end = at + 1 + (cuts[turn % Math.max(1, cuts.length)] ?? 0);
      heard.push(...(splitter.push(bytes.subarray(at, end)) ?? []));
      at = end;
    }
    assert.equal(heard, lines);
  }));
});

test('a line without end is refused and not kept', () => {
  const splitter = new LineSplitter();
  assert.equal(splitter.push(Buffer.alloc(64 * 1024, 'x')), []);
  assert.is(splitter.push(Buffer.from('x')), undefined);
  assert.is(new LineSplitter().push(Buffer.alloc(1 << 20, 'x')), undefined);
});

test.run();
