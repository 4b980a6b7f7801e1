/** What of nl80211's messages matters: access points that were heard, and how joining ends. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Genl } from '../../../src/netlink/genl/genl.ts';
import { listHeard, mlmeEvent, type MlmeEvent, observeMlme } from '../../../src/netlink/genl/nl80211-air.ts';
import { withScope } from '../../helpers/with-scope.ts';

/** linux/nl80211.h, enum nl80211_commands. */
const [GET_SCAN, AUTHENTICATE, ASSOCIATE, DEAUTHENTICATE, DISCONNECT] = [32, 37, 38, 39, 48];

/** IEEE 802.11-2020, 9.3.3.11: a header of 24 bytes, algorithm, sequence, status. */
const authentication = (...words: readonly number[]): Uint8Array =>
  Uint8Array.from([...Buffer.alloc(24, 0xb0), ...words.flatMap((word) => [word & 0xff, word >> 8])]);

/** A kernel that answers every request with `messages`, and notes it. */
function kernel(messages: readonly unknown[], requests: unknown[] = []): Genl {
  return {
    family: () => Promise.resolve({ id: 30, groups: new Map([['mlme', 7]]) }),
    // Messages are of the family's shape, which a test is free to break.
    request: (_, request) => {
      requests.push(request);
      return Promise.resolve(messages as never);
    },
    observe: (_, group, __, observer) => {
      requests.push(group);
      for (const message of messages) observer.onMessage(message as never);
      return Promise.resolve();
    },
  };
}

test('access points as heard; one without an address or a frequency is none', async () => {
  const bssid = Uint8Array.of(2, 0, 0, 0, 0, 1);
  const elements = Uint8Array.of(0, 1, 65);
  const requests: unknown[] = [];
  const heard = await listHeard(kernel([
    { command: 34, attributes: { bss: { bssid, frequencyMhz: 2412, elements, signalMbm: -3050 } } },
    { command: 34, attributes: { bss: { bssid, frequencyMhz: 5180, beaconElements: elements } } },
    { command: 34, attributes: { bss: { bssid } } },
    { command: 34, attributes: {} },
  ], requests), 3);
  assert.equal(requests, [{ command: GET_SCAN, attributes: { ifindex: 3 }, isDump: true }]);
  assert.equal(heard, [
    { bssid, frequencyMhz: 2412, signalDbm: -30.5, elements },
    { bssid, frequencyMhz: 5180, signalDbm: undefined, elements },
  ]);
});

test('how an authentication was answered', () => {
  const frame = authentication(3, 2, 0x010f);
  const said = { kind: 'authentication', algorithm: 3, sequence: 2, status: 0x10f };
  assert.equal(mlmeEvent(AUTHENTICATE, { frame }), said);
  for (let length = 0; length < frame.length; length++) {
    assert.is(mlmeEvent(AUTHENTICATE, { frame: frame.subarray(0, length) }), undefined);
  }
});

test('silence and disconnections; other commands are of no interest', () => {
  assert.equal(mlmeEvent(AUTHENTICATE, { isTimedOut: true }), { kind: 'silence' });
  assert.equal(mlmeEvent(ASSOCIATE, { isTimedOut: true }), { kind: 'silence' });
  assert.is(mlmeEvent(ASSOCIATE, {}), undefined);
  assert.equal(mlmeEvent(DISCONNECT, { reason: 15, isByAccessPoint: true }), {
    kind: 'disconnection', reason: 15, isByAccessPoint: true,
  });
  assert.equal(mlmeEvent(DISCONNECT, {}), { kind: 'disconnection', reason: 0, isByAccessPoint: false });
  assert.is(mlmeEvent(DEAUTHENTICATE, {}), undefined);
});

test('events are told with their interface', withScope(async ({ scope }) => {
  const told: [number, MlmeEvent][] = [];
  const groups: unknown[] = [];
  await observeMlme(kernel([
    { command: DISCONNECT, attributes: { ifindex: 3, reason: 3 } },
    { command: DISCONNECT, attributes: { reason: 3 } },
    { command: DEAUTHENTICATE, attributes: { ifindex: 3 } },
  ], groups), scope, (ifindex, event) => told.push([ifindex, event]));
  assert.equal(groups, ['mlme']);
  assert.equal(told, [[3, { kind: 'disconnection', reason: 3, isByAccessPoint: false }]]);
}));

test.run();
