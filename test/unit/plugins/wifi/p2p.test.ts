/** Wi-Fi Direct from the air to the client: looking, connecting in both roles, requests, and ends. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DBusError } from '../../../../src/dbus/errors.ts';
import { decodeMessage, type DhcpMessage, encodeMessage } from '../../../../src/dhcp/message.ts';
import { decodeUdpPacket, encodeUdpPacket } from '../../../../src/dhcp/udp-packet.ts';
import { technologyInterface } from '../../../../src/dbus/interfaces/technology.ts';
import { variant } from '../../../../src/dbus/signature.ts';
import { ANY_IPV4 } from '../../../../src/shared/ipaddress.ts';
import { p2pBench, type P2pBench } from '../../../helpers/p2p-bench.ts';
import { withScope } from '../../../helpers/with-scope.ts';
import { ip, replyTo } from '../../dhcp/life.ts';
import { readVector } from '../../dhcp/battery.ts';

const TV = '42000000aa01';
const PAD = '42000000aa02';
const ALL_METHODS = 0x188;
const DISPLAY = 0x08;

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(() => 'success', (error: Error) => error.name.replace('net.connman.Error.', ''));

const states = ({ signals }: P2pBench): string[] =>
  signals.flatMap((line) => /^Peer \w+ State "(\w+)"/.exec(line)?.[1] ?? []);

/** Connected as a client whose owner gave the address. */
async function connected(bench: P2pBench): Promise<void> {
  bench.p2p.find(TV, { name: 'Television' });
  await bench.settled();
  await bench.peer(TV).Connect();
  await bench.settled();
  assert.is(bench.state(TV), 'ready');
}

/** On the way to it; `outcome`: the name of an error, or `success`. */
async function connectingTo(
  bench: P2pBench, outcome: P2pBench['p2p']['outcome'],
): Promise<{ readonly outcome: Promise<string> }> {
  bench.p2p.outcome = outcome;
  bench.p2p.find(TV, { name: 'Television' });
  await bench.settled();
  const connecting = codeOf(bench.peer(TV).Connect({}, { timeoutMs: Infinity }));
  await bench.settled();
  return { outcome: connecting };
}

test('the technology is there with the radio, and on when a user wants it', withScope(async (context) => {
  const bench = await p2pBench(context, { isOn: false });
  const powered = async (): Promise<unknown> => (await bench.technology.GetProperties()).get('Powered')?.value;
  assert.equal(bench.core.technologies.list.map(({ type }) => type), ['p2p', 'wifi']);
  assert.is(await powered(), false);
  assert.is(await codeOf(bench.technology.Scan()), 'PermissionDenied');
  await bench.technology.SetProperty({ name: 'Powered', value: variant('b', true) });
  assert.is(await powered(), true);
  assert.equal(bench.p2p.calls, ['Config bench 00010050f2040005', 'FlushService']);
  assert.ok(bench.files.get('settings')?.includes('[P2P]\nEnable=true'));
  const wifi = bench.core.technologies.get('wifi');
  await wifi?.setPowered(false);
  await bench.settled();
  assert.is(await powered(), false, 'not without the radio');
  assert.is(await codeOf(bench.technology.SetProperty({ name: 'Powered', value: variant('b', true) })), 'success');
  assert.is(await powered(), false);
  await wifi?.setPowered(true);
  await bench.settled();
  assert.is(await powered(), true, 'with it again');
  bench.kernel.removeLink('wlan0');
  await bench.settled();
  assert.equal(bench.core.technologies.list, []);
}));

test('a radio that cannot brings no technology', withScope(async (context) => {
  const bench = await p2pBench(context, { modes: ['infrastructure', 'ap'] });
  assert.equal(bench.core.technologies.list.map(({ type }) => type), ['wifi']);
}));

test('a scan shows peers, ends after half a minute, and serves all who wait', withScope(async (context) => {
  const bench = await p2pBench(context);
  bench.p2p.calls.length = 0;
  let answered = 0;
  const scans = [1, 2].map(() => bench.technology.Scan({}, { timeoutMs: Infinity }).then(() => answered++));
  await bench.settled();
  bench.p2p.find(TV, { name: 'Television', elements: Uint8Array.of(0, 0, 6, 1) });
  bench.p2p.find(PAD, { name: 'Pad' });
  await bench.settled();
  await context.clock.advance(100);
  const [first, second] = await bench.manager.GetPeers();
  assert.is(first?.[0], `/net/connman/peer/peer_02000000000a_${TV}`);
  const properties = [...first?.[1] ?? []].map(([name, { value }]) => [name, value instanceof Map ? 'a map' : value]);
  assert.equal(properties.slice(0, 3), [['State', 'idle'], ['Name', 'Television'], ['IPv4', 'a map']]);
  assert.equal(second?.[1].get('Services')?.value, [[new Map()]], 'one empty dictionary');
  await context.clock.advance(29_800);
  assert.is(answered, 0);
  await context.clock.advance(100);
  await Promise.all(scans);
  assert.equal(bench.p2p.calls, ['Find', 'StopFind']);
  const known = (address: string): string => `["/net/connman/peer/peer_02000000000a_${address}",{"State":"idle"`;
  const told = bench.signals.filter((line) => line.startsWith('Manager PeersChanged')).join();
  for (const address of [TV, PAD]) assert.is(told.split(known(address)).length, 2, 'each once in full');
  bench.p2p.lose(TV);
  await bench.settled();
  await context.clock.advance(100);
  assert.is(bench.signals.at(-1), `Manager PeersChanged [["/net/connman/peer/peer_02000000000a_${PAD}",{}]] `
    + `["/net/connman/peer/peer_02000000000a_${TV}"]`);
}));

test('a connection as client of its group, with the address that the owner gave', withScope(async (context) => {
  const bench = await p2pBench(context);
  await connected(bench);
  assert.equal(bench.p2p.calls.filter((call) => call.startsWith('Connect')), [`Connect ${TV} pbc go_intent=7`]);
  assert.equal(states(bench), ['association', 'configuration', 'ready']);
  assert.equal(bench.signals.filter((line) => / IPv4 | Connected /.test(line)), [
    'Technology p2p Connected true',
    `Peer peer_02000000000a_${TV} IPv4 {"Local":"192.168.49.20","Remote":"192.168.49.1"}`,
  ]);
  const group = bench.kernel.mirror.linkByName('p2p-wlan0-0');
  const addresses = bench.kernel.mirror.addressesOf(group?.ifindex ?? 0);
  assert.equal(addresses.map(({ address }) => String(address)), ['192.168.49.20']);
  assert.equal([...bench.core.interfaces.managed].map(({ link }) => link.name), ['wlan0'], 'the group is no device');
  assert.is(await codeOf(bench.peer(TV).Connect()), 'AlreadyConnected');
  bench.signals.length = 0;
  await bench.peer(TV).Disconnect();
  assert.ok(bench.p2p.calls.includes('Disconnect'));
  assert.equal(states(bench), ['disconnect', 'idle']);
  assert.ok(bench.signals.includes('Technology p2p Connected false'));
  assert.is(await codeOf(bench.peer(TV).Disconnect()), 'NotConnected');
}));

test('as client of an owner that serves DHCP', withScope(async (context) => {
  const bench = await p2pBench(context);
  const connecting = await connectingTo(bench, { kind: 'group', role: 'client' });
  await context.clock.advance(0);
  assert.is(bench.state(TV), 'configuration');
  bench.wire.reply(replyTo(bench.wire.last, 'offer', { address: ip('192.0.2.47') }));
  bench.wire.reply(replyTo(bench.wire.last, 'ack', { address: ip('192.0.2.47') }));
  assert.is(await connecting.outcome, 'success');
  assert.ok(bench.signals.includes(`Peer peer_02000000000a_${TV} IPv4 {"Local":"192.0.2.47","Remote":"192.0.2.1"}`));
  assert.equal([...bench.kernel.mirror.routes.values()].filter(({ destination }) => destination === undefined), [],
    'no way out through a peer');
}));

test('an owner that serves nobody: failed', withScope(async (context) => {
  const bench = await p2pBench(context);
  const connecting = await connectingTo(bench, { kind: 'group', role: 'client' });
  for (let second = 0; second < 60; second++) {
    await context.clock.advance(1_000);
    await bench.settled();
  }
  assert.is(await connecting.outcome, 'NotConnected');
  assert.equal(states(bench), ['association', 'configuration', 'failure', 'idle']);
}));

test('as owner: a network of its own, and the address lent to the peer', withScope(async (context) => {
  const bench = await p2pBench(context);
  bench.p2p.outcome = { kind: 'group', role: 'GO' };
  await connected(bench);
  const addresses = (): unknown => bench.signals.findLast((line) => line.includes(' IPv4 '))?.split(' IPv4 ')[1];
  assert.is(addresses(), '{"Local":"192.168.0.1","Remote":""}');
  const ask = (hardwareAddress: Uint8Array): void => {
    const discover = replyTo({ ...readDiscover(), hardwareAddress }, 'discover', { options: { 80: new Uint8Array() } });
    bench.wire.deliver(encodeUdpPacket({
      source: ANY_IPV4, destination: ip('255.255.255.255'), sourcePort: 68, destinationPort: 67,
      payload: encodeMessage({ ...discover, op: 'request', yourAddress: ANY_IPV4 }),
    }));
  };
  ask(Uint8Array.of(2, 0, 0, 0, 0xee, 0xee));
  assert.is(addresses(), '{"Local":"192.168.0.1","Remote":""}', 'of somebody else');
  ask(bench.p2p.peerInterface);
  await bench.settled();
  assert.is(addresses(), '{"Local":"192.168.0.1","Remote":"192.168.0.3"}');
  await bench.peer(TV).Disconnect();
  assert.is(bench.wire.openSockets, 0, 'the server is gone with the group');
}));

test('refused: agents are told, and may have it tried again', withScope(async (context) => {
  const bench = await p2pBench(context);
  bench.p2p.find(TV, { name: 'Television' });
  await bench.settled();
  for (const kind of ['refused', 'formationFailed', 'error'] as const) {
    bench.p2p.outcome = { kind };
    assert.is(await codeOf(bench.peer(TV).Connect()), 'NotConnected');
  }
  assert.equal(bench.agent.heard, Array(3).fill(`ReportPeerError peer_02000000000a_${TV} connect-failed`));
  assert.equal(states(bench).slice(0, 3), ['association', 'failure', 'idle']);
  bench.agent.peerVerdicts.push(new DBusError('net.connman.Agent.Error.Retry', ''));
  bench.p2p.outcome = { kind: 'refused' };
  bench.p2p.calls.length = 0;
  assert.is(await codeOf(bench.peer(TV).Connect()), 'NotConnected');
  assert.is(bench.p2p.calls.filter((call) => call.startsWith('Connect')).length, 2);
}));

test('nobody answers: given up after a hundred seconds', withScope(async (context) => {
  const bench = await p2pBench(context);
  const connecting = await connectingTo(bench, { kind: 'silent' });
  assert.is(await codeOf(bench.peer(TV).Connect()), 'InProgress');
  await context.clock.advance(99_999);
  assert.is(bench.state(TV), 'association');
  await context.clock.advance(1);
  assert.is(await connecting.outcome, 'NotConnected');
  assert.ok(bench.p2p.calls.includes('Cancel'));
}));

test('disconnected while connecting: the caller is told, the supplicant gives up', withScope(async (context) => {
  const bench = await p2pBench(context);
  const connecting = await connectingTo(bench, { kind: 'silent' });
  await bench.peer(TV).Disconnect();
  assert.is(await connecting.outcome, 'OperationAborted');
  assert.equal(states(bench), ['association', 'disconnect', 'idle']);
  assert.ok(bench.p2p.calls.includes('Cancel'));
  bench.p2p.startGroup(bench.p2p.pathOf(TV), 'client');
  await bench.settled();
  assert.is(bench.state(TV), 'idle', 'a group nobody waits for');
}));

test('a PIN is asked for where the peer can do that', withScope(async (context) => {
  const bench = await p2pBench(context);
  bench.p2p.find(TV, { name: 'Television', methods: ALL_METHODS });
  bench.p2p.find(PAD, { name: 'Pad', methods: DISPLAY });
  await bench.settled();
  const tried = async (address: string, answer: Record<string, string> | Error): Promise<string> => {
    bench.p2p.calls.length = 0;
    bench.agent.peerAnswer = answer;
    const code = await codeOf(bench.peer(address).Connect());
    if (code === 'success') await bench.peer(address).Disconnect();
    return [code, bench.p2p.calls.find((call) => call.startsWith('Connect'))?.split(' ').slice(2).join(' ')].join(' ');
  };
  assert.is(await tried(TV, { WPS: '12345670' }), 'success pin pin=12345670 go_intent=7');
  assert.is(await tried(TV, { WPS: '' }), 'success pbc go_intent=7');
  assert.is(await tried(PAD, { WPS: '12345670' }), 'success keypad pin=12345670 go_intent=7');
  assert.is(await tried(PAD, { WPS: '' }), 'Failed ', 'it has no button');
  assert.is(await tried(TV, { WPS: '1234' }), 'Failed ');
  assert.is(await tried(TV, {}), 'Failed ');
  for (const word of ['Canceled', 'Rejected']) {
    assert.is(await tried(TV, new DBusError(`net.connman.Agent.Error.${word}`, '')), 'Failed ');
  }
  assert.equal([...new Set(bench.agent.heard)], [TV, PAD].map((each) =>
    `RequestPeerAuthorization peer_02000000000a_${each} WPS`));
  await bench.manager.UnregisterAgent({ path: '/agent' });
  assert.is(await tried(TV, {}), 'NotRegistered ');
}));

test('who disconnects while a user is asked withdraws the question', withScope(async (context) => {
  const bench = await p2pBench(context);
  bench.p2p.find(TV, { name: 'Television', methods: ALL_METHODS });
  await bench.settled();
  bench.agent.peerAnswer = new Promise(() => undefined);
  const connecting = codeOf(bench.peer(TV).Connect());
  await bench.settled();
  await bench.peer(TV).Disconnect();
  assert.is(await connecting, 'OperationAborted');
  await bench.settled();
  assert.is(bench.agent.heard.at(-1), 'Cancel');
  assert.equal(states(bench), []);
}));

test('a peer that asks is connected when a user agrees', withScope(async (context) => {
  const bench = await p2pBench(context);
  bench.p2p.find(TV, { name: 'Television', methods: ALL_METHODS });
  await bench.settled();
  bench.p2p.ask(TV, 4);
  await bench.settled();
  assert.equal(bench.agent.heard, [`RequestPeerAuthorization peer_02000000000a_${TV}`], 'nothing to type');
  assert.is(bench.state(TV), 'ready');
  assert.equal(bench.p2p.calls.at(-1), `Connect ${TV} pbc go_intent=7`);
}));

test('a peer that asks with a PIN: typed where it shows one, told where it types', withScope(async (context) => {
  const bench = await p2pBench(context);
  bench.p2p.find(TV, { name: 'Television' });
  await bench.settled();
  for (const [passwordId, method] of [[5, 'keypad'], [1, 'pin']] as const) {
    bench.agent.peerAnswer = { WPS: '12345670' };
    bench.p2p.ask(TV, passwordId);
    await bench.settled();
    assert.is(bench.agent.heard.at(-1), `RequestPeerAuthorization peer_02000000000a_${TV} WPS`);
    assert.is(bench.p2p.calls.at(-1), `Connect ${TV} ${method} pin=12345670 go_intent=7`);
    await bench.peer(TV).Disconnect();
  }
}));

test('a peer that asks is not connected against the will of the user', withScope(async (context) => {
  const bench = await p2pBench(context);
  bench.p2p.find(TV, { name: 'Television' });
  await bench.settled();
  bench.agent.peerAnswer = new DBusError('net.connman.Agent.Error.Rejected', '');
  bench.p2p.ask(TV, 4);
  await bench.settled();
  bench.agent.peerAnswer = {};
  bench.p2p.outcome = { kind: 'refused' };
  bench.p2p.ask(TV, 4);
  await bench.settled();
  assert.equal(states(bench), ['association', 'idle'], 'one that had asked and then does not want to');
  await bench.manager.UnregisterAgent({ path: '/agent' });
  bench.p2p.ask(TV, 4);
  await bench.settled();
  assert.is(bench.state(TV), 'idle', 'nobody to ask');
  assert.is(bench.p2p.calls.filter((call) => call.startsWith('Connect')).length, 1);
}));

test('a peer that was not found before it asks is read first', withScope(async (context) => {
  const bench = await p2pBench(context);
  bench.p2p.hide(PAD, { name: 'Pad' });
  bench.p2p.ask(PAD, 4);
  await bench.settled();
  assert.is(bench.state(PAD), 'ready');
  bench.p2p.ask('000000000000', 4);
  await bench.settled();
}));

test('a group that exists is joined, by invitation too', withScope(async (context) => {
  const bench = await p2pBench(context);
  bench.p2p.find(TV, { name: 'Television', isGroupOwner: true });
  await bench.settled();
  await bench.peer(TV).Connect();
  assert.is(bench.p2p.calls.at(-1), `Connect ${TV} pbc join=true`);
  await bench.peer(TV).Disconnect();
  bench.p2p.find(PAD, { name: 'Pad' });
  await bench.settled();
  bench.supplicant.calls.length = 0;
  bench.p2p.invite(PAD);
  await bench.settled();
  assert.equal(bench.agent.heard, [`RequestPeerAuthorization peer_02000000000a_${PAD}`]);
  const looks = bench.supplicant.calls.filter((call) => call.startsWith('Scan'));
  assert.equal(looks, ['Scan active 2437', 'Scan active 2437'], 'a group of the past is forgotten');
  assert.is(bench.p2p.calls.at(-1), `Connect ${PAD} pbc join=true frequency=2437`, 'where it is now');
  await bench.peer(PAD).Disconnect();
  bench.p2p.invite(PAD, { frequencyMhz: 0 });
  await bench.settled();
  assert.is(bench.p2p.calls.at(-1), `Connect ${PAD} pbc join=true`);
  await bench.peer(PAD).Disconnect();
  bench.agent.peerAnswer = new DBusError('net.connman.Agent.Error.Rejected', 'no');
  bench.p2p.invite(PAD);
  await bench.settled();
  await bench.peer(PAD).Connect();
  assert.is(bench.p2p.calls.at(-1), `Connect ${PAD} pbc go_intent=7`, 'what was refused is forgotten');
  await bench.peer(PAD).Disconnect();
  bench.p2p.invite(PAD, { persistentId: 3 });
  await bench.settled();
  assert.is(bench.state(PAD), 'idle', 'a group that is remembered is not our business');
}));

test('before a group is joined: after what the radio does already, and not for long', withScope(async (context) => {
  const bench = await p2pBench(context);
  const { supplicant, p2p } = bench;
  const looks = (): number => supplicant.calls.filter((call) => call === 'Scan active 2437').length;
  const joins = (): number => p2p.calls.filter((call) => call.endsWith('frequency=2437')).length;
  p2p.find(PAD, { name: 'Pad' });
  supplicant.isScanningFast = false;
  const technology = bench.client.proxy(technologyInterface, 'net.connman', '/net/connman/technology/wifi');
  const heard = technology.Scan({}, { timeoutMs: 60_000 });
  await bench.settled();
  p2p.invite(PAD);
  await bench.settled();
  assert.equal([looks(), joins()], [0, 0]);
  supplicant.finishScan();
  await heard;
  await bench.settled();
  assert.equal([looks(), joins()], [1, 0]);
  supplicant.finishScan();
  await bench.settled();
  assert.equal([looks(), joins()], [2, 0]);
  supplicant.finishScan();
  await bench.settled();
  assert.equal([looks(), joins()], [2, 1]);
  await bench.peer(PAD).Disconnect();
  p2p.invite(PAD);
  await bench.settled();
  await context.clock.advance(4_000);
  await bench.settled();
  assert.equal([looks(), joins()], [3, 2], 'one that does not end is not waited for');
  supplicant.finishScan();
  await bench.settled();
  assert.is(looks(), 3, 'nor gone on with');
}));

test('a second peer takes the place of the first', withScope(async (context) => {
  const bench = await p2pBench(context);
  await connected(bench);
  bench.p2p.find(PAD, { name: 'Pad' });
  await bench.settled();
  await bench.peer(PAD).Connect();
  assert.equal([bench.state(TV), bench.state(PAD)], ['idle', 'ready']);
}));

test('ends that others make: the group goes, the peer leaves ours, an address is lost', withScope(async (context) => {
  const bench = await p2pBench(context);
  await connected(bench);
  bench.p2p.finishGroup();
  await bench.settled();
  assert.is(bench.state(TV), 'idle');
  bench.p2p.outcome = { kind: 'group', role: 'GO' };
  await bench.peer(TV).Connect();
  bench.p2p.leaveGroup();
  await bench.settled();
  assert.is(bench.state(TV), 'idle');
  assert.is(bench.p2p.calls.at(-1), 'Disconnect', 'an empty group is not kept');
  assert.is(bench.core.technologies.get('p2p')?.isConnected, false);
}));

test('a device out of reach stays while it is in a group', withScope(async (context) => {
  const bench = await p2pBench(context);
  await connected(bench);
  bench.p2p.lose(TV);
  await bench.settled();
  assert.is(bench.state(TV), 'ready');
  bench.p2p.finishGroup();
  await bench.settled();
  assert.is(bench.state(TV), 'gone');
}));

test('turned off, without its radio, without its supplicant while connected', withScope(async (context) => {
  const bench = await p2pBench(context);
  await connected(bench);
  bench.signals.length = 0;
  await bench.technology.SetProperty({ name: 'Powered', value: variant('b', false) });
  await bench.settled();
  assert.equal([bench.state(TV), states(bench)], ['gone', ['disconnect', 'idle']]);
  assert.ok(bench.p2p.calls.includes('Disconnect'));
  await bench.technology.SetProperty({ name: 'Powered', value: variant('b', true) });
  await connected(bench);
  await bench.core.technologies.get('wifi')?.setPowered(false);
  await bench.settled();
  assert.is(bench.state(TV), 'gone');
  await bench.core.technologies.get('wifi')?.setPowered(true);
  await bench.settled();
  await connected(bench);
  await bench.supplicant.stop();
  await bench.settled();
  assert.equal([bench.state(TV), bench.core.technologies.list.length], ['gone', 0]);
  await bench.restartSupplicant();
  await bench.settled();
  await connected(bench);
}));

test('one lost while a connection is made fails in the usual way, and goes then', withScope(async (context) => {
  const bench = await p2pBench(context);
  const connecting = await connectingTo(bench, { kind: 'silent' });
  bench.p2p.lose(TV);
  await bench.settled();
  assert.is(bench.state(TV), 'association');
  await context.clock.advance(100_000);
  assert.is(await connecting.outcome, 'NotConnected');
  assert.equal(bench.agent.heard, [`ReportPeerError peer_02000000000a_${TV} connect-failed`]);
  assert.is(bench.state(TV), 'gone');
}));

test('a connection ends the look for peers, whose end does not end the connection', withScope(async (context) => {
  const bench = await p2pBench(context);
  const scanning = bench.technology.Scan({}, { timeoutMs: Infinity });
  await bench.settled();
  await connected(bench);
  await scanning;
  assert.not.ok(bench.p2p.calls.includes('StopFind'));
}));

test('no look for networks takes the radio away from peers', withScope(async (context) => {
  const bench = await p2pBench(context);
  const scans = (): number => bench.supplicant.calls.filter((call) => call.startsWith('Scan')).length;
  await connected(bench);
  const before = scans();
  await context.clock.advance(600_000);
  assert.is(scans(), before);
  await bench.peer(TV).Disconnect();
  await context.clock.advance(10_000);
  await bench.settled();
  assert.ok(scans() > before, 'and afterwards it goes on');
}));

test('a peer that goes for good fails who waits for it', withScope(async (context) => {
  const bench = await p2pBench(context);
  const connecting = await connectingTo(bench, { kind: 'silent' });
  await bench.core.technologies.get('wifi')?.setPowered(false);
  assert.is(await connecting.outcome, 'Failed');
}));

/** A client's question, as the wire had it. */
function readDiscover(): DhcpMessage {
  return decodeMessage(decodeUdpPacket(readVector('dhcp-discover'), true).payload);
}

test.run();
