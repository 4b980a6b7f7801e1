/**
 * A connection on a clock in hand: an attempt that says nothing ends, the user's time is not counted,
 * and what one attempt left is no part of the next.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Clock } from '../../../src/shared/clock.ts';
import { ConnmanError } from '../../../src/shared/errors.ts';
import type { Scope } from '../../../src/shared/scope.ts';
import { VpnFailure, type Driver } from '../../../vpn/driver.ts';
import { Provider, type ProviderEnv } from '../../../vpn/provider.ts';
import { fakeKernel } from '../../helpers/fake-kernel.ts';
import { withScope } from '../../helpers/with-scope.ts';

const refuse = (): never => {
  throw new Error('not part of this test');
};

function provider(driver: Driver, ask: ProviderEnv['ask'], clock: Clock, scope: Scope): Provider {
  const env: ProviderEnv = {
    clock, kernel: fakeKernel(), driver: () => driver, ask, runtimeDirectory: '/nowhere', scriptDirectory: '/nowhere',
    genl: refuse, makeDevice: refuse, keepFile: refuse, startTask: refuse, awaitHelper: refuse, writeFile: refuse,
    removeFile: refuse, readFile: refuse, helperDirectory: refuse, resolveHost: refuse, ownDevice: () => undefined,
    isSystemHelper: () => true,
  };
  const identity = { type: driver.type, name: 'n', host: '192.0.2.1' };
  return new Provider({ ident: '192_0_2_1', identity }, env, scope);
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

async function codeOf(connecting: Promise<void>): Promise<string> {
  return connecting.then(() => 'ok', (error: unknown) => (error instanceof ConnmanError ? error.code : String(error)));
}

test('a helper that starts and then does nothing', withScope(async ({ clock, scope }) => {
  let isEnded = false;
  const driver: Driver = {
    type: 'openvpn',
    async run({ signal }) {
      await aborted(signal);
      isEnded = true;
    },
  };
  const idle = provider(driver, refuse, clock, scope);
  const answer = codeOf(idle.connect(undefined));
  await clock.advance(119_000);
  assert.equal([idle.state, isEnded], ['configuration', false]);
  await clock.advance(2000);
  assert.is(await answer, 'OperationTimeout');
  assert.equal([idle.state, isEnded], ['failure', true]);
  // ConnMan's reminder, and then another whole attempt.
  assert.is(await codeOf(idle.connect(undefined)), 'InProgress');
  const again = codeOf(idle.connect(undefined));
  await clock.advance(60_000);
  idle.disconnect();
  assert.is(await again, 'Failed');
  await clock.advance(120_000);
  assert.is(idle.state, 'idle', 'no timer of an attempt outlives it');
}));

test("the user's time is the user's", withScope(async ({ clock, scope }) => {
  const driver: Driver = {
    type: 'openvpn',
    async run({ ask, signal }) {
      await ask([]);
      await aborted(signal);
    },
  };
  let reply: (answer: ReadonlyMap<string, string>) => void = refuse;
  const ask = (): Promise<ReadonlyMap<string, string>> => new Promise((resolve) => (reply = resolve));
  const asking = provider(driver, ask, clock, scope);
  const answer = codeOf(asking.connect(undefined));
  await clock.advance(290_000);
  assert.is(asking.state, 'configuration', 'the agent has a limit of its own');
  reply(new Map());
  await clock.advance(121_000);
  assert.is(await answer, 'OperationTimeout');
}));

test('whoever hears of the end of an attempt may begin another', withScope(async ({ clock, scope }) => {
  let isEnded = false;
  const driver: Driver = {
    type: 'openvpn',
    // Refused, with a helper that takes its time to end.
    run: async (session) => {
      isEnded = false;
      session.scope.defer(() => new Promise((resolve) => {
        clock.after('end of a helper', 2000, scope, () => resolve(void (isEnded = true)));
      }));
      throw new VpnFailure('auth', new ConnmanError('PermissionDenied'));
    },
  };
  const refused = provider(driver, refuse, clock, scope);
  const answer = codeOf(refused.connect(undefined));
  await clock.advance(1000);
  assert.is(refused.state, 'configuration', 'it is not over yet');
  assert.is(await codeOf(refused.connect(undefined)), 'InProgress');
  await clock.advance(1500);
  assert.equal([await answer, refused.state, isEnded], ['PermissionDenied', 'failure', true]);
  assert.is(await codeOf(refused.connect(undefined)), 'InProgress', "ConnMan's reminder, once");
  const again = codeOf(refused.connect(undefined));
  assert.is(refused.state, 'configuration');
  await clock.advance(3000);
  assert.is(await again, 'PermissionDenied');
}));

test.run();
