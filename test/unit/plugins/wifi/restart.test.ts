/** A daemon that stops leaves the link as it is, and the next takes it over: no packet is lost. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { groupOf, storedNetwork, wifiBench } from '../../../helpers/wifi-bench.ts';
import { withScope } from '../../../helpers/with-scope.ts';

const SECRET = 'rigsecret';
const HOME = groupOf('home', 'psk');
const WORK = groupOf('work', 'psk');
const PSK = { keyManagements: ['wpa-psk'], secret: SECRET };
const AIR = { home: { ssid: 'home', ...PSK, signalDbm: -60 }, work: { ssid: 'work', ...PSK, signalDbm: -30 } };
const favorite = (isAutoconnect: boolean) => [
  'Favorite=true', `AutoConnect=${isAutoconnect}`, `Passphrase=${SECRET}`, 'SSID=686f6d65',
];
const FILES = { ...storedNetwork(HOME, favorite(true)), ...storedNetwork(WORK, favorite(true)) };

test('the link stays when the daemon stops', withScope(async (context) => {
  const bench = await wifiBench(context, { home: AIR.home }, { files: FILES });
  await bench.settled();
  assert.is(bench.state(HOME)[0], 'ready');
  bench.supplicant.calls.length = 0;
  await bench.stopDaemon();
  assert.equal(bench.supplicant.calls, []);
}));

test('while nothing is joined the interface is given back', withScope(async (context) => {
  const bench = await wifiBench(context, { home: AIR.home });
  bench.supplicant.calls.length = 0;
  await bench.stopDaemon();
  assert.equal(bench.supplicant.calls, ['RemoveInterface']);
}));

test('what a daemon before joined is connected, before better networks, and nothing is asked', withScope(
  async (context) => {
    const bench = await wifiBench(context, AIR, { files: FILES, inherited: 'home' });
    await bench.settled();
    assert.equal(bench.state(HOME), ['ready', undefined]);
    assert.equal(bench.supplicant.calls, [], 'neither joined nor searched');
    assert.is(bench.state(WORK)[0], undefined, 'the others are not looked at yet');
    await context.clock.advance(1_500);
    await bench.settled();
    assert.equal([bench.state(HOME)[0], bench.state(WORK)[0]], ['ready', 'idle']);
    bench.supplicant.kick();
    await bench.settled();
    assert.equal(bench.supplicant.calls.filter((call) => call === 'AddNetwork').length, 1, 'the next is a new join');
    await bench.service(WORK).Connect().catch(() => undefined);
    await bench.settled();
    assert.is(bench.state(WORK)[0], 'ready');
  },
));

test('what nobody wants any more is left', withScope(async (context) => {
  const bench = await wifiBench(context, { home: AIR.home }, {
    files: storedNetwork(HOME, favorite(false)), inherited: 'home',
  });
  await bench.settled();
  assert.equal([bench.state(HOME)[0], bench.supplicant.calls], ['idle', []]);
  await context.clock.advance(1_500);
  await bench.settled();
  assert.equal(bench.supplicant.calls.slice(0, 2), ['Disconnect', 'RemoveNetwork']);
}));

test('a network that is to know us by another address is joined anew', withScope(async (context) => {
  const bench = await wifiBench(context, { home: AIR.home }, {
    files: FILES, inherited: 'home', mainConf: 'MACAddressPolicy=random\n',
  });
  await bench.settled();
  assert.is(bench.state(HOME)[0], 'ready');
  assert.ok(bench.supplicant.calls.includes('AddNetwork'));
}));

test.run();
