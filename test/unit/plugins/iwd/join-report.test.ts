/** Why a join failed, by what iwd says and what the kernel told: sequences as seen in the guest. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { judge } from '../../../../plugins/iwd/join-report.ts';
import type { MlmeEvent } from '../../../../src/netlink/genl/nl80211-air.ts';

const FAILED = 'net.connman.iwd.Failed';
const auth = (sequence: number, status: number, algorithm = 3): MlmeEvent =>
  ({ kind: 'authentication', algorithm, sequence, status });
const away = (reason: number, isByAccessPoint = true): MlmeEvent =>
  ({ kind: 'disconnection', reason, isByAccessPoint });

const CASES: readonly (readonly [name: string, events: readonly MlmeEvent[], outcome: string])[] = [
  ['the access point ends the handshake', [auth(2, 0, 0), away(15)], 'invalid-key'],
  ['it refuses what SAE confirms, after one group too many', [auth(1, 77), auth(1, 0), auth(2, 1)], 'invalid-key'],
  ['802.1X fails', [auth(2, 0, 0), away(23, false)], 'invalid-key'],
  ['it does not know us', [auth(2, 0, 0), away(6)], 'blocked'],
  ['it is full', [auth(2, 17, 0)], 'connect-failed'],
  ['it is silent', [{ kind: 'silence' }], 'connect-failed'],
  ['we gave up ourselves', [auth(2, 0, 0), away(15, false)], 'connect-failed'],
  ['nothing was heard', [], 'connect-failed'],
];

for (const [name, events, outcome] of CASES) {
  test(name, () => assert.is(judge({ errorName: FAILED, events, isUnproven: true }), outcome));
}

test('iwd says itself that it cannot be one', () => {
  assert.is(judge({ errorName: 'net.connman.iwd.InvalidFormat', events: [], isUnproven: false }), 'invalid-key');
});

test('another word of iwd is no word about the key', () => {
  for (const word of ['Aborted', 'NotSupported', 'NotConfigured', 'Timeout']) {
    assert.is(judge({ errorName: `net.connman.iwd.${word}`, events: [away(15)], isUnproven: true }), 'connect-failed');
  }
});

test('without the kernel a key that never worked is to blame', () => {
  assert.is(judge({ errorName: FAILED, events: undefined, isUnproven: true }), 'invalid-key');
  assert.is(judge({ errorName: FAILED, events: undefined, isUnproven: false }), 'connect-failed');
});

test.run();
