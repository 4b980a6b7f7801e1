/** What a captive portal's API says (RFC 8908), and how long it counts. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { isPortalApi, parseCaptiveState } from '../../../src/online-check/captive-portal.ts';
import { begin, nextTickAt, settle, tick, type MachineOptions } from '../../../src/online-check/machine.ts';

const OPTIONS: MachineOptions = {
  mode: 'one-shot',
  initialInterval: 1,
  maxInterval: 12,
  intervalStyle: 'geometric',
  failuresThreshold: 6,
  successesThreshold: 6,
};

function said(body: string, type = 'application/captive+json', status = 200) {
  return parseCaptiveState({ status, headers: { 'content-type': type }, body: Buffer.from(body) });
}

test('the example of RFC 8908, 4.3', () => {
  assert.equal(said(`{ "captive": true, "user-portal-url": "https://example.org/portal.html" }`), {
    isCaptive: true,
    portalUrl: 'https://example.org/portal.html',
    remainingMs: undefined,
  });
});

test('and 5, with time left', () => {
  const body = `{ "captive": false, "user-portal-url": "https://example.org/portal.html",
    "venue-info-url": "https://flight.example.com/entertainment", "seconds-remaining": 326,
    "can-extend-session": true }`;
  assert.is(said(body, 'Application/Captive+JSON; charset=utf-8')?.remainingMs, 326_000);
  assert.is(said(body)?.isCaptive, false);
  assert.is(said('{"captive":false,"seconds-remaining":1e99}')?.remainingMs, 30 * 24 * 3600 * 1000);
});

test('what is none of it says nothing', () => {
  for (const body of ['', '[]', 'null', '{}', '{"captive":"true"}', '{"captive":1}', '{"captive":true', '<html>']) {
    assert.is(said(body), undefined, body);
  }
  assert.is(said('{"captive":true}', 'text/html'), undefined);
  assert.is(said('{"captive":true}', 'application/captive+json', 404), undefined);
  assert.is(said('{"captive":true,"user-portal-url":"javascript:1"}')?.portalUrl, undefined);
  assert.is(said('{"captive":true,"seconds-remaining":-1}')?.remainingMs, undefined);
  fc.assert(
    fc.property(fc.oneof(fc.json(), fc.string()), (body) => void said(body)),
    { numRuns: 2000 },
  );
});

test('only https is asked', () => {
  assert.is(isPortalApi('https://example.org/api'), true);
  const others = [undefined, '', 'http://example.org/', 'urn:ietf:params:capport:unrestricted', 'nonsense'];
  for (const other of others) assert.is(isPortalApi(other), false);
});

test('an online link is asked again when its time is over, and not before', () => {
  const online = settle(begin(OPTIONS), { kind: 'online', forMs: 326_000 }, OPTIONS, 1000);
  assert.is(online.standing, 'online');
  assert.is(nextTickAt(online), 327_000);
  assert.is(tick(online, 326_999).name, 'waiting');
  assert.is(tick(online, 327_000).name, 'checking');
  assert.is(nextTickAt(settle(begin(OPTIONS), { kind: 'online', forMs: 0 }, OPTIONS, 0)), 5000);
  assert.is(nextTickAt(settle(begin(OPTIONS), { kind: 'online' }, OPTIONS, 0)), undefined);
  const continuous: MachineOptions = { ...OPTIONS, mode: 'continuous' };
  assert.is(nextTickAt(settle(begin(continuous), { kind: 'online', forMs: 20_000 }, continuous, 0)), 20_000);
  assert.is(nextTickAt(settle(begin(continuous), { kind: 'online', forMs: 9e9 }, continuous, 0)), 144_000);
});

test.run();
