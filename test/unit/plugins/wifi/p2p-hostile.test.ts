/** Wi-Fi Direct devices made up by strangers, and a supplicant that says what none would. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parsePeer } from '../../../../plugins/wifi/p2p/found-peer.ts';
import { variant, type Variant } from '../../../../src/dbus/signature.ts';
import { p2pBench } from '../../../helpers/p2p-bench.ts';
import { withScope } from '../../../helpers/with-scope.ts';

const TV = '42000000aa01';
const address = (text: string): Variant => variant('ay', Buffer.from(text, 'hex'));

/** Values of every type that could stand where another one is meant. */
const anything: fc.Arbitrary<Variant> = fc.oneof(
  fc.string({ unit: 'binary' }).map((text) => variant('s', text)),
  fc.uint8Array({ maxLength: 3000 }).map((bytes) => variant('ay', bytes)),
  fc.integer({ min: 0, max: 65535 }).map((number) => variant('q', number)),
  fc.integer({ min: 0, max: 255 }).map((number) => variant('y', number)),
  fc.constantFrom(variant('b', true), variant('o', '/'), variant('as', ['x']), variant('a{sv}', new Map())),
);
const KEYS = ['DeviceName', 'DeviceAddress', 'config_method', 'groupcapability', 'IEs'] as const;

test('properties of any types and lengths give a peer within bounds, or none', () => {
  const entries = fc.array(fc.tuple(fc.constantFrom<string>(...KEYS, '__proto__'), anything), { maxLength: 8 });
  fc.assert(fc.property(entries, (pairs) => {
    const peer = parsePeer(new Map(pairs));
    if (peer === undefined) return;
    assert.match(peer.ident, /^[A-Za-z0-9]{1,256}$/);
    assert.ok([...peer.name].length <= 32 && peer.displayElements.length <= 1024);
  }), { verbose: 1 });
});

test('names of all kinds make peers that the bus can carry', withScope(async (context) => {
  const bench = await p2pBench(context);
  const names = [
    '', '__proto__', 'constructor', '\u0001\u0002', 'ä€😀', '%s%n%d', '../../etc', 'x'.repeat(4000), '<b>', ' ',
  ];
  names.forEach((name, index) => {
    const id = `4200000000${(index + 16).toString(16)}`;
    bench.p2p.findRaw(id, { DeviceName: variant('s', name), DeviceAddress: address(id) });
  });
  await bench.settled();
  const shown = (await bench.manager.GetPeers()).map(([, properties]) => properties.get('Name')?.value);
  assert.equal(shown, names.map((name) => name.slice(0, 32)));
}));

test('devices without an address are told apart by their names', withScope(async (context) => {
  const bench = await p2pBench(context);
  for (const [index, name] of ['Pad', 'a b', '', 'ä', '__proto__'].entries()) {
    bench.p2p.findRaw(`x${index}`, { DeviceName: variant('s', name), DeviceAddress: address('000000000000') });
  }
  await bench.settled();
  const idents = (await bench.manager.GetPeers()).map(([path]) => path.split('_').at(-1));
  assert.equal(idents, ['Pad', '612062', 'unknown', 'c3a4', '5f5f70726f746f5f5f']);
}));

test('duplicates, wrong types, and devices without end', withScope(async (context) => {
  const bench = await p2pBench(context);
  bench.p2p.find(TV, { name: 'Television' });
  bench.p2p.find(TV, { name: 'Another' });
  bench.p2p.findRaw('same', { DeviceName: variant('s', 'Twin'), DeviceAddress: address(TV) });
  bench.p2p.findRaw('none', { DeviceName: variant('u', 5) });
  bench.p2p.findRaw('short', { DeviceAddress: address(TV) });
  bench.p2p.lose('nobody');
  bench.p2p.change(TV, { IEs: variant('ay', new Uint8Array(5000)), DeviceAddress: variant('s', 'x') });
  bench.p2p.change('nobody', { DeviceName: variant('s', 'x') });
  await bench.settled();
  assert.equal([...bench.core.peers.list].map(({ name }) => name), ['Television']);
  for (let index = 0; index < 250; index++) {
    bench.p2p.find((0x4200_0000_0000 + index).toString(16), { name: `Device ${index}` });
  }
  await bench.settled();
  assert.is([...bench.core.peers.list].length, 200);
  bench.p2p.find(TV, { name: 'Television', elements: Uint8Array.of(0, 0, 6) });
  await bench.settled();
  assert.ok(bench.signals.some((line) => line.startsWith(`Peer peer_02000000000a_${TV} Services [[{"WiFiDisplayIEs"`)));
}));

test('groups that nobody asked for, half told, or with nonsense for addresses', withScope(async (context) => {
  const bench = await p2pBench(context);
  bench.p2p.find(TV, { name: 'Television' });
  await bench.settled();
  bench.p2p.startGroup(bench.p2p.pathOf(TV), 'client', ['10.0.0.2', '10.0.0.1']);
  bench.p2p.finishGroup();
  await bench.settled();
  assert.is(bench.state(TV), 'idle');
  for (const own of ['0.0.0.0', '127.0.0.1', '255.255.255.255', '224.0.0.1']) {
    bench.p2p.outcome = { kind: 'group', role: 'client', given: [own, '10.0.0.1'] };
    const connecting = bench.peer(TV).Connect().catch(() => undefined);
    await bench.settled();
    assert.is(bench.state(TV), 'configuration', `${own}: asked by DHCP instead`);
    await bench.peer(TV).Disconnect();
    await connecting;
  }
}));

test('a peer that asks again and again is asked about once at a time', withScope(async (context) => {
  const bench = await p2pBench(context);
  bench.p2p.find(TV, { name: 'Television' });
  await bench.settled();
  bench.agent.peerAnswer = new Promise(() => undefined);
  for (let index = 0; index < 50; index++) bench.p2p.ask(TV, index % 7);
  for (let index = 0; index < 50; index++) bench.p2p.invite(TV);
  await bench.settled();
  assert.is(bench.agent.heard.length, 1);
}));

test.run();
