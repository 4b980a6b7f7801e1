/**
 * `withScope` wraps a test body: it hands over a scope and a `FakeClock`, closes the scope at the
 * end and fails the test when a named timer, an observer or anything else watched is still alive.
 */

import * as assert from 'uvu/assert';
import { createScope, type Scope } from '../../src/shared/scope.ts';
import { FakeClock } from './fake-clock.ts';

/** What a test body is given. */
export interface TestContext {
  /** Closed after the body; everything the test makes belongs to it. */
  readonly scope: Scope;
  readonly clock: FakeClock;
  /** After the scope has closed, `count` must be 0: open sockets, observers of an emitter … */
  watch(what: string, count: () => number): void;
}

/** A uvu test function that runs `body` and then looks for leaks. */
export function withScope(body: (context: TestContext) => void | Promise<void>): () => Promise<void> {
  return async () => {
    const scope = createScope();
    const clock = new FakeClock();
    const watched: { what: string; count: () => number }[] = [];
    try {
      await body({ scope, clock, watch: (what, count) => void watched.push({ what, count }) });
    } finally {
      await scope.close();
    }
    assert.equal(clock.pending().map(({ name }) => name), [], 'timers outlive the scope');
    for (const { what, count } of watched) assert.is(count(), 0, `${what} outlive the scope`);
  };
}
