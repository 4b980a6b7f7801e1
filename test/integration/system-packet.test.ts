/**
 * Packet sockets on a veth pair in a network namespace of our own (packet(7)). Broadcasts sent
 * from one end are seen on the other.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { execFileSync } from 'node:child_process';
import { IpAddress } from '../../src/shared/ipaddress.ts';
import { createScope } from '../../src/shared/scope.ts';
import type { BpfInstruction, PacketSender } from '../../src/system/system.ts';
import { testSystem } from '../helpers/system.ts';
import { enterNamespaces } from '../helpers/unshare.ts';

enterNamespaces('--net');

const system = testSystem();
const ETH_P_IP = 0x0800;
const ETH_P_ARP = 0x0806;
const BROADCAST = new Uint8Array(6).fill(0xff);
const everyone = new IpAddress(Uint8Array.of(255, 255, 255, 255));

function ip(...commands: string[]): void {
  execFileSync('ip', ['-batch', '-'], { input: commands.join('\n') });
}


ip('link set lo up', 'link add near address 02:00:00:00:00:01 type veth peer name far address 02:00:00:00:00:02',
  'address add 192.0.2.1/24 dev near', 'link set near up', 'link set far up');
const links: { ifname: string; ifindex: number }[] =
  JSON.parse(execFileSync('ip', ['-json', 'link'], { encoding: 'utf8' }));
const near = links.find(({ ifname }) => ifname === 'near')?.ifindex ?? 0;
const far = links.find(({ ifname }) => ifname === 'far')?.ifindex ?? 0;

/** IPv4 UDP to `port`, as DHCP's filter does it: offsets begin at the IP header. */
function udpTo(port: number): BpfInstruction[] {
  return [
    [0x30, 0, 0, 9], // ldb [9]: protocol
    [0x15, 0, 4, 17],
    [0xb1, 0, 0, 0], // ldxb 4*([0]&0xf)
    [0x48, 0, 0, 2], // ldh [x+2]: destination port
    [0x15, 0, 1, port],
    [0x06, 0, 0, 0xffff],
    [0x06, 0, 0, 0],
  ];
}

test('the filter chooses, and the offloaded checksum is told', async () => {
  const scope = createScope();
  const packets = system.packet({ ifindex: far, etherType: ETH_P_IP, filter: udpTo(6800) }, scope);
  const udp = system.udp({ family: 4, device: 'near', broadcast: true }, scope);
  const seen: { port: number; text: string; sender: PacketSender }[] = [];
  const done = new Promise<void>((resolve) => {
    packets.onMessage = (bytes, sender) => {
      const packet = Buffer.from(bytes);
      seen.push({ port: packet.readUInt16BE(22), text: packet.toString('utf8', 28), sender });
      if (seen.length === 2) resolve();
    };
  });
  for (const [text, port] of [['one', 6800], ['other', 6801], ['two', 6800]] as const) {
    udp.send(Buffer.from(text), { address: everyone, port });
  }
  await done;
  assert.equal(seen.map(({ port, text }) => [port, text]), [[6800, 'one'], [6800, 'two']]);
  for (const { sender } of seen) {
    assert.equal(Array.from(sender.hardwareAddress), [2, 0, 0, 0, 0, 1]);
    assert.is(sender.checksumNotReady, true, 'veth leaves the checksum undone');
  }
  await scope.close();
});

test('frames go to a hardware address, and carry no such note', async () => {
  const scope = createScope();
  const from = system.packet({ ifindex: near, etherType: ETH_P_ARP }, scope);
  const to = system.packet({ ifindex: far, etherType: ETH_P_ARP }, scope);
  const received = new Promise<{ bytes: number[]; sender: PacketSender }>((resolve) => {
    to.onMessage = (bytes, sender) => {
      if (bytes.length === 28 && bytes[7] === 9) resolve({ bytes: Array.from(bytes), sender });
    };
  });
  const frame = Uint8Array.from({ length: 28 }, (_, index) => [0, 1, 8, 0, 6, 4, 0, 9][index] ?? index);
  from.send(frame, { hardwareAddress: BROADCAST });
  const { bytes, sender } = await received;
  assert.equal(bytes, Array.from(frame));
  assert.equal(sender, { hardwareAddress: Uint8Array.of(2, 0, 0, 0, 0, 1), checksumNotReady: false });
  await scope.close();
});

test('a link that goes down is told and survived', async () => {
  const scope = createScope();
  const packets = system.packet({ ifindex: far, etherType: ETH_P_ARP }, scope);
  const sender = system.packet({ ifindex: near, etherType: ETH_P_ARP }, scope);
  const codes: string[] = [];
  for (let round = 1; round <= 3; round++) {
    const down = new Promise<void>((resolve) => {
      packets.onError = (error) => {
        codes.push(error.code);
        resolve();
      };
    });
    ip('link set far down');
    await down;
    assert.throws(() => packets.send(new Uint8Array(28), { hardwareAddress: BROADCAST }), /Network is down/);
    ip('link set far up');
    const heard = new Promise<void>((resolve) => {
      packets.onMessage = () => resolve();
    });
    // The kernel may drop what is sent before it has noticed the carrier, up to a second later.
    const again = setInterval(() => sender.send(new Uint8Array(28), { hardwareAddress: BROADCAST }), 20);
    await heard;
    clearInterval(again);
  }
  assert.equal(codes, ['ENETDOWN', 'ENETDOWN', 'ENETDOWN']);
  await scope.close();
});

test('a link that is removed is told, and the socket can be closed', async () => {
  ip('link add gone type veth peer name other', 'link set gone up', 'link set other up');
  const [{ ifindex } = { ifindex: 0 }]: { ifindex: number }[] =
    JSON.parse(execFileSync('ip', ['-json', 'link', 'show', 'gone'], { encoding: 'utf8' }));
  const scope = createScope();
  const packets = system.packet({ ifindex, etherType: ETH_P_IP }, scope);
  const told = new Promise<string>((resolve) => {
    packets.onError = (error) => resolve(error.code);
  });
  ip('link delete gone');
  assert.is(await told, 'ENETDOWN');
  assert.throws(() => packets.send(new Uint8Array(28), { hardwareAddress: BROADCAST }));
  await scope.close();
});

test('an impossible filter or interface is refused', () => {
  const scope = createScope();
  for (const filter of [[], [[0x15, 9, 9, 0]] as const]) {
    assert.throws(() => system.packet({ ifindex: far, etherType: ETH_P_IP, filter }, scope), /Invalid argument/);
  }
  assert.throws(() => system.packet({ ifindex: 9999, etherType: ETH_P_IP }, scope), /No such device/);
});

test.run();
