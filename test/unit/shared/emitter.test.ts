/** Emitters: order, snapshots, the end of a subscription, observers that throw. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Emitter, KeyedEmitter } from '../../../src/shared/emitter.ts';
import { setLogSink } from '../../../src/shared/log.ts';
import { createScope } from '../../../src/shared/scope.ts';

test('delivers in the order of subscription, at once', async () => {
  const scope = createScope();
  const emitter = new Emitter<number>();
  const seen: string[] = [];
  emitter.observe(scope, (value) => void seen.push(`a${value}`));
  emitter.observe(scope, (value) => void seen.push(`b${value}`));
  emitter.emit(1);
  emitter.emit(2);
  assert.equal(seen, ['a1', 'b1', 'a2', 'b2']);
  assert.is(emitter.observerCount, 2);
  await scope.close();
  emitter.emit(3);
  assert.is(seen.length, 4);
  assert.is(emitter.observerCount, 0);
});

test('one function may observe twice, and ends once', async () => {
  const [one, other] = [createScope(), createScope()];
  const emitter = new Emitter<void>();
  let calls = 0;
  const observer = (): void => void calls++;
  emitter.observe(one, observer);
  emitter.observe(other, observer);
  await one.close();
  emitter.emit();
  assert.is(calls, 1);
  await other.close();
});

test('who subscribes during a delivery hears the next one', async () => {
  const scope = createScope();
  const emitter = new Emitter<number>();
  const seen: number[] = [];
  let isFirst = true;
  emitter.observe(scope, () => {
    if (isFirst) emitter.observe(scope, (value) => void seen.push(value));
    isFirst = false;
  });
  emitter.emit(1);
  assert.equal(seen, []);
  emitter.emit(2);
  assert.equal(seen, [2]);
  await scope.close();
});

test('whose scope closes during a delivery hears no more', async () => {
  const [scope, doomed] = [createScope(), createScope()];
  const emitter = new Emitter<void>();
  let calls = 0;
  emitter.observe(scope, () => void doomed.close());
  emitter.observe(doomed, () => void calls++);
  emitter.observe(scope, () => void calls++);
  emitter.emit();
  assert.is(calls, 1);
  await scope.close();
});

test('a closed scope subscribes nothing', async () => {
  const scope = createScope();
  await scope.close();
  const emitter = new Emitter<void>();
  emitter.observe(scope, () => assert.unreachable());
  emitter.emit();
  assert.is(emitter.observerCount, 0);
});

test('an observer that throws is logged and stops no other', async () => {
  const lines: string[] = [];
  const before = setLogSink((_level, line) => void lines.push(line));
  const scope = createScope();
  try {
    const emitter = new Emitter<void>();
    let calls = 0;
    emitter.observe(scope, () => {
      throw new Error('no');
    });
    emitter.observe(scope, () => void calls++);
    emitter.emit();
    assert.is(calls, 1);
    assert.match(lines.join(), /an observer failed: Error: no/);
  } finally {
    setLogSink(before);
    await scope.close();
  }
});

test('who watches one of many hears of that one, until its scope closes', async () => {
  const scope = createScope();
  const emitter = new KeyedEmitter<number, string>();
  const heard: string[] = [];
  emitter.of(1).observe(scope, (value) => void heard.push(`first ${value}`));
  const second = scope.child();
  emitter.of(2).observe(second, (value) => void heard.push(`second ${value}`));
  emitter.emit(1, 'a');
  emitter.emit(2, 'b');
  emitter.emit(3, 'c');
  await second.close();
  emitter.emit(2, 'd');
  emitter.of(2).observe(scope, (value) => void heard.push(`again ${value}`));
  emitter.emit(2, 'e');
  assert.equal(heard, ['first a', 'second b', 'again e']);
  await scope.close();
  emitter.emit(1, 'f');
  assert.is(heard.length, 3);
});

test.run();
