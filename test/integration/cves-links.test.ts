/**
 * CVEs of DHCP, router discovery, web and time clients and of netlink, by number, against ours: on
 * the wire where there is a real kernel in between, in virtual time where hours must pass. Those of
 * DNS are in cves-dns.test.ts.
 */

import { createServer, type Server, type Socket } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startDhcpClient, type ClientEvent, type DhcpClient } from '../../src/dhcp/client.ts';
import { decodeMessage, encodeMessage, messageType, type DhcpMessage } from '../../src/dhcp/message.ts';
import { decodeUdpPacket, encodeUdpPacket } from '../../src/dhcp/udp-packet.ts';
import { decodeMessage as decodeMessage6 } from '../../src/dhcpv6/message.ts';
import { associationsOf } from '../../src/dhcpv6/options.ts';
import { decodeRouterAdvertisement } from '../../src/ndp/router-advertisement.ts';
import { startOnlineCheck, type CheckOptions } from '../../src/online-check/check.ts';
import type { Outcome } from '../../src/online-check/machine.ts';
import { Connection } from '../../src/netlink/connection.ts';
import { DeadlineClock } from '../../src/shared/clock.ts';
import { DecodeError } from '../../src/shared/errors.ts';
import { systemRandom } from '../../src/shared/random.ts';
import { createScope, type Scope } from '../../src/shared/scope.ts';
import { output } from '../helpers/child.ts';
import type { FakeClock } from '../helpers/fake-clock.ts';
import { patience } from '../helpers/patience.ts';
import { testSystem } from '../helpers/system.ts';
import { enterNamespaces } from '../helpers/unshare.ts';
import { withScope } from '../helpers/with-scope.ts';
import { hex } from '../unit/dhcp/battery.ts';
import { ip, replyTo, SERVER } from '../unit/dhcp/life.ts';
import { FakeSocket, outcome } from '../unit/netlink/captures.ts';
import { World } from '../unit/ntp/fake-servers.ts';

enterNamespaces('--net');

const system = testSystem();
const OFFERED = ip('192.0.2.66');
const RIGHT = ip('192.0.2.47');
const TEXT = new TextEncoder();
let near: Link;
let far: Link;

interface Link {
  readonly ifindex: number;
  readonly name: string;
  readonly hardwareAddress: Uint8Array;
}

async function linkOf(name: string): Promise<Link> {
  const shown = await output(['ip', '-o', 'link', 'show', name]);
  const address = /link\/ether (\S+)/.exec(shown)?.[1] ?? '';
  return { ifindex: Number.parseInt(shown, 10), name, hardwareAddress: hex(address.replaceAll(':', '')) };
}

test.before(async () => {
  await output(['sh', '-e', '-c', `ip link set lo up
    ip address add 10.9.0.2/32 dev lo
    ip link add up0 type veth peer name down0 index 998
    for link in up0 down0; do
      echo 1 >/proc/sys/net/ipv6/conf/$link/disable_ipv6
      ip link set $link up
    done`]);
  near = await linkOf('up0');
  far = await linkOf('down0');
});

/** A DHCP server on the far end that hears a client and says what it likes, as whole IP packets. */
class Liar {
  readonly heard: DhcpMessage[] = [];
  readonly #send: (packet: Uint8Array) => void;

  constructor(scope: Scope) {
    const socket = system.packet({ ifindex: far.ifindex, etherType: 0x0800 }, scope);
    socket.onMessage = (bytes) => {
      const { destinationPort, payload } = decodeUdpPacket(bytes.slice(), true);
      if (destinationPort === 67) this.heard.push(decodeMessage(payload));
    };
    this.#send = (packet) => socket.send(packet, { hardwareAddress: near.hardwareAddress });
  }

  get last(): DhcpMessage {
    const last = this.heard.at(-1);
    if (last === undefined) throw new Error('nothing was heard');
    return last;
  }

  /** The packet of a message, changed by `bend`. */
  say(message: Uint8Array, bend: (packet: Uint8Array) => Uint8Array | void = () => undefined): void {
    const ports = { sourcePort: 67, destinationPort: 68 };
    const packet = encodeUdpPacket({ source: SERVER, destination: ip('255.255.255.255'), ...ports, payload: message });
    this.#send(bend(packet) ?? packet);
  }
}

interface Life {
  readonly liar: Liar;
  readonly client: DhcpClient;
  readonly events: ClientEvent[];
  until(what: string, isSo: () => boolean): Promise<void>;
}

/** A client that has asked for offers; carriers may take their time. */
async function searching({ clock, scope }: { clock: FakeClock; scope: Scope }): Promise<Life> {
  const liar = new Liar(scope);
  const client = startDhcpClient(near, { system, clock, random: systemRandom }, scope);
  const events: ClientEvent[] = [];
  client.events.observe(scope, (event) => void events.push(event));
  const until = async (what: string, isSo: () => boolean): Promise<void> => {
    for (const limit = performance.now() + patience(30_000); !isSo();) {
      if (performance.now() > limit) throw new Error(`waited in vain for ${what}`);
      await clock.advance(5);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  await until('a discover', () => liar.heard.length > 0);
  return { liar, client, events, until };
}

/** The client takes a good offer, and nothing that was said before it. */
async function bind(life: Life, options: Readonly<Record<number, Uint8Array>> = {}): Promise<void> {
  const { liar, client, until } = life;
  await until('a request', () => {
    if (messageType(liar.last) !== 'request') liar.say(encodeMessage(replyTo(liar.last, 'offer', { address: RIGHT })));
    return messageType(liar.last) === 'request';
  });
  await until('a lease', () => {
    liar.say(encodeMessage(replyTo(liar.last, 'ack', { address: RIGHT, options })));
    return client.lease !== undefined;
  });
  assert.is(String(client.lease?.address), String(RIGHT));
  const addresses = new Set(liar.heard.flatMap(({ options: its }) => its.get(50)?.join('.') ?? []));
  assert.equal([...addresses], [String(RIGHT)], 'no other address was asked for');
}

test('CVE-2023-28488, DHCP in packets whose lengths lie', withScope(async (context) => {
  const life = await searching(context);
  const offer = encodeMessage(replyTo(life.liar.last, 'offer', { address: OFFERED }));
  const put = (at: number, value: number) => (packet: Uint8Array): void => {
    new DataView(packet.buffer).setUint16(at, value);
    if (at < 20) fixHeader(packet);
  };
  for (const value of [0, 19, 20, 27, 28, 0xffff]) life.liar.say(offer, put(2, value));
  for (const value of [0, 7, 0xffff]) life.liar.say(offer, put(24, value));
  for (const head of [0x40, 0x44, 0x4f, 0x65]) {
    life.liar.say(offer, (packet) => {
      packet[0] = head;
      fixHeader(packet);
    });
  }
  for (const length of [0, 1, 19, 20, 27, 28, 100, 235]) life.liar.say(offer, (packet) => packet.slice(0, length));
  await bind(life);
}));

/** The header's checksum is made right, so that it is the length alone that is wrong. */
function fixHeader(packet: Uint8Array): void {
  const view = new DataView(packet.buffer);
  view.setUint16(10, 0);
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += view.getUint16(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(10, ~sum & 0xffff);
}

test('CVE-2021-26676, DHCP options that go on past the end, in sname and file as well', withScope(async (context) => {
  const life = await searching(context);
  const offer = encodeMessage(replyTo(life.liar.last, 'offer', { address: OFFERED }));
  const cut = (tail: readonly number[]): Uint8Array => Uint8Array.from([...offer.subarray(0, 240), ...tail]);
  for (const tail of [
    [53], [53, 1], [53, 1, 2, 54], [53, 1, 2, 54, 4, 1], [53, 1, 2, 54, 255, 1, 2, 3, 4],
    [53, 0], [53, 1, 2, 51, 0], [0, 0, 0], [255],
  ]) life.liar.say(cut(tail));
  // Overload: options go on in file and sname, which have no end.
  const overloaded = cut([52, 1, 3, 53, 1, 2, 255]);
  overloaded.fill(61, 44, 236);
  life.liar.say(overloaded);
  await bind(life);
}));

test('CVE-2012-2321, CVE-2018-1111, CVE-2026-10805, names that a shell would run', withScope(async (context) => {
  const life = await searching(context);
  const long = `${'a'.repeat(64)}.test`;
  const bad = ['$(reboot)', 'a;reboot', "a'&reboot #", 'a\nnameserver 6.6.6.6', 'a b', '../../etc', '-n', long];
  const { client } = life;
  await bind(life, { 12: TEXT.encode(bad[0] ?? ''), 15: TEXT.encode(bad[1] ?? '') });
  for (const name of bad) {
    const bytes = TEXT.encode(name);
    client.renewNow();
    const before = life.liar.heard.length;
    await life.until('a renewal', () => life.liar.heard.length > before);
    const options = { 12: bytes, 15: bytes, 252: TEXT.encode(`http://x/${name}\n`), 114: bytes };
    const count = life.events.length;
    life.liar.say(encodeMessage(replyTo(life.liar.last, 'ack', { address: RIGHT, options })));
    await life.until('the renewal to be taken', () => life.events.length > count);
    const { lease } = client;
    assert.equal([lease?.hostname, lease?.domainName, lease?.captivePortal], [undefined, undefined, undefined], name);
    assert.not.match(lease?.pacUrl ?? '', /[\s'"]/);
  }
}));

test('CVE-2020-7461, search domains that point in circles; CVE-2020-13529, FORCERENEW', withScope(async (context) => {
  const life = await searching(context);
  await bind(life, { 119: hex('03616161 c000 c004 c0ff 3f61') });
  assert.equal(life.client.lease?.searchDomains, []);
  const heard = life.liar.heard.length;
  const force = encodeMessage(replyTo(life.liar.last, 'ack', { address: RIGHT, options: { 53: Uint8Array.of(9) } }));
  for (let turn = 0; turn < 5; turn++) life.liar.say(force);
  await context.clock.advance(1000);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.is(life.liar.heard.length, heard, 'nobody is made to renew');
}));

test('CVE-2012-2322, CVE-2018-15688, CVE-2026-56114, lengths inside DHCPv6 options', () => {
  const read = (options: string): number | 'refused' => {
    try {
      return associationsOf(decodeMessage6(hex(`07000001 ${options}`)).options)
        .reduce((sum, { addresses, prefixes }) => sum + addresses.length + prefixes.length, 0);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      return 'refused';
    }
  };
  const header = '5e005301 0000012c 000001e0';
  const address = '20010db8000100000000000000000100 00000258 00000384';
  assert.is(read(`0003 0028 ${header} 0005 0018 ${address}`), 1);
  for (const lie of ['0003 ffff', '0003 0000', `0003 0028 ${header}`, '0001 0000 0003', 'ffff ffff 00']) {
    assert.ok([0, 'refused'].includes(read(lie)), lie);
  }
  for (const inner of ['0005 ffff', `0005 0019 ${address}`, `0005 0018 ${address} 0005 00`, '0003 fff0'.repeat(500)]) {
    const value = hex(`${header} ${inner}`);
    const length = value.length.toString(16).padStart(4, '0');
    assert.ok([0, 'refused'].includes(read(`0003 ${length} ${header} ${inner}`)), inner);
  }
  // A prefix with PD-exclude of 17 bytes (RFC 6603).
  const excluded = `001a 002e 00000258 00000384 38 20010db8800000000000000000000000 0043 0011 40${'00'.repeat(16)}`;
  assert.ok([0, 1].includes(Number(read(`0019 003e ${header} ${excluded}`))));
});

test('CVE-2020-16898 and its kin, options of router advertisements whose lengths are odd', () => {
  const heard = (options: string): unknown => {
    try {
      const { nameservers, searchDomains, routes } = decodeRouterAdvertisement(
        hex(`8600 0000 4000 0708 00000000 00000000 ${options}`));
      return [nameservers.length, searchDomains.length, routes.length];
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      return 'refused';
    }
  };
  const server = '20010db8000000000000000000000053';
  assert.equal(heard(`1903 0000 00000258 ${server}`), [1, 0, 0]);
  const lies = [
    `1904 0000 00000258 ${server} 0000000000000000`, '1901 0000 00000258', '1902 0000 00000258 0000000000000000',
    '1900', '19ff 0000 00000258', '1f02 0000 00000258 c000c004c0ff3f61', '1f01 0000 00000258',
    '1804 4000 00000258 20010db8000000000000000000000000 0000000000000000', `1803 8100 00000258 ${server}`,
    '0300', '25ff 61',
  ];
  for (const lie of lies) {
    const found = heard(lie);
    assert.ok(found === 'refused' || JSON.stringify(found) === '[0,0,0]', `${lie}: ${found}`);
  }
});

const OPTIONS: CheckOptions = {
  url: '', mode: 'one-shot', connectTimeoutMs: 0, initialInterval: 1, maxInterval: 12,
  intervalStyle: 'geometric', failuresThreshold: 6, successesThreshold: 6, version: '1.43',
};

const GOOD_PAGE = 'HTTP/1.1 200 OK\r\nX-ConnMan-Status: online\r\nContent-Length: 0\r\n\r\n';

/** What a web server sends, piece by piece. */
const PAGES: Readonly<Record<string, readonly string[]>> = {
  good: [GOOD_PAGE],
  bytes: [...GOOD_PAGE],
  nul: ['HTTP/1.1 200 OK\r\nX-\0A: b\0\r\n\0\r\nX-ConnMan-Status: \0\r\n\r\n'],
  nuls: ['\0'.repeat(70_000)],
  bare: ['HTTP/1.1 200 OK\nX: y\n\n'],
  long: ['HTTP/1.1 200 OK\r\n', `X: ${'x'.repeat(300_000)}`, '\r\n\r\n'],
  many: ['HTTP/1.1 200 OK\r\n', ...Array<string>(20_000).fill('X: y\r\n'), '\r\n'],
  chunks: ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', 'ffffffffffffffff\r\nx', '-1\r\n', 'g\r\n'],
  lengths: ['HTTP/1.1 200 OK\r\nContent-Length: -1\r\nContent-Length: 99999999999999999999\r\n\r\nx'],
  round: ['HTTP/1.1 302 Found\r\nLocation: /round\r\nContent-Length: 0\r\n\r\n'],
  status: ['HTTP/1.1 9999999999 OK\r\n\r\n'],
  empty: [''],
};

/** Serves them on the loopback; `late` answers when `release` is called. */
async function serve(): Promise<{ server: Server; late: Socket[]; release(): void }> {
  const late: Socket[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.setNoDelay(true);
    socket.once('data', (chunk) => {
      const name = /^GET \/(\w+)/.exec(chunk.toString('latin1'))?.[1] ?? '';
      if (name === 'late') return void late.push(socket);
      for (const piece of PAGES[name] ?? []) socket.write(piece, 'latin1');
      socket.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(80, '10.9.0.2', resolve));
  return { server, late, release: () => late.splice(0).forEach((socket) => void socket.end(GOOD_PAGE)) };
}

test('CVE-2022-32292, replies with NULs, lines and headers without end; CVE-2022-32293, late ones', async () => {
  const scope = createScope();
  const clock = new DeadlineClock(system.bootTimeSource(scope));
  const { server, late, release } = await serve();
  const target = { device: 'lo', type: 'ethernet', family: 4, nameservers: () => [] } as const;
  const begin = (name: string, own: Scope, told: string[]): ReturnType<typeof startOnlineCheck> => {
    const env = { system, clock, random: systemRandom };
    const check = startOnlineCheck(target, { ...OPTIONS, url: `http://10.9.0.2/${name}` }, env, own);
    check.result.observe(own, ({ kind }: Outcome) => void told.push(kind));
    return check;
  };
  const waitFor = async (what: string, isSo: () => boolean): Promise<void> => {
    const limit = performance.now() + patience(30_000);
    for (; !isSo(); await new Promise((resolve) => setTimeout(resolve, 5))) {
      if (performance.now() > limit) throw new Error(`waited in vain for ${what}`);
    }
  };
  for (const name of Object.keys(PAGES)) {
    const own = scope.child();
    const told: string[] = [];
    begin(name, own, told);
    await waitFor(name, () => told.length > 0);
    assert.is(told[0] === 'online', name === 'good' || name === 'bytes', `${name}: ${told}`);
    await own.close();
  }
  // The service is gone when its answer comes; a check is overtaken by the next.
  const gone = scope.child();
  const never: string[] = [];
  begin('late', gone, never);
  await waitFor('the first question', () => late.length === 1);
  await gone.close();
  release();
  const staying = scope.child();
  const told: string[] = [];
  const check = begin('late', staying, told);
  await waitFor('the second question', () => late.length === 1);
  check.restart();
  await waitFor('the third question', () => late.length === 2);
  release();
  await waitFor('an answer', () => told.length > 0);
  assert.equal([told, never], [['online'], []]);
  await scope.close();
  server.close();
});

test('CVE-2015-7704, CVE-2015-7705, CVE-2015-8138, kisses and times nobody asked for', withScope(async (context) => {
  const { clock, scope, watch } = context;
  const world = new World(clock, 5000);
  watch('sockets', () => world.openSockets);
  const forged = (reply: Uint8Array, origin: Uint8Array): Uint8Array => {
    const bytes = Uint8Array.from(reply);
    bytes.set([0xe4, 0, 17], 0);
    bytes.set(TEXT.encode('DENY'), 12);
    bytes.set(origin, 24);
    return bytes;
  };
  world.servers.set('192.0.2.1', {
    forge: (reply, request) => {
      const near = Uint8Array.from(request.subarray(40), (byte, index) => (index === 7 ? byte ^ 1 : byte));
      const wrong = Uint8Array.from(reply);
      wrong.set(near, 24);
      return [
        forged(reply, new Uint8Array(8)), forged(reply, near), wrong, reply.slice(0, 47), reply,
        forged(reply, request.subarray(40)),
      ];
    },
  });
  world.client(scope).start({ servers: ['192.0.2.1'], network: 'n' });
  await clock.advance(3_600_000);
  assert.ok(Math.abs(world.errorMs) < 1, `off by ${world.errorMs} ms`);
  assert.ok(world.count('192.0.2.1') > 10, 'it is asked on');
  assert.equal(world.events.filter(({ kind }) => kind === 'kiss'), []);
}));

test('CVE-2012-2320, netlink messages of other programs', async () => {
  const scope = createScope();
  const socket = new FakeSocket();
  const connection = new Connection(socket, scope);
  let isAnswered = false;
  const asked = connection.perform({ operation: 'RTM_TEST', type: 0x500, body: (writer) => writer.u32(1) });
  void asked.then(() => (isAnswered = true));
  const { sequence } = socket.request(0);
  socket.deliver([outcome(sequence)], process.pid);
  await new Promise((resolve) => setImmediate(resolve));
  assert.is(isAnswered, false);
  socket.deliver([outcome(sequence)]);
  await asked;
  await scope.close();
});

test.run();
