/**
 * What interfaces and servers may do to a wired service, quickly or for long: nothing is lost, and
 * nothing accumulates. Real objects on a kernel, a bus and a clock in memory.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { DhcpMessage, MessageType } from '../../../src/dhcp/message.ts';
import { messageType } from '../../../src/dhcp/message.ts';
import { parseIpAddress, type IpAddress } from '../../../src/shared/ipaddress.ts';
import { coreBench, type CoreBench } from '../../helpers/core-bench.ts';
import type { FakeClock } from '../../helpers/fake-clock.ts';
import { withScope } from '../../helpers/with-scope.ts';
import { FakeDhcpLink } from '../dhcp/fake-link.ts';
import { replyTo, type ReplyChanges } from '../dhcp/life.ts';

const NO_CHECK = 'OnlineCheckMode=none';
const mac = (last: number): Uint8Array => Uint8Array.of(2, 0, 0, 0, 0, last);
const serviceOf = (last: number): string => `ethernet_02000000000${last}_cable`;

const states = ({ core }: CoreBench): string[] => core.services.list.map(
  ({ identifier, state }) => `${identifier} ${state}`,
);

function stored(last: number): [string, string] {
  const identifier = serviceOf(last);
  const lines = [
    'IPv4.method=manual',
    'IPv4.netmask_prefixlen=24',
    `IPv4.local_address=192.0.2.${10 + last}`,
    'IPv4.gateway=192.0.2.1',
  ];
  return [`${identifier}/settings`, [`[${identifier}]`, 'AutoConnect=true', ...lines, ''].join('\n')];
}

const FILES = Object.fromEntries([stored(1), stored(2), stored(7)]);

async function plug(bench: CoreBench, name: string, last: number): Promise<void> {
  bench.kernel.addLink({ name, hardwareAddress: mac(last) });
  await bench.settled();
  bench.kernel.setCarrier(name, true);
  await bench.settled();
}

test(
  'a link that goes down, changes its address and comes up in one moment has its service',
  withScope(async (context) => {
    const bench = await coreBench(context, { mainConf: NO_CHECK, files: FILES });
    await plug(bench, 'eth0', 1);
    const { flags } = bench.kernel.mirror.linkByName('eth0') ?? { flags: 0 };
    bench.kernel.setCarrier('eth0', false);
    bench.kernel.changeLink('eth0', { flags: 0x1002 });
    bench.kernel.changeLink('eth0', { hardwareAddress: mac(7) });
    bench.kernel.changeLink('eth0', { flags });
    await bench.settled();
    assert.equal(states(bench), [`${serviceOf(7)} ready`]);
  }),
);

test(
  'a cable out and in within one moment has its service again',
  withScope(async (context) => {
    const bench = await coreBench(context, { mainConf: NO_CHECK, files: FILES });
    await plug(bench, 'eth0', 1);
    for (let count = 0; count < 5; count++) {
      bench.kernel.setCarrier('eth0', false);
      bench.kernel.setCarrier('eth0', true);
    }
    await bench.settled();
    assert.equal(states(bench), [`${serviceOf(1)} ready`]);
  }),
);

test(
  'a renamed link keeps its address and gets a service under its new name',
  withScope(async (context) => {
    const bench = await coreBench(context, { mainConf: NO_CHECK, files: FILES });
    await plug(bench, 'eth0', 1);
    bench.kernel.changeLink('eth0', { name: 'lan0' });
    await bench.settled();
    assert.equal(states(bench), [`${serviceOf(1)} ready`]);
    assert.is(bench.core.services.default?.network.device.interfaceName, 'lan0');
  }),
);

test(
  'of two links with one hardware address the second takes over when the first is gone',
  withScope(async (context) => {
    const bench = await coreBench(context, { mainConf: NO_CHECK, files: FILES });
    await plug(bench, 'eth0', 1);
    await plug(bench, 'eth1', 1);
    assert.equal(states(bench), [`${serviceOf(1)} ready`]);
    assert.is(bench.core.services.default?.network.device.interfaceName, 'eth0');
    bench.kernel.removeLink('eth0');
    await bench.settled();
    assert.equal(states(bench), [`${serviceOf(1)} ready`]);
    assert.is(bench.core.services.default?.network.device.interfaceName, 'eth1');
    await plug(bench, 'eth2', 1);
    bench.kernel.removeLink('eth2');
    bench.kernel.removeLink('eth1');
    await bench.settled();
    assert.equal(states(bench), []);
  }),
);

test(
  'a link that goes while it is being configured takes everything along',
  withScope(async (context) => {
    const bench = await coreBench(context, { mainConf: NO_CHECK, files: FILES });
    const idle = context.clock.pending().length;
    for (let count = 0; count < 20; count++) {
      bench.kernel.addLink({ name: 'eth0', hardwareAddress: mac(1), isUp: true, hasCarrier: true });
      for (let turn = 0; turn < count; turn++) await Promise.resolve();
      bench.kernel.removeLink('eth0');
    }
    await bench.settled();
    await context.clock.advance(1000);
    assert.equal(states(bench), []);
    assert.is(context.clock.pending().length, idle);
  }),
);

test(
  'a thousand renewals leave timers, sockets and signals as they were',
  withScope(async (context) => {
    const { bench, server } = await benchWithServer(context);
    await plug(bench, 'eth0', 1);
    await server.serve(4);
    await context.clock.advance(1000);
    assert.equal(states(bench), [`${serviceOf(1)} ready`]);
    const pending = context.clock.pending().length;
    const sockets = server.link.openSockets;
    bench.signals.length = 0;
    bench.kernel.requests.length = 0;
    const renewals = await server.serve(1000);
    await context.clock.advance(1000);
    assert.is(renewals, 1000);
    assert.is(context.clock.pending().length, pending);
    assert.is(server.link.openSockets, sockets);
    assert.equal(bench.signals, [], 'nobody is told of what did not change');
    const verbs = new Set(bench.kernel.requests.map(({ verb }) => verb));
    assert.equal([...verbs], ['address.add'], 'the kernel is told of the time, and of nothing else');
  }),
);

test(
  'an expired lease loses address and routes at its end, and the service looks for another',
  withScope(async (context) => {
    const { bench, server } = await benchWithServer(context);
    await plug(bench, 'eth0', 1);
    await server.serve(2);
    await bench.settled();
    const { ifindex } = bench.kernel.mirror.linkByName('eth0') ?? { ifindex: 0 };
    const end = context.clock.now() + 3600_000;
    assert.is([...bench.kernel.mirror.addressesOf(ifindex)].length, 1);
    await context.clock.advance(3600_000 - 1000);
    assert.equal(states(bench), [`${serviceOf(1)} ready`], 'a second before');
    await context.clock.advance(end + 1000 - context.clock.now());
    await bench.settled();
    assert.equal(states(bench), [`${serviceOf(1)} configuration`], 'a second after');
    assert.equal([...bench.kernel.mirror.addressesOf(ifindex)], []);
    assert.equal([...bench.kernel.mirror.routesOf(ifindex)], []);
    await server.serve(2);
    await bench.settled();
    assert.equal(states(bench), [`${serviceOf(1)} ready`]);
  }),
);

test(
  'another address at renewal replaces the first, and the default route stays',
  withScope(async (context) => {
    const { bench, server } = await benchWithServer(context);
    await plug(bench, 'eth0', 1);
    await server.serve(2);
    bench.kernel.requests.length = 0;
    await server.serve(1, { address: ip('192.0.2.48') });
    await bench.settled();
    // The other way round the new address would be a secondary one, and go with the first.
    assert.equal(bench.kernel.requests.slice(0, 2).map(({ verb }) => verb), ['address.remove', 'address.add']);
    const { ifindex } = bench.kernel.mirror.linkByName('eth0') ?? { ifindex: 0 };
    assert.equal([...bench.kernel.mirror.addressesOf(ifindex)].map(({ address }) => String(address)), ['192.0.2.48']);
    const defaults = [...bench.kernel.mirror.routesOf(ifindex)].filter(({ destination }) => destination === undefined);
    assert.is(defaults.length, 1);
  }),
);

test(
  'an MTU of the network is taken, and put back when it is left',
  withScope(async (context) => {
    const { bench, server } = await benchWithServer(context);
    await plug(bench, 'eth0', 1);
    await server.serve(2, { options: { 26: Uint8Array.of(0x05, 0x78) } });
    await bench.settled();
    assert.is(bench.kernel.mirror.linkByName('eth0')?.mtu, 1400);
    bench.kernel.setCarrier('eth0', false);
    await bench.settled();
    assert.is(bench.kernel.mirror.linkByName('eth0')?.mtu, 1500);
  }),
);

test.run();

function ip(text: string): IpAddress {
  const address = parseIpAddress(text);
  if (address === undefined) throw new Error(text);
  return address;
}

interface Server {
  readonly link: FakeDhcpLink;
  /** Lets time pass and answers the next `count` messages of the client; how many it answered. */
  serve(count: number, changes?: ReplyChanges): Promise<number>;
}

async function benchWithServer(
  { clock, scope }: { clock: FakeClock; scope: Parameters<typeof coreBench>[0]['scope'] },
): Promise<{ bench: CoreBench; server: Server }> {
  const link = new FakeDhcpLink();
  const { packet, udp } = link.system;
  const bench = await coreBench({ clock, scope }, { mainConf: NO_CHECK, system: { packet, udp } });
  let seen = 0;
  const serve = async (count: number, changes?: ReplyChanges): Promise<number> => {
    let answered = 0;
    for (let step = 0; answered < count && step < 10 * count + 100; step++) {
      await bench.settled();
      for (const { message } of link.sent.slice(seen)) {
        seen++;
        const type = answerTo(message);
        if (type !== undefined && answered < count) {
          link.reply(replyTo(message, type, changes));
          answered++;
        }
      }
      if (answered < count) await clock.advanceToNext();
    }
    return answered;
  };
  return { bench, server: { link, serve } };
}

function answerTo(message: DhcpMessage): MessageType | undefined {
  const type = messageType(message);
  return type === 'discover' ? 'offer' : type === 'request' ? 'ack' : undefined;
}
