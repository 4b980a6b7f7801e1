/** The server's driver: what its sockets hear and send, and that our own client is served by it. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type ClientEvent, startDhcpClient } from '../../../src/dhcp/client.ts';
import { requestFilter } from '../../../src/dhcp/filter.ts';
import { encodeMessage } from '../../../src/dhcp/message.ts';
import { type ServerEvent, startDhcpServer } from '../../../src/dhcp/server.ts';
import { encodeUdpPacket } from '../../../src/dhcp/udp-packet.ts';
import { ANY_IPV4 } from '../../../src/shared/ipaddress.ts';
import { withScope } from '../../helpers/with-scope.ts';
import { hex, readVector } from './battery.ts';
import { runFilter } from './bpf.ts';
import { FakeDhcpLink } from './fake-link.ts';
import { countingRandom, ip, SERVER } from './life.ts';

const OPTIONS = {
  ifindex: 7, name: 'p2p-wlan0-0', address: SERVER, prefixLength: 24, first: ip('192.0.2.2'), last: ip('192.0.2.3'),
  leaseSec: 3600,
};

test('only requests pass the filter', () => {
  const program = requestFilter(67);
  const discover = readVector('dhcp-discover');
  assert.ok(runFilter(program, discover) >= discover.length);
  assert.is(runFilter(program, readVector('dhcp-ack')), 0);
  for (const [offset, value] of [[9, 6], [6, 0x20], [23, 68], [28, 2]] as const) {
    const packet = discover.slice();
    packet[offset] = value;
    assert.is(runFilter(program, packet), 0);
  }
});

test('a client of ours gets its address, and gives it back', withScope(async ({ clock, scope, watch }) => {
  const near = new FakeDhcpLink();
  const far = new FakeDhcpLink();
  const heard: ServerEvent[] = [];
  const server = startDhcpServer(OPTIONS, { system: far.system, clock }, scope);
  server.events.observe(scope, (event) => void heard.push(event));
  watch('sockets', () => near.openSockets + far.openSockets);
  const client = startDhcpClient(
    { ifindex: 3, name: 'wlan0', hardwareAddress: hex('02005e005301') },
    { system: near.system, clock, random: countingRandom() }, scope,
  );
  const events: ClientEvent[] = [];
  client.events.observe(scope, (event) => void events.push(event));
  await clock.advance(0);
  far.deliver(encodeUdpPacket({
    source: ANY_IPV4, destination: ip('255.255.255.255'), sourcePort: 68, destinationPort: 67,
    payload: encodeMessage(near.last),
  }));
  assert.ok(near.reply(far.last));
  assert.equal(events.map(({ kind }) => kind), ['bound'], 'by rapid commit');
  assert.is(String(client.lease?.address), '192.0.2.2');
  assert.equal(server.leases.map(({ hardwareAddress }) => hardwareAddress), [hex('02005e005301')]);
  client.stop({ release: true });
  far.deliver(encodeUdpPacket({
    source: ip('192.0.2.2'), destination: SERVER, sourcePort: 68, destinationPort: 67,
    payload: encodeMessage(near.last),
  }));
  assert.equal(server.leases, []);
  assert.equal(heard.map(({ kind }) => kind), ['leased', 'released']);
}));

test('garbage is dropped, a link that is down is tried again', withScope(async ({ clock, scope }) => {
  const link = new FakeDhcpLink();
  link.failure = 'ENETDOWN';
  startDhcpServer(OPTIONS, { system: link.system, clock }, scope);
  assert.is(link.openSockets, 0);
  link.failure = undefined;
  await clock.advance(100);
  assert.is(link.openSockets, 2, 'packets, and the port held');
  const discover = readVector('dhcp-discover');
  assert.ok(link.deliver(discover.subarray(0, 100)));
  assert.equal(link.sent, []);
  link.deliver(discover, true);
  assert.is(link.sent.length, 1);
  assert.is(String(link.last.yourAddress), '192.0.2.2');
}));

test.run();
