/**
 * What the wired core asks of a kernel that the machine's own may lack or must not be asked: VLANs,
 * bonds, renamed links, loss and delay on the wire, radio switches, the wall clock. Our connmand runs
 * in cells, as outside; a cell takes long to make here, so that cases follow one another in it.
 */

import { readdir, readFile, writeFile } from 'node:fs/promises';
import * as assert from 'uvu/assert';
import { Cell } from '../helpers/cell.ts';
import { output } from '../helpers/child.ts';
import { coreBench } from '../helpers/core-bench.ts';
import { startDnsmasq } from '../helpers/dnsmasq.ts';
import type { CellEvent } from '../helpers/event-log.ts';
import { guestCase, runCases } from '../helpers/guest/cases.ts';
import { STATUS_ADDRESS6 } from '../helpers/ipv6-networks.ts';
import { startStatusServer } from '../helpers/run-status-server.ts';
import { testSystem } from '../helpers/system.ts';
import { makeUplink } from '../helpers/uplinks.ts';
import { callConnman, isProperty, startDaemon } from '../helpers/wired.ts';
import { withScope } from '../helpers/with-scope.ts';
import { clockCases } from './clock-cases.ts';

guestCase('the wall clock is set, stepped and slewed', () => {
  const system = testSystem();
  const wanted = Date.UTC(2031, 4, 5, 6, 7, 8);
  system.setWallClock(wanted);
  assert.ok(Math.abs(Date.now() - wanted) < 5000, String(new Date()));
  const before = Date.now();
  system.adjustClock(3_600_000, 'step', 'none');
  assert.ok(Math.abs(Date.now() - before - 3_600_000) < 5000, 'an hour later');
  system.adjustClock(-3_600_000, 'step', 'none');
  system.adjustClock(100, 'slew', 'insert');
  system.adjustClock(0, 'slew', 'none');
  assert.ok(Math.abs(Date.now() - before) < 5000, 'back again');
});

guestCase('the kernel\'s radio switches and a technology move together', () =>
  withScope(async (context) => {
    await output(['modprobe', 'mac80211_hwsim', 'radios=2']);
    const asked: string[] = [];
    const files = { settings: '[WiFi]\nEnable=true\n' };
    const bench = await coreBench(context, { rfkill: testSystem(), files, devtypes: { wlan7: 'wlan' } });
    const { technologies } = bench.core;
    technologies.register({
      type: 'wifi',
      attach: () => ({ enable: async () => void asked.push('on'), disable: async () => void asked.push('off') }),
    }, context.scope);
    await until(() => technologies.get('wifi')?.isPowered === true);
    bench.kernel.addLink({ name: 'wlan7' });
    await until(() => asked.length === 1);
    const wifi = technologies.get('wifi');
    if (wifi === undefined) throw new Error('there is no technology');

    await technologies.setPowered(wifi, false);
    assert.equal(await softBlocks(), ['1', '1'], 'both radios are blocked');
    await technologies.setPowered(wifi, true);
    assert.equal(await softBlocks(), ['0', '0']);
    await context.clock.advance(1000);
    assert.equal(asked, ['on', 'off', 'on']);

    const [first, second] = await switches();
    await writeFile(`${first}/soft`, '1');
    await until(() => wifi.switches !== undefined);
    await writeFile(`${second}/soft`, '1');
    await until(() => !wifi.isPowered);
    await writeFile(`${first}/soft`, '0');
    await until(() => wifi.isPowered);
    assert.equal(asked, ['on', 'off', 'on', 'off', 'on']);

    bench.kernel.removeLink('wlan7');
    await output(['modprobe', '-r', 'mac80211_hwsim']);
    await until(() => technologies.get('wifi') === undefined);
  })());

/** The folders of the Wi-Fi switches in sysfs. */
async function switches(): Promise<string[]> {
  const names = await readdir('/sys/class/rfkill');
  return names.toSorted().map((name) => `/sys/class/rfkill/${name}`);
}

async function softBlocks(): Promise<string[]> {
  return Promise.all((await switches()).map(async (path) => (await readFile(`${path}/soft`, 'utf8')).trim()));
}

/** Resolves when `holds` does, which nothing here announces. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
}

const links = openWhenAsked(async () => {
  const cell = await Cell.open({ cables: 4 });
  await startVlanServer(cell);
  // Before the daemon: its parent is down then, so that the VLAN cannot go up before it.
  await cell.device.output(['ip', 'link', 'add', 'link', 'eth0', 'name', 'early', 'type', 'vlan', 'id', '7']);
  await cell.device.output(['ip', 'link', 'add', 'dummy3', 'type', 'dummy']);
  await startDaemon(cell);
  return cell;
});

guestCase('a VLAN made before its cable is plugged is a service beside the cable', async () => {
  const cell = await links();
  const since = cell.cable(0).plug();
  await cell.log.wait('the VLAN\'s address', isAddress('early', '10.7.0.'), { since });
  await cell.log.wait('the cable\'s address', isAddress('eth0', '10.77.'), { since });
  assert.equal((await services(cell)).toSorted(), ['ethernet_020000000000_007_cable', 'ethernet_020000000000_cable']);
});

guestCase('a VLAN comes and goes', async () => {
  const cell = await links();
  const since = performance.now();
  await cell.device.output(['ip', 'link', 'add', 'link', 'eth0', 'name', 'late', 'type', 'vlan', 'id', '4094']);
  await cell.log.wait('its service', isAdded('ethernet_020000000000_ffe_cable'), { since });
  await cell.device.output(['ip', 'link', 'delete', 'late']);
  await cell.log.wait('its end', isRemoved('ethernet_020000000000_ffe_cable'), { since });
});

guestCase('a bond is a service, its members and a dummy are not', async () => {
  const cell = await links();
  const since = cell.cable(1).plug();
  cell.cable(2).plug();
  await cell.log.wait('the address of what becomes a member', isAddress('eth1', '10.77.'), { since });
  await cell.log.wait('the address of the other', isAddress('eth2', '10.77.'), { since });
  const bondedAt = performance.now();
  await cell.device.script(`ip link add bond0 type bond mode active-backup miimon 100
for member in eth1 eth2; do ip link set $member down; ip link set $member master bond0; done
ip link set bond0 up`);
  await cell.log.wait('the address of the bond', isAddress('bond0', '10.77.'), { since: bondedAt });
  const names = await services(cell);
  assert.ok(names.includes('ethernet_020000000001_cable'), 'the bond has the address of its first member');
  assert.not.ok(names.includes('ethernet_020000000002_cable'));
  assert.is(await cell.device.output(['ip', '-4', '-o', 'address', 'show', 'eth1']), '');
  assert.is(await cell.device.output(['ip', '-4', '-o', 'address', 'show', 'dummy3']), '');
});

guestCase('a renamed link keeps its service', async () => {
  const cell = await links();
  const pluggedAt = cell.cable(3).plug();
  await cell.log.wait('an address', isAddress('eth3', '10.77.'), { since: pluggedAt });
  const since = performance.now();
  await cell.device.script('ip link set eth3 down\nip link set eth3 name lan\nip link set lan up');
  await cell.log.wait('its service to go', isRemoved('ethernet_020000000003_cable'), { since });
  await cell.log.wait('it to come back', isAdded('ethernet_020000000003_cable'), { since });
  await cell.log.wait('an address', isAddress('eth3', '10.77.'), { since }); // as ip(8) remembers the link
  assert.match(await cell.device.output(['ip', '-4', '-o', 'address', 'show', 'lan']), / inet 10\.77\./);
  await cell.close();
});

const wire = openWhenAsked(async () => {
  const cell = await Cell.open({ cables: 2 });
  await startDaemon(cell);
  return cell;
});

guestCase('6to4: without a router a public IPv4 address leads to the world of IPv6', async () => {
  await output(['modprobe', 'sit']);
  const url = `OnlineCheckIPv6URL=http://[${STATUS_ADDRESS6}]/online/status.html`;
  const files = { '/etc/connman/main.conf': `[General]\nEnable6to4=true\n${url}\n` };
  const cell = await Cell.open({ dnsmasq: false, files });
  const uplink = await makeUplink(cell, 0, { router: '198.51.100.1' });
  // The relay: RFC 3068.
  await uplink.namespace.script(`ip address add 192.88.99.1/32 dev lo
ip link add relay type sit local 192.88.99.1 ttl 64
ip link set relay up
ip -6 address add 2002:c058:6301::1/16 dev relay
ip -6 address add ${STATUS_ADDRESS6}/128 dev lo nodad`);
  await startStatusServer(uplink.namespace, STATUS_ADDRESS6, cell.log);
  const daemon = await startDaemon(cell);
  await uplink.plug();
  const sent = await cell.log.wait(
    'a check by way of the tunnel', (event) => event.kind === 'http' && event.client.startsWith('2002:c633:64'),
    { timeoutMs: 60_000 },
  );
  assert.is(sent.kind, 'http');
  const route = await cell.device.output(['ip', '-6', 'route', 'show', 'default']);
  assert.match(route, 'default via ::192.88.99.1 dev tun6to4 metric 512');
  const link = await cell.device.output(['ip', '-d', 'link', 'show', 'tun6to4']);
  assert.match(link, 'mtu 1472');
  assert.match(link, /sit.* local 198\.51\.100\.\d+ ttl 64/);
  const since = performance.now();
  await uplink.unplug();
  await cell.log.wait('the tunnel to go', (event) => event.kind === 'address' && !event.isAdded
    && event.address.startsWith('2002:c633:64'), { since });
  assert.is(await daemon.stop(), 0);
  await cell.close();
});

// Behind 8 bytes of UDP and 240 of the message: option 53 with its length and value.
const dhcpMessage = (type: number): string => `udp dport 67 @th,1984,24 0x35010${type}`;

/** How nft(8) tells the packets of which the first is lost; a link that had an address asks for it at once. */
const FIRST_PACKETS = {
  DHCPREQUEST: dhcpMessage(3),
  'DNS query': 'udp dport 53',
  'HTTP SYN': 'tcp dport 80 tcp flags & (syn | ack) == syn',
} as const;

/** By how much two runs of the same differ on an emulated processor; a second packet lost costs more. */
const NOISE_MS = 900;

guestCase('a lost first packet costs at most a second', async () => {
  const cell = await wire();
  const costs = new Map<string, number>();
  const usualFirst = await untilAddress(cell, 1);
  await loseFirst(cell, dhcpMessage(1));
  costs.set('DHCPDISCOVER', (await untilAddress(cell, 0)) - usualFirst);
  await assertOneLost(cell, 'DHCPDISCOVER');
  cell.cable(1).unplug();
  await cell.log.wait('online', isProperty('Manager', 'State', 'online'));

  const usual = Math.min(await reconnect(cell), await reconnect(cell));
  for (const [what, rule] of Object.entries(FIRST_PACKETS)) {
    await loseFirst(cell, rule);
    costs.set(what, (await reconnect(cell)) - usual);
    await assertOneLost(cell, what);
  }
  const list = [...costs].map(([what, costMs]) => `${what} ${costMs.toFixed(0)} ms`);
  console.log(`${usual.toFixed(0)} ms without loss; more when the first is lost: ${list.join(', ')}`);
  assert.ok(Math.max(...costs.values()) < 1000 + NOISE_MS);
});

guestCase('three packets of ten lost each way, late and out of order: still a lease', async () => {
  const cell = await wire();
  await setLoss(cell, 'udp dport 67 numgen inc mod 10 vmap { 0 : drop, 3 : drop, 4 : drop }',
    'udp sport 67 numgen inc mod 10 vmap { 1 : drop, 2 : drop, 7 : drop }');
  await cell.server.output(['tc', 'qdisc', 'add', 'dev', 'cable0', 'root', 'netem', 'delay', '150ms', '100ms']);
  await cell.device.output(['tc', 'qdisc', 'add', 'dev', 'eth0', 'root', 'netem', 'delay', '150ms', '100ms']);
  const times: number[] = [];
  for (let round = 0; round < 4; round++) times.push(await reconnect(cell));
  console.log(times.map((time) => `${time.toFixed(0)} ms`).join(', '));
  assert.ok(Math.max(...times) < 30_000);
});

// One in ten: with three a run in fifty would take longer than anyone waits.
guestCase('random loss in both directions ends with being online', async () => {
  const cell = await wire();
  await setLoss(cell, '');
  const netem = ['root', 'netem', 'delay', '20ms', '10ms', 'loss', '10%'];
  await cell.server.output(['tc', 'qdisc', 'replace', 'dev', 'cable0', ...netem]);
  await cell.device.output(['tc', 'qdisc', 'replace', 'dev', 'eth0', ...netem]);
  const time = await reconnect(cell);
  console.log(`${time.toFixed(0)} ms`);
  await cell.close();
});

/** From plugging a cable in to its address. */
async function untilAddress(cell: Cell, index: number): Promise<number> {
  const since = cell.cable(index).plug();
  const { at } = await cell.log.wait('an address', isAddress(`eth${index}`, '10.77.'), { since });
  return at - since;
}

const loseFirst = (cell: Cell, rule: string): Promise<void> =>
  setLoss(cell, `${rule} numgen inc mod 1000000 0 counter drop`);

async function assertOneLost(cell: Cell, what: string): Promise<void> {
  assert.match(await cell.server.output(['nft', 'list', 'ruleset']), /counter packets 1 /, `${what} was lost`);
}

/** Disconnects and connects the service; how long until it is online. */
async function reconnect(cell: Cell): Promise<number> {
  const service = '/net/connman/service/ethernet_020000000000_cable';
  const before = performance.now();
  await callConnman(cell, 'Service', 'Disconnect', service);
  await cell.log.wait('the lease to be given back', isAddressGone, { since: before });
  const since = performance.now();
  await callConnman(cell, 'Service', 'Connect', service);
  const { at } = await cell.log.wait('online', isProperty('Manager', 'State', 'online'), { since });
  return at - since;
}

/** Loses what the server receives and sends by these rules, from now on. */
async function setLoss(cell: Cell, received: string, sent = ''): Promise<void> {
  await cell.server.output(['nft', '-f', '-'], { input: `flush ruleset
table ip loss {
  chain received { type filter hook input priority 0; ${received}; }
  chain sent { type filter hook output priority 0; ${sent}; }
}
` });
}

function isAddressGone(event: CellEvent): boolean {
  return event.kind === 'address' && !event.isAdded && event.address.startsWith('10.77.');
}

/** A cell for several cases: made by the first that asks. */
function openWhenAsked(open: () => Promise<Cell>): () => Promise<Cell> {
  let opened: Promise<Cell> | undefined;
  return () => (opened ??= open());
}

/** A DHCP server on VLAN 7 of the cell's bridge, in a namespace of its own for its lease file. */
async function startVlanServer(cell: Cell): Promise<void> {
  const namespace = await cell.server.nest();
  await cell.server.script(`ip link add link bridge name vlan7 type vlan id 7
ip link set vlan7 netns ${namespace.innerPid}`);
  await namespace.script(`mount -t tmpfs tmpfs /run
ip link set lo up
ip address add 10.7.0.1/24 dev vlan7
ip link set vlan7 up`);
  const subnet = { link: 'vlan7', router: '10.7.0.1', first: '10.7.0.10', last: '10.7.0.99', netmask: '255.255.255.0' };
  await startDnsmasq(namespace, subnet, cell.log);
}

function isAddress(link: string, prefix: string) {
  return (event: CellEvent): boolean =>
    event.kind === 'address' && event.isAdded && event.link === link && event.address.startsWith(prefix);
}

const isObject = (signal: string) => (identifier: string) => (event: CellEvent): boolean =>
  event.kind === 'signal' &&
  event.name === `org.freedesktop.DBus.ObjectManager.${signal}` &&
  event.body[0] === `/net/connman/service/${identifier}`;

const isAdded = isObject('InterfacesAdded');
const isRemoved = isObject('InterfacesRemoved');

/** The identifiers of all services, in order. */
async function services(cell: Cell): Promise<string[]> {
  const [list] = await callConnman(cell, 'Manager', 'GetServices');
  if (!Array.isArray(list)) throw new Error('no list');
  return list.map(([path]: [string]) => path.split('/').at(-1) ?? '');
}

// The last: these move the wall clock by years.
clockCases();
await runCases();
