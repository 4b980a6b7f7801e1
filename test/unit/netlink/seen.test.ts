/**
 * Waiting for a link: at once where the mirror has it, else with the kernel's event, and never for
 * ever; nothing of a wait is left when it is over.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { untilLink, untilNoLink, type LinkWaitEnv } from '../../../src/netlink/link/seen.ts';
import { settle } from '../../helpers/fake-clock.ts';
import { fakeKernel, type FakeKernel } from '../../helpers/fake-kernel.ts';
import { withScope, type TestContext } from '../../helpers/with-scope.ts';

const LIMIT_MS = 1000;
const tap0 = { name: 'tap0', limitMs: LIMIT_MS };

/** The outcomes so far, in order. */
class Outcomes {
  readonly list: string[] = [];

  of(what: string, promise: Promise<unknown>): void {
    promise.then(() => this.list.push(what), (error: unknown) => this.list.push(`${what}: ${String(error)}`));
  }
}

function setting({ clock, watch }: TestContext): { kernel: FakeKernel; env: LinkWaitEnv; outcomes: Outcomes } {
  const kernel = fakeKernel();
  watch('observers of links', () => kernel.mirror.linkChanged.observerCount);
  return { kernel, env: { mirror: kernel.mirror, clock }, outcomes: new Outcomes() };
}

test('a link that is there is given at once', withScope(async (context) => {
  const { kernel, env } = setting(context);
  const { ifindex } = kernel.addLink({ name: 'tap0' });
  assert.is((await untilLink(env, tap0, context.scope)).ifindex, ifindex);
  assert.equal(context.clock.pending(), []);
}));

test('one that is made is given with its event, and one that has to be up once it is', withScope(async (context) => {
  const { kernel, env, outcomes } = setting(context);
  outcomes.of('there', untilLink(env, tap0, context.scope));
  outcomes.of('up', untilLink(env, { ...tap0, isReady: ({ isUp }) => isUp }, context.scope));
  const tell = kernel.holdLinks();
  const { ifindex } = kernel.addLink({ name: 'tap0' });
  kernel.addLink({ name: 'tap1', isUp: true });
  await settle();
  assert.equal(outcomes.list, []);
  tell();
  await settle();
  assert.equal(outcomes.list, ['there']);
  await kernel.link.setUp(ifindex);
  await settle();
  assert.equal(outcomes.list, ['there', 'up']);
  assert.equal(context.clock.pending(), []);
  assert.is(kernel.mirror.linkChanged.observerCount, 0);
}));

test('the end of one is told by its event too', withScope(async (context) => {
  const { kernel, env, outcomes } = setting(context);
  const { ifindex } = kernel.addLink({ name: 'tap0' });
  const tell = kernel.holdLinks();
  kernel.removeLink('tap0');
  outcomes.of('gone', untilNoLink(env, ifindex, LIMIT_MS, context.scope));
  await settle();
  assert.equal(outcomes.list, []);
  tell();
  await settle();
  assert.equal(outcomes.list, ['gone']);
  await untilNoLink(env, ifindex, LIMIT_MS, context.scope);
}));

test('it ends with the limit, the signal and the scope', withScope(async (context) => {
  const { kernel, env, outcomes } = setting(context);
  const own = context.scope.child();
  const abort = new AbortController();
  outcomes.of('signal', untilLink(env, { ...tap0, signal: abort.signal }, context.scope));
  outcomes.of('scope', untilLink(env, tap0, own));
  outcomes.of('limit', untilLink(env, tap0, context.scope));
  await settle();
  abort.abort('enough');
  await settle();
  await own.close();
  await settle();
  outcomes.of('late signal', untilLink(env, { ...tap0, signal: abort.signal }, context.scope));
  outcomes.of('closed scope', untilLink(env, tap0, own));
  await context.clock.advance(LIMIT_MS);
  assert.equal(outcomes.list, [
    'signal: enough', 'scope: ConnmanError: Operation aborted', 'late signal: enough',
    'closed scope: ConnmanError: Operation aborted', 'limit: ConnmanError: Operation timeout',
  ]);
  assert.is(kernel.mirror.linkChanged.observerCount, 0);
}));

test.run();
