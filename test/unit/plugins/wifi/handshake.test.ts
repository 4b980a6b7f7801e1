/** Handshakes that do not end: an access point that has forgotten who is joined, or whose keys are others (OWE). */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { variant } from '../../../../src/dbus/signature.ts';
import { groupOf, storedNetwork, type WifiBench, wifiBench, wifiIdentifier } from '../../../helpers/wifi-bench.ts';
import { withScope } from '../../../helpers/with-scope.ts';

const HOME = groupOf('home', 'psk');
const HOME_AP = { ssid: 'home', keyManagements: ['wpa-psk'], secret: 'rigsecret', frequencyMhz: 2437 };
const KNOWN_HOME = storedNetwork(HOME, [
  'Favorite=true', 'AutoConnect=true', 'Passphrase=rigsecret', 'SSID=686f6d65', 'Frequency=2437',
]);

function statesOf({ signals }: WifiBench): string[] {
  const start = `Service ${wifiIdentifier(HOME)} State `;
  return signals.filter((line) => line.startsWith(start)).map((line) => line.slice(start.length + 1, -1));
}

test('a handshake that begins again and does not end: joined anew', withScope(async (context) => {
  const bench = await wifiBench(context, { ap: HOME_AP }, { files: KNOWN_HOME });
  const { supplicant } = bench;
  await bench.settled();
  const enter = async (state: string): Promise<void> => {
    supplicant.say('link', new Map([['State', variant('s', state)]]), '');
    await bench.settled();
  };
  supplicant.calls.length = 0;
  bench.signals.length = 0;
  await enter('4way_handshake');
  await context.clock.advance(9_000);
  await enter('completed');
  await context.clock.advance(60_000);
  assert.equal(supplicant.calls, [], 'new keys are nothing unusual');
  await enter('4way_handshake');
  await context.clock.advance(10_000);
  await bench.settled();
  const renewal = ['Disconnect', 'Scan active home 2437', 'SelectNetwork'];
  assert.equal([supplicant.calls, statesOf(bench)], [renewal, []]);
  await context.clock.advance(60_000);
  await bench.settled();
  assert.equal([supplicant.calls, bench.state(HOME)], [renewal, ['ready', undefined]]);
  supplicant.air.set('ap', { ...HOME_AP, refusal: 'deaf' });
  await enter('4way_handshake');
  await context.clock.advance(10_000);
  await bench.settled();
  await context.clock.advance(20_000);
  await bench.settled();
  assert.equal(statesOf(bench), ['disconnect', 'idle', 'association'], 'in vain: as any that is lost');
}));

test('who has no key has no wrong one', withScope(async (context) => {
  const bench = await wifiBench(context, { ap: { ...HOME_AP, keyManagements: ['owe'] } });
  const open = groupOf('home', 'none');
  await bench.service(open).Connect().catch(() => undefined);
  assert.equal(bench.state(open), ['idle', 'connect-failed']);
}));

test.run();
