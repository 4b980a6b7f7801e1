/**
 * One wired link from cable to online and back, on a real kernel and bus, with dnsmasq as the
 * server and Debian's connmanctl looking on. Expectations are what was recorded of ConnMan, and for
 * a stop of the daemon our own promise: addresses stay and are adopted by the next one.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Cell } from '../helpers/cell.ts';
import { DAEMONS } from '../helpers/daemons.ts';
import type { CellEvent } from '../helpers/event-log.ts';
import {
  callConnman,
  daemon,
  debianConnmanctl,
  isListed,
  isProperty,
  isService,
  plugIn,
  SERVICE,
  SERVICE_PATH,
  startDaemon,
  withWiredCell,
} from '../helpers/wired.ts';

const isOurs = daemon === DAEMONS.causeway;
const ONLINE_LINE = `*AO Wired                ${SERVICE}\n`;
const dnsmasq = { extra: ['--dhcp-option=15,lan.test', '--dhcp-option=42,10.77.0.1'] };

test('a plugged cable becomes *AO Wired', () =>
  withWiredCell({}, async (cell) => {
    await startDaemon(cell);
    const since = await plugIn(cell);
    assert.is((await debianConnmanctl(cell, 'services')).trimStart(), ONLINE_LINE);

    const order = [
      ['the carrier', (event) => event.kind === 'carrier' && event.link === 'eth0' && event.isOn],
      ['the offer', (event) => event.kind === 'dhcp' && event.message === 'DHCPOFFER'],
      ['the lease', (event) => event.kind === 'dhcp' && event.message === 'DHCPACK'],
      ['the address', (event) => event.kind === 'address' && event.address.startsWith('10.77.') && event.isAdded],
      ['ready', isProperty('Manager', 'State', 'ready')],
      ['the online check', (event) => event.kind === 'http'],
      ['online', isProperty('Manager', 'State', 'online')],
    ] satisfies [string, (event: CellEvent) => boolean][];
    const times: number[] = [];
    for (const [what, matches] of order) times.push((await cell.log.wait(what, matches, { since })).at);
    // The kernel, dnsmasq and the bus are read through three pipes: allow for their order of arrival.
    for (const [index, at] of times.entries()) {
      assert.ok(at > (times[index - 1] ?? 0) - 5, `${order[index]?.[0]} came too early`);
    }
  }));

test('the objects on the bus are ConnMan\'s', () =>
  withWiredCell({ dnsmasq }, async (cell) => {
    await startDaemon(cell);
    await plugIn(cell);
    const [services] = await callConnman(cell, 'Manager', 'GetServices');
    const expected = serviceProperties(address(cell));
    assert.equal(services, [[SERVICE_PATH, expected]]);
    const [properties] = await callConnman(cell, 'Service', 'GetProperties', SERVICE_PATH);
    assert.equal(Object.keys(properties ?? {}), Object.keys(expected), 'in ConnMan\'s order');

    const [technologies] = await callConnman(cell, 'Manager', 'GetTechnologies');
    const technology = { Name: 'Wired', Type: 'ethernet', Powered: true, Connected: true, Tethering: false };
    assert.equal(technologies, [['/net/connman/technology/ethernet', { ...technology, TetheringFreq: 0 }]]);
    const [manager] = await callConnman(cell, 'Manager', 'GetProperties');
    assert.equal(manager, { State: 'online', OfflineMode: false, SessionMode: false });
  }));

test('a service is announced before it is listed, and its technology connected before the manager is ready', () =>
  withWiredCell({}, async (cell) => {
    await startDaemon(cell);
    const since = await plugIn(cell);
    const added = await cell.log.wait('InterfacesAdded', isService('InterfacesAdded'), { since });
    const listed = await cell.log.wait('ServicesChanged', isListed, { since });
    const connected = await cell.log.wait('Connected', isProperty('Technology', 'Connected', true), { since });
    const ready = await cell.log.wait('ready', isProperty('Manager', 'State', 'ready'), { since });
    assert.ok(added.at <= listed.at);
    assert.ok(connected.at <= ready.at);
  }));

test('the device routes and resolves through the server', () =>
  withWiredCell({ dnsmasq }, async (cell) => {
    await startDaemon(cell);
    await plugIn(cell);
    const routes = await cell.device.output(['ip', '-4', 'route', 'show', 'default']);
    assert.match(routes, /^default via 10\.77\.0\.1 dev eth0[^\n]*\n$/);
    const resolvConf = cell.device.read('/run/connman/resolv.conf');
    const nameservers = [...resolvConf.matchAll(/^nameserver (\S+)/gm)].map(([, server]) => server);
    assert.equal(nameservers, ['::1', '127.0.0.1']);
    if (isOurs) assert.match(resolvConf, /^search lan\.test$/m);
    assert.match(await cell.device.output(['getent', 'ahostsv4', 'ipv4.connman.net']), /^10\.77\.0\.1\s/);
  }));

test('a pulled cable takes the service away; plugged in again, the lease is asked for by name', () =>
  withWiredCell({}, async (cell) => {
    await startDaemon(cell);
    await plugIn(cell);
    const before = address(cell);
    const pulledAt = cell.cable().unplug();
    await cell.log.wait('the service to go', isService('InterfacesRemoved'), { since: pulledAt });
    await cell.log.wait('the address to go', isAddress('removed'), { since: pulledAt });
    await cell.log.wait('idle', isProperty('Manager', 'State', 'idle'), { since: pulledAt });
    assert.is((await debianConnmanctl(cell, 'services')).trim(), '');
    assert.is(await cell.device.output(['ip', '-4', 'route']), '');

    const since = await plugIn(cell);
    assert.is(address(cell), before);
    const messages = cell.log.since(since).flatMap((event) => (event.kind === 'dhcp' ? [event.message] : []));
    assert.equal(messages, ['DHCPREQUEST', 'DHCPACK'], 'RFC 2131, 3.2');
    assert.is((await debianConnmanctl(cell, 'services')).trimStart(), ONLINE_LINE);
  }));

test('disconnect gives the address back, connect brings it online again', () =>
  withWiredCell({}, async (cell) => {
    await startDaemon(cell);
    await plugIn(cell);
    const disconnectedAt = performance.now();
    assert.is(await debianConnmanctl(cell, 'disconnect', SERVICE), `Disconnected ${SERVICE}\n`);
    await cell.log.wait('the address to go', isAddress('removed'), { since: disconnectedAt });
    const isRelease = (event: CellEvent): boolean => event.kind === 'dhcp' && event.message === 'DHCPRELEASE';
    await cell.log.wait('the release', isRelease, { since: disconnectedAt });
    await cell.log.wait('idle', isProperty('Service', 'State', 'idle'), { since: disconnectedAt });
    assert.is((await debianConnmanctl(cell, 'services')).trimStart(), `*A  Wired                ${SERVICE}\n`);
    assert.is(await cell.device.output(['ip', '-4', 'route']), '');

    const connectedAt = performance.now();
    assert.is(await debianConnmanctl(cell, 'connect', SERVICE), `Connected ${SERVICE}\n`);
    await cell.log.wait('online', isProperty('Manager', 'State', 'online'), { since: connectedAt });
    assert.is((await debianConnmanctl(cell, 'services')).trimStart(), ONLINE_LINE);
  }));

test('SIGTERM keeps addresses and routes, and the next daemon adopts them', () =>
  withWiredCell({}, async (cell) => {
    const first = await startDaemon(cell);
    await plugIn(cell);
    const before = address(cell);
    const route = await cell.device.output(['ip', '-4', 'route', 'show', 'default']);
    const stoppedAt = performance.now();
    assert.is(await first.stop(), 0);
    const isReleased = (event: CellEvent): boolean => event.kind === 'owner' && event.owner === undefined;
    await cell.log.wait('the bus name to go', isReleased, { since: stoppedAt });
    for (const [what, matches] of [
      ['disconnect', isProperty('Service', 'State', 'disconnect')],
      ['Powered', isProperty('Technology', 'Powered', false)],
      ['the service to go', isService('InterfacesRemoved')],
    ] as const) {
      await cell.log.wait(what, matches, { since: stoppedAt });
    }
    if (!isOurs) return;

    await startDaemon(cell);
    await cell.log.wait('online', isProperty('Manager', 'State', 'online'), { since: stoppedAt });
    const lost = cell.log.since(stoppedAt).filter((event) => isAddress('removed')(event) || isRouteRemoved(event));
    assert.equal(lost, []);
    assert.is(address(cell), before);
    assert.is(await cell.device.output(['ip', '-4', 'route', 'show', 'default']), route);
    assert.is((await debianConnmanctl(cell, 'services')).trimStart(), ONLINE_LINE);
  }));

test.run();

const isAddress =
  (change: 'added' | 'removed') =>
  (event: CellEvent): boolean =>
    event.kind === 'address' && event.address.startsWith('10.77.') && event.isAdded === (change === 'added');

const isRouteRemoved = (event: CellEvent): boolean =>
  event.kind === 'route' && !event.isAdded && event.route.startsWith('default ');

/** The address the device was given last, as the kernel said. */
function address(cell: Cell): string {
  const added = cell.log.since(0).filter(isAddress('added')).at(-1);
  if (added?.kind !== 'address') throw new Error('the device has no address');
  return added.address.replace(/\/20$/, '');
}

/** An online wired service by DHCP, keys in the order ConnMan sends them. */
function serviceProperties(address: string): Record<string, unknown> {
  return {
    Type: 'ethernet',
    Security: [],
    State: 'online',
    Favorite: true,
    Immutable: false,
    AutoConnect: true,
    Name: 'Wired',
    Ethernet: { Method: 'auto', Interface: 'eth0', Address: '02:00:00:00:00:00', MTU: 1500 },
    IPv4: { Method: 'dhcp', Address: address, Netmask: '255.255.240.0', Gateway: '10.77.0.1' },
    'IPv4.Configuration': { Method: 'dhcp' },
    IPv6: {},
    'IPv6.Configuration': { Method: 'auto', Privacy: 'disabled' },
    Nameservers: ['10.77.0.1'],
    'Nameservers.Configuration': [],
    Timeservers: ['10.77.0.1'],
    'Timeservers.Configuration': [],
    Domains: ['lan.test'],
    'Domains.Configuration': [],
    Proxy: { Method: 'direct' },
    'Proxy.Configuration': {},
    mDNS: false,
    'mDNS.Configuration': false,
    Provider: {},
  };
}
