/** What becomes of joins, told by the supplicant's states. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type Joining, type JoinOutcome, NOT_JOINED, type StateReport, step, stepEap, type SupplicantState,
} from '../../../../plugins/wifi/join-outcome.ts';

/** Runs through states and collects what they meant. */
function run(
  states: readonly SupplicantState[], report: Partial<StateReport> = {}, from: Joining = NOT_JOINED,
): { outcomes: JoinOutcome[]; joining: Joining } {
  const outcomes: JoinOutcome[] = [];
  let joining = from;
  for (const state of states) {
    const limits = { maxKeyFailures: 1, maxHandshakes: 2, isFetching: false };
    const codes = { disconnectReason: 0, statusCode: 0, authStatusCode: 0, ...limits };
    const next = step(joining, { ...codes, ...report, state });
    joining = next.joining;
    if (next.outcome.kind !== 'nothing') outcomes.push(next.outcome);
  }
  return { outcomes, joining };
}

const HANDSHAKE: readonly SupplicantState[] = ['authenticating', 'associating', 'associated', '4way_handshake'];

test('joined once', () => {
  assert.equal(run([...HANDSHAKE, 'group_handshake', 'completed', 'completed']).outcomes, [{ kind: 'joined' }]);
});

test('a wrong key fails two handshakes in a row, or as many as it takes where it did work', () => {
  const failed = { kind: 'failed', error: 'invalid-key' } as const;
  const again = { kind: 'again' } as const;
  const refused: readonly SupplicantState[] = [...HANDSHAKE, 'disconnected'];
  assert.equal(run(refused).outcomes, [again]);
  assert.equal(run([...refused, ...refused]).outcomes, [again, failed]);
  assert.equal(run([...refused, ...HANDSHAKE, 'completed']).outcomes, [again, { kind: 'joined' }]);
  assert.equal(run([...refused, ...refused], { maxHandshakes: 3 }).outcomes, [again]);
  assert.equal(run([...refused, ...refused, ...refused], { maxHandshakes: 3 }).outcomes, [again, failed]);
  assert.equal(run(refused, { maxHandshakes: 1 }).outcomes, [failed], 'as main.conf says');
});

test('802.1X: what the server shows, and what it says of us', () => {
  const said = (status: string, parameter: string, maxKeyFailures = 1) =>
    stepEap(NOT_JOINED, { status, parameter, maxKeyFailures });
  const check = 'remote certificate verification';
  assert.equal(said(check, 'success').outcome, { kind: 'nothing' });
  assert.equal(said(check, 'certificate has expired').outcome, { kind: 'failed', error: 'connect-failed' });
  assert.match(said(check, 'certificate has expired').complaint ?? '', /not good: certificate has expired$/);
  assert.equal(said('started', '').outcome, { kind: 'nothing' });
  assert.equal(said('completion', 'success').outcome, { kind: 'nothing' });
  assert.equal(said('completion', 'failure').outcome, { kind: 'failed', error: 'invalid-key' });
  const first = said('completion', 'failure', 2);
  assert.equal(first.outcome, { kind: 'nothing' });
  const again = stepEap(first.joining, { status: 'completion', parameter: 'failure', maxKeyFailures: 2 });
  assert.equal(again.outcome, { kind: 'failed', error: 'invalid-key' });
});

test('SAE tells a wrong key while authenticating; silence is none, and is borne twice', () => {
  assert.equal(run(['authenticating', 'disconnected'], { authStatusCode: 15 }).outcomes, [
    { kind: 'failed', error: 'invalid-key' },
  ]);
  const silence: SupplicantState[] = ['authenticating', 'disconnected'];
  assert.equal(run([...silence, ...silence]).outcomes, []);
  assert.equal(run([...silence, ...silence, ...silence]).outcomes, [{ kind: 'failed', error: 'connect-failed' }]);
});

test('a full access point is asked three times', () => {
  const full = { statusCode: 17 };
  const once: SupplicantState[] = ['associating', 'disconnected'];
  assert.equal(run([...once, ...once], full).outcomes, []);
  assert.equal(run([...once, ...once, ...once], full).outcomes, [{ kind: 'failed', error: 'connect-failed' }]);
});

test('blocked, and lost', () => {
  assert.equal(run(['associating', 'disconnected'], { disconnectReason: 6 }).outcomes, [
    { kind: 'failed', error: 'blocked' },
  ]);
  assert.equal(run([...HANDSHAKE, 'completed', 'disconnected']).outcomes, [{ kind: 'joined' }, { kind: 'lost' }]);
  assert.equal(run([...HANDSHAKE, 'completed', 'scanning']).outcomes, [{ kind: 'joined' }, { kind: 'lost' }]);
});

test('roaming keeps the connection', () => {
  const roaming: SupplicantState[] = ['authenticating', 'associating', 'associated', '4way_handshake', 'completed'];
  const { outcomes, joining } = run([...HANDSHAKE, 'completed', ...roaming]);
  assert.equal(outcomes, [{ kind: 'joined' }]);
  assert.is(joining.isConnected, true);
});

test('states before anything was begun mean nothing', () => {
  assert.equal(run(['inactive', 'disconnected', 'scanning', 'interface_disabled', 'disconnected']).outcomes, []);
});

test.run();
