/**
 * Router discovery and the DHCPv6 client on a link whose other end lies: packets as no router and no
 * server should send them, from a packet socket, through the kernel, to the real sockets.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startDhcpv6Client } from '../../src/dhcpv6/client.ts';
import { decodeMessage, type Dhcpv6Message, encodeMessage, type MessageType } from '../../src/dhcpv6/message.ts';
import { OPTION } from '../../src/dhcpv6/options.ts';
import { startRouterDiscovery } from '../../src/ndp/router-discovery.ts';
import { parseHex } from '../../src/shared/bytes.ts';
import { IpAddress } from '../../src/shared/ipaddress.ts';
import { systemRandom } from '../../src/shared/random.ts';
import type { Scope } from '../../src/shared/scope.ts';
import { output } from '../helpers/child.ts';
import type { FakeClock } from '../helpers/fake-clock.ts';
import { icmpv6Packet, udpv6Packet } from '../helpers/ipv6-packet.ts';
import { testSystem } from '../helpers/system.ts';
import { enterNamespaces } from '../helpers/unshare.ts';
import { withScope } from '../helpers/with-scope.ts';
import { ip6, NEIGHBOUR } from '../unit/dhcp/fake-inet.ts';
import { type Answer, answerTo, IDENTITY } from '../unit/dhcpv6/life.ts';
import { advertisement, nameserverOption, prefixOption, searchDomainOption } from '../unit/ndp/advertise.ts';

enterNamespaces('--net');

const system = testSystem();
const ALL_NODES = ip6('ff02::1');
const AT_ONCE = { options: { [OPTION.preference]: Uint8Array.of(255) } };
let near: { ifindex: number; name: string; hardwareAddress: Uint8Array };
let far: { ifindex: number; hardwareAddress: Uint8Array };
let ownAddress: IpAddress;

/** The far end of the cable, where anything can be said and everything is heard. */
class Liar {
  /** DHCPv6 messages heard. */
  readonly heard: Dhcpv6Message[] = [];
  solicitations = 0;
  readonly #send: (packet: Uint8Array) => void;

  constructor(scope: Scope) {
    const socket = system.packet({ ifindex: far.ifindex, etherType: 0x86dd }, scope);
    socket.onMessage = (bytes) => {
      if (bytes[6] === 58 && bytes[40] === 133) this.solicitations++;
      if (bytes[6] === 17 && bytes[43] === 547 % 256) this.heard.push(decodeMessage(bytes.slice(48)));
    };
    this.#send = (packet) => socket.send(packet, { hardwareAddress: near.hardwareAddress });
  }

  advertise(message: Uint8Array, source = NEIGHBOUR, hopLimit = 255): void {
    this.#send(icmpv6Packet({ source, destination: ALL_NODES, hopLimit }, message));
  }

  say(bytes: Uint8Array): void {
    this.#send(udpv6Packet({ source: NEIGHBOUR, destination: ownAddress }, [547, 546], bytes));
  }

  get last(): Dhcpv6Message {
    const last = this.heard.at(-1);
    if (last === undefined) throw new Error('nothing was heard');
    return last;
  }

  answer(type: MessageType, changes: Answer = {}): void {
    this.say(encodeMessage(answerTo(this.last, type, changes)));
  }
}

async function until(what: string, isSo: () => boolean, clock?: FakeClock): Promise<void> {
  for (const limit = performance.now() + 20_000; !isSo();) {
    if (performance.now() > limit) throw new Error(`${what} is not so within 20 s`);
    await clock?.advance(0.01);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function linkOf(name: string): Promise<typeof near> {
  const shown = await output(['ip', '-o', 'link', 'show', name]);
  const hardwareAddress = parseHex((/link\/ether (\S+)/.exec(shown)?.[1] ?? '').replaceAll(':', ''));
  if (hardwareAddress === undefined) throw new Error(`${name} has no hardware address`);
  return { ifindex: Number.parseInt(shown, 10), name, hardwareAddress };
}

test.before(async () => {
  await output(['ip', 'link', 'set', 'lo', 'up']);
  await output(['ip', 'link', 'add', 'up0', 'type', 'veth', 'peer', 'name', 'down0', 'index', '998']);
  await output(['sh', '-c', `echo 0 > /proc/sys/net/ipv6/conf/up0/accept_dad
    echo 0 > /proc/sys/net/ipv6/conf/up0/accept_ra
    echo 1 > /proc/sys/net/ipv6/conf/down0/disable_ipv6`]);
  await output(['ip', 'link', 'set', 'down0', 'up']);
  await output(['ip', 'link', 'set', 'up0', 'up']);
  near = await linkOf('up0');
  far = await linkOf('down0');
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = near.hardwareAddress;
  ownAddress = new IpAddress(Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f));
});

test('router discovery: solicited on the wire, and only neighbours are heard', withScope(async ({ clock, scope }) => {
  const liar = new Liar(scope);
  const discovery = startRouterDiscovery(near, { system, clock, random: systemRandom }, scope);
  await until('a solicitation on the wire', () => {
    if (liar.solicitations === 0) discovery.solicit();
    return liar.solicitations > 0;
  }, clock);
  liar.advertise(advertisement({ flags: 0x80 }), NEIGHBOUR, 254);
  liar.advertise(advertisement({ flags: 0x80 }), ip6('2001:db8::1'));
  liar.advertise(advertisement({ options: '0300' }));
  liar.advertise(advertisement().slice(0, 15));
  const url = 'https://portal.example.org/api';
  const portal = `2504${Buffer.from(url).toString('hex')}`;
  liar.advertise(advertisement({ options: `${portal} ${nameserverOption(0x53, 60)}` }));
  await until('the one good advertisement', () => discovery.current !== undefined, clock);
  const { current } = discovery;
  assert.equal([current?.isManaged, current?.captivePortal], [false, url]);
  liar.advertise(advertisement({ lifetimeSec: 0, options: nameserverOption(0x53, 0) }));
  await until('the router gone', () => discovery.current?.routers.length === 0, clock);
  assert.equal(discovery.current?.nameservers, []);
}));

test('router discovery: a flood costs little, and the real router stays', withScope(async ({ clock, scope }) => {
  const liar = new Liar(scope);
  const discovery = startRouterDiscovery(near, { system, clock, random: systemRandom }, scope);
  let told = 0;
  discovery.changed.observe(scope, () => void told++);
  await until('the real router', () => {
    liar.advertise(advertisement({ options: prefixOption('20010db800010000', 3600) }));
    return discovery.current !== undefined;
  }, clock);
  for (let index = 1; index <= 5000; index++) {
    const network = `20010db8${(0x10000 + index).toString(16).padStart(8, '0')}`;
    const options = prefixOption(network, Infinity) + searchDomainOption(`x${index}.example`, Infinity);
    // Few senders: the kernel has one table of neighbours for all its namespaces, which would overflow.
    const sender = ip6(`fe80::${(1 + (index & 31)).toString(16)}`);
    liar.advertise(advertisement({ lifetimeSec: 65_535, options }), sender);
    if (index % 100 === 0) await clock.advance(1);
  }
  await until('the flood heard', () => discovery.current?.routers.length === 16, clock);
  await clock.advance(1000);
  assert.ok(discovery.current?.routers.some(({ address }) => address.equals(NEIGHBOUR)));
  assert.is(String(discovery.current?.prefixes[0]?.prefix.address), '2001:db8:1::');
  assert.ok(told <= 6, `told ${told} times`);
}));

test('DHCPv6: noise and wrong answers change nothing, the right one binds', withScope(async ({ clock, scope }) => {
  const liar = new Liar(scope);
  const env = { system, clock, random: systemRandom };
  const { duid, iaid } = IDENTITY;
  const client = startDhcpv6Client({ ...near, duid, iaid, mode: 'stateful' }, env, scope);
  const events: string[] = [];
  client.events.observe(scope, ({ kind }) => void events.push(kind));
  await clock.advance(100);
  await until('a solicit on the wire', () => {
    if (liar.heard.length === 0) client.renewNow();
    return liar.heard.length > 0;
  }, clock);
  const good = encodeMessage(answerTo(liar.last, 'advertise', AT_ONCE));
  for (let length = 0; length < good.length; length++) liar.say(good.slice(0, length));
  for (let bit = 32; bit < 8 * 22; bit++) {
    const flipped = good.slice();
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    liar.say(flipped);
  }
  const corpora = '../shared/corpora/dhcp6';
  for (const name of existsSync(corpora) ? readdirSync(corpora) : []) {
    liar.say(new Uint8Array(readFileSync(`${corpora}/${name}`)).subarray(0, 1400));
  }
  for (let wrong = 1; wrong <= 2000; wrong++) {
    liar.answer('advertise', { ...AT_ONCE, xid: (liar.last.xid + wrong) & 0xff_ffff });
  }
  liar.answer('advertise', { ...AT_ONCE, duid: duid.slice(1) });
  liar.answer('reconfigure');
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok(liar.heard.every(({ type }) => type === 'solicit'), 'no offer was taken');
  liar.answer('advertise', AT_ONCE);
  await until('a request on the wire', () => liar.last.type === 'request', clock);
  liar.answer('reply', { server: Uint8Array.of(0, 3, 0, 1, 9) });
  liar.answer('reply');
  await until('a lease', () => client.lease !== undefined, clock);
  assert.equal(events, ['bound']);
}));

test.run();
