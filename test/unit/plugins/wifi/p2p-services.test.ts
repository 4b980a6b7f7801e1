/** What is announced to Wi-Fi Direct peers: who registers it, what the supplicant is told, and when it goes. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { variant, type Variant } from '../../../../src/dbus/signature.ts';
import { p2pBench, type P2pBench } from '../../../helpers/p2p-bench.ts';
import { withScope } from '../../../helpers/with-scope.ts';

type Specification = Readonly<Record<string, Variant>>;

const BONJOUR = {
  BonjourQuery: variant('ay', Uint8Array.of(0xaa, 0xbb)), BonjourResponse: variant('ay', Uint8Array.of(0xcc)),
};
const UPNP = { UpnpService: variant('s', 'uuid:1::upnp:rootdevice'), UpnpVersion: variant('i', 16) };
const ELEMENTS = '00000600101c440032';
const DISPLAY = { WiFiDisplayIEs: variant('ay', Buffer.from(ELEMENTS, 'hex')) };

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(() => 'success', (error: Error) => error.name.replace('net.connman.Error.', ''));
const register = ({ manager }: Pick<P2pBench, 'manager'>, specification: Specification, master = false) =>
  codeOf(manager.RegisterPeerService({ specification: new Map(Object.entries(specification)), master }));
const unregister = ({ manager }: Pick<P2pBench, 'manager'>, specification: Specification) =>
  codeOf(manager.UnregisterPeerService({ specification: new Map(Object.entries(specification)) }));

const CALLS = {
  bonjour: 'Service bonjour aabb cc', noBonjour: 'DeleteService bonjour aabb',
  upnp: 'Service upnp 16 uuid:1::upnp:rootdevice',
  listen: 'ExtendedListen 500 2000', still: 'ExtendedListen 0 0',
};

test('registered, told to the supplicant, and taken back', withScope(async (context) => {
  const bench = await p2pBench(context);
  const { calls } = bench.p2p;
  calls.length = 0;
  assert.is(await register(bench, BONJOUR), 'success');
  assert.is(await register(bench, BONJOUR), 'AlreadyExists');
  assert.is(await register(bench, UPNP), 'success');
  assert.equal(calls, [`Add${CALLS.bonjour}`, CALLS.listen, `Add${CALLS.upnp}`]);
  calls.length = 0;
  assert.is(await unregister(bench, BONJOUR), 'success');
  assert.is(await unregister(bench, BONJOUR), 'NotRegistered');
  assert.is(await unregister(bench, UPNP), 'success');
  await bench.settled();
  assert.equal(calls, [CALLS.noBonjour, `Delete${CALLS.upnp}`, CALLS.still]);
}));

test('Wi-Fi Display elements are one for the machine', withScope(async (context) => {
  const bench = await p2pBench(context);
  assert.is(await register(bench, DISPLAY), 'success');
  const other = { WiFiDisplayIEs: variant('ay', Buffer.from(`${ELEMENTS}00`, 'hex')) };
  assert.is(await register(bench, other), 'Failed');
  assert.is(await unregister(bench, DISPLAY), 'success');
  assert.is(await register(bench, other), 'success');
  const said = bench.supplicant.calls.filter((call) => call.startsWith('WFDIEs'));
  assert.equal(said, [`WFDIEs ${ELEMENTS}`, 'WFDIEs', `WFDIEs ${ELEMENTS}00`]);
}));

test('the owner goes, and what it registered with it; others cannot take it back', withScope(async (context) => {
  const bench = await p2pBench(context);
  const scope = context.scope.child();
  const manager = await bench.client2(scope);
  assert.is(await register({ manager }, BONJOUR), 'success');
  assert.is(await unregister(bench, BONJOUR), 'NotRegistered');
  assert.is(await register(bench, BONJOUR), 'AlreadyExists');
  await scope.close();
  await bench.settled();
  assert.ok(bench.p2p.calls.includes(CALLS.noBonjour));
  assert.is(await register(bench, BONJOUR), 'success');
}));

test('who offers what only an owner can wants to be the owner', withScope(async (context) => {
  const bench = await p2pBench(context);
  bench.p2p.find('42000000aa01', { name: 'Television' });
  await bench.settled();
  await register(bench, UPNP, true);
  await bench.peer('42000000aa01').Connect();
  assert.is(bench.p2p.calls.at(-1), 'Connect 42000000aa01 pbc go_intent=15');
}));

test('what is registered is told to radios and supplicants that come later', withScope(async (context) => {
  const bench = await p2pBench(context, { isOn: false });
  assert.is(await register(bench, BONJOUR), 'success', 'at once');
  assert.equal(bench.p2p.calls, []);
  await bench.technology.SetProperty({ name: 'Powered', value: variant('b', true) });
  assert.equal(bench.p2p.calls.slice(1), ['FlushService', `Add${CALLS.bonjour}`, CALLS.listen]);
  bench.p2p.calls.length = 0;
  await bench.technology.SetProperty({ name: 'Powered', value: variant('b', false) });
  await bench.settled();
  assert.equal(bench.p2p.calls, [CALLS.still, 'FlushService'], 'turned off, nobody is answered');
  await bench.technology.SetProperty({ name: 'Powered', value: variant('b', true) });
  await register(bench, DISPLAY);
  bench.p2p.calls.length = 0;
  await bench.supplicant.stop();
  const next = await bench.restartSupplicant();
  await bench.settled();
  assert.equal(bench.p2p.calls.slice(1), ['FlushService', `Add${CALLS.bonjour}`, CALLS.listen]);
  assert.ok(next.calls.includes(`WFDIEs ${ELEMENTS}`));
}));

test('specifications that are none', withScope(async (context) => {
  const bench = await p2pBench(context);
  const wrong: Specification[] = [
    {}, { Bogus: variant('s', 'x') }, { BonjourQuery: BONJOUR.BonjourQuery }, { UpnpVersion: UPNP.UpnpVersion },
    { UpnpService: UPNP.UpnpService }, { ...BONJOUR, ...UPNP }, { ...DISPLAY, ...UPNP },
    Object.fromEntries([...Object.entries(UPNP), ['__proto__', UPNP.UpnpVersion]]),
    { ...UPNP, UpnpVersion: variant('s', '16') }, { ...UPNP, UpnpVersion: variant('i', -1) },
    { ...UPNP, UpnpVersion: variant('i', 256) }, { ...UPNP, UpnpService: variant('s', '') },
    { ...UPNP, UpnpService: variant('s', 'x'.repeat(1401)) },
    { ...BONJOUR, BonjourQuery: variant('ay', new Uint8Array()) },
    { ...BONJOUR, BonjourResponse: variant('ay', new Uint8Array(1401)) },
    { ...BONJOUR, BonjourResponse: variant('s', 'x') },
    { WiFiDisplayIEs: variant('ay', new Uint8Array()) }, { WiFiDisplayIEs: variant('ay', Uint8Array.of(0, 0, 6)) },
    { WiFiDisplayIEs: variant('ay', new Uint8Array(9)) }, { WiFiDisplayIEs: variant('s', ELEMENTS) },
  ];
  for (const each of wrong) {
    assert.is(await register(bench, each), 'InvalidArguments', [...Object.keys(each)].join());
    assert.is(await unregister(bench, each), 'InvalidArguments');
  }
  assert.equal(bench.p2p.calls.filter((call) => /(?:Add|Delete)Service/.test(call)), []);
}));

test('no client fills the air', withScope(async (context) => {
  const bench = await p2pBench(context);
  const one = (index: number) => ({ ...UPNP, UpnpService: variant('s', `service ${index}`) });
  for (let index = 0; index < 256; index++) assert.is(await register(bench, one(index)), 'success');
  assert.is(await register(bench, one(256)), 'Failed');
}));

test.run();
