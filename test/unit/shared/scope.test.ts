/** Scopes: order of release, children, what happens while and after they close. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { setLogSink } from '../../../src/shared/log.ts';
import { createScope } from '../../../src/shared/scope.ts';

test('releases newest first, children in their place', async () => {
  const seen: string[] = [];
  const scope = createScope();
  scope.defer(() => void seen.push('first'));
  const child = scope.child();
  child.defer(() => void seen.push('child 1'));
  child.defer(() => void seen.push('child 2'));
  scope.defer(() => void seen.push('last'));
  await scope.close();
  assert.equal(seen, ['last', 'child 2', 'child 1', 'first']);
});

test('synchronous resources are gone when close returns', () => {
  let isOpen = true;
  const scope = createScope();
  scope.child().defer(() => void (isOpen = false));
  void scope.close();
  assert.not(isOpen);
});

test('waits for asynchronous resources, one after the other', async () => {
  const seen: string[] = [];
  const scope = createScope();
  scope.defer(() => void seen.push('second'));
  scope.defer(async () => {
    await new Promise((resolve) => setImmediate(resolve));
    seen.push('first');
  });
  const closing = scope.close();
  assert.equal(seen, []);
  await closing;
  assert.equal(seen, ['first', 'second']);
});

test('aborts its signal before anything is released', async () => {
  const scope = createScope();
  let wasAborted = false;
  scope.defer(() => void (wasAborted = scope.signal.aborted));
  await scope.close();
  assert.ok(wasAborted);
  assert.is(scope.signal.reason.name, 'AbortError');
});

test('what comes too late is released at once', async () => {
  const scope = createScope();
  await scope.close();
  let releases = 0;
  scope.defer(() => void releases++);
  const child = scope.child();
  assert.ok(child.signal.aborted);
  child.defer(() => void releases++);
  assert.is(releases, 2);
});

test('what is deferred while closing is released at once', async () => {
  const scope = createScope();
  let releases = 0;
  scope.defer(() => scope.defer(() => void releases++));
  scope.signal.addEventListener('abort', () => scope.defer(() => void releases++));
  await scope.close();
  assert.is(releases, 2);
});

test('closing again, even from within, releases nothing twice', async () => {
  const scope = createScope();
  let releases = 0;
  scope.defer(() => void releases++);
  scope.defer(() => void scope.close());
  scope.signal.addEventListener('abort', () => void scope.close());
  await Promise.all([scope.close(), scope.close()]);
  await scope.close();
  assert.is(releases, 1);
});

test('a child that closes earlier leaves its parent', async () => {
  const scope = createScope();
  let releases = 0;
  const child = scope.child();
  child.defer(() => void releases++);
  await child.close();
  assert.is(releases, 1);
  await scope.close();
  assert.is(releases, 1);
  assert.ok(child.signal.aborted);
});

test('a failing release is logged and stops no other', async () => {
  const lines: string[] = [];
  const before = setLogSink((level, line) => void lines.push(`${level} ${line}`));
  try {
    const scope = createScope();
    let releases = 0;
    scope.defer(() => void releases++);
    scope.defer(() => {
      throw new Error('synchronous');
    });
    scope.defer(() => Promise.reject(new Error('asynchronous')));
    await scope.close();
    assert.is(releases, 1);
    assert.is(lines.length, 2);
    assert.match(lines[0] ?? '', /^error releasing a resource failed: Error: asynchronous\n/);
    assert.match(lines[1] ?? '', /^error releasing a resource failed: Error: synchronous\n/);
  } finally {
    setLogSink(before);
  }
});

test('await using closes it', async () => {
  let isOpen = true;
  const scope = createScope();
  scope.defer(() => void (isOpen = false));
  await scope[Symbol.asyncDispose]();
  assert.not(isOpen);
});

test.run();
