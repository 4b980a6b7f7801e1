/** Access points that say anything: names of any bytes, values of any type, more of them than fit. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { AccessPoints } from '../../../../plugins/wifi/access-points.ts';
import { parseBss } from '../../../../plugins/wifi/bss.ts';
import { Variant, variant } from '../../../../src/dbus/signature.ts';
import { groupOf, storedNetwork, wifiBench, wifiIdentifier } from '../../../helpers/wifi-bench.ts';
import { withScope } from '../../../helpers/with-scope.ts';

const KEYS = ['SSID', 'BSSID', 'Mode', 'Frequency', 'Signal', 'Privacy', 'RSN', 'WPA', 'IEs', '__proto__'];
const bytes = fc.uint8Array({ maxLength: 64 });
const value = fc.oneof(
  bytes.map((each) => variant('ay', each)),
  fc.string().map((each) => variant('s', each)),
  fc.integer({ min: -32768, max: 32767 }).map((each) => variant('n', each)),
  fc.integer({ min: 0, max: 65535 }).map((each) => variant('q', each)),
  fc.boolean().map((each) => variant('b', each)),
  fc.array(fc.string()).map((each) => variant('a{sv}', new Map([['KeyMgmt', variant('as', each)]]))),
  fc.string().map((each) => variant('a{sv}', new Map([['KeyMgmt', variant('s', each)]]))),
  fc.constant(new Variant('ao', [])),
);
const properties = fc.array(fc.tuple(fc.constantFrom(...KEYS), value)).map((entries) => new Map(entries));

test('any properties are an access point or none', () => {
  fc.assert(fc.property(properties, (given) => {
    const bss = parseBss('/1', given);
    if (bss !== undefined) assert.match(bss.group, /^([0-9a-f]{2,64}|hidden)_managed_(none|wep|psk|ieee8021x)$/);
  }));
});

test('groups and members stay in step whatever comes and goes', () => {
  const steps = fc.array(fc.tuple(fc.nat({ max: 5 }), fc.option(properties)));
  fc.assert(fc.property(steps, (given) => {
    const points = new AccessPoints();
    const there = new Set<string>();
    for (const [index, each] of given) {
      const path = `/${index}`;
      for (const { appeared, vanished } of points.update(path, each === null ? undefined : parseBss(path, each))) {
        if (appeared !== undefined) assert.not.ok(there.has(appeared) || !there.add(appeared));
        if (vanished !== undefined) assert.ok(there.delete(vanished));
      }
      assert.equal([...points.groups.keys()].toSorted(), [...there].toSorted());
    }
  }));
});

test('odd names are services like others', withScope(async (context) => {
  const names = [
    Uint8Array.of(0xff, 0xfe, 0x80), Buffer.from('__proto__'), Buffer.from('a\0b'), Buffer.from('\u202enur'),
    new Uint8Array(32).fill(0x41), Buffer.from('../../etc'), Buffer.from('constructor'),
  ];
  const air = Object.fromEntries(names.map((ssid, index) => [`ap${index}`, { ssid }]));
  const bench = await wifiBench(context, air);
  for (const ssid of names) {
    assert.equal(bench.state(groupOf(ssid, 'none')), ['idle', undefined], Buffer.from(ssid).toString('hex'));
  }
  const [first] = names;
  const odd = bench.core.services.get(wifiIdentifier(groupOf(first ?? '', 'none')));
  assert.is(odd?.name, '\ufffd\ufffd\ufffd');
}));

const LINK_KEYS = [
  'State', 'Scanning', 'CurrentBSS', 'BSSs', 'DisconnectReason', 'AssocStatusCode', 'AuthStatusCode', 'Capabilities',
];
const STATES = ['completed', 'disconnected', 'scanning', '4way_handshake', 'associating', 'inactive', '', '__proto__'];
const linkValue = fc.oneof(
  value, fc.constantFrom(...STATES).map((each) => variant('s', each)),
  fc.integer({ min: -200, max: 200 }).map((each) => variant('i', each)),
  fc.constantFrom('/', '/a', '/fi/w1/wpa_supplicant1/Interfaces/0/BSSs/9').map((each) => variant('o', each)),
);
const saying = fc.oneof(
  fc.tuple(fc.constant('link' as const), fc.array(fc.tuple(fc.constantFrom(...LINK_KEYS), linkValue))),
  fc.tuple(fc.constantFrom('bss' as const, 'bssGone' as const, 'scan' as const),
    fc.array(fc.tuple(fc.constantFrom(...KEYS), value))),
);

test('whatever a supplicant says, in whatever order: the next network is joined as ever', withScope(async (context) => {
  const home = groupOf('home', 'none');
  const bench = await wifiBench(context, { ap: { ssid: 'home' } }, { files: storedNetwork(home) });
  const connect = async (): Promise<void> => {
    await bench.service(home).Disconnect().catch(() => undefined);
    await bench.service(home).Connect();
  };
  const { supplicant } = bench;
  await fc.assert(fc.asyncProperty(fc.array(fc.tuple(saying, fc.nat({ max: 4 })), { maxLength: 30 }), async (said) => {
    for (const [[what, entries], index] of said) {
      supplicant.say(what, new Map(entries), `/fi/w1/wpa_supplicant1/Interfaces/0/BSSs/x${index}`);
      supplicant.tellEap('completion', 'failure');
    }
    await bench.settled();
  }), { numRuns: 60 });
  await supplicant.stop();
  await bench.settled();
  await bench.restartSupplicant();
  await bench.settled();
  await context.clock.advance(3_000);
  await bench.settled();
  await connect();
  assert.is(bench.state(home)[0], 'ready');
}));

test('fifty networks in the air, half of them twice', withScope(async (context) => {
  const air = Object.fromEntries(Array.from({ length: 75 }, (_, index) => [
    `ap${index}`, { ssid: `net ${index % 50}`, signalDbm: -30 - index },
  ]));
  const bench = await wifiBench(context, air);
  const { list } = bench.core.services;
  assert.is(list.length, 50);
  assert.is(list[0]?.name, 'net 0');
}));

test.run();
