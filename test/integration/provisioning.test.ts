/**
 * Provisioning files of wired services on a real kernel and bus, made offline by our console and
 * loaded by Debian's connmand and by ours: what both show and refuse is compared. Then files that
 * come, change and go under ours, two services, and an address before there is a carrier.
 */

import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { busVariant } from '../helpers/bus-daemon.ts';
import { withCell, type Cell } from '../helpers/cell.ts';
import { run, type Child, type Finished } from '../helpers/child.ts';
import { DAEMONS, type Daemon } from '../helpers/daemons.ts';
import type { CellEvent } from '../helpers/event-log.ts';
import { callConnman, isListed, isProperty, SERVICE_PATH as FIRST } from '../helpers/wired.ts';

const SECOND = '/net/connman/service/ethernet_020000000001_cable';
const FOLDER = '/var/lib/connman';
const CONSOLE = resolve('build/bin/connmanctl');

const WORDS = '--type ethernet --mac 02:00:00:00:00:00 --ipv4 manual 10.77.3.3 255.255.240.0 10.77.0.1 --ipv6 auto ' +
  '--nameservers 10.77.0.1 --timeservers ntp.lab.test --domains s.test --mdns yes';

/** Our console without a daemon, and with a bus that nobody can reach. */
function offline(words: readonly string[], input = ''): Promise<Finished> {
  const env = { PATH: process.env['PATH'] ?? '', DBUS_SYSTEM_BUS_ADDRESS: 'unix:path=/nowhere/bus' };
  return run([CONSOLE, '--offline', 'service', ...words], { env, input });
}

async function made(words: string): Promise<string> {
  const { status, stdout, stderr } = await offline(words.split(' '));
  assert.equal([status, stderr], [0, '']);
  return stdout;
}

async function startWith(cell: Cell, { argv, busName }: Daemon): Promise<Child> {
  const since = performance.now();
  const child = await cell.startDaemon(argv, busName);
  await cell.log.wait('ethernet to be powered', isProperty('Technology', 'Powered', true), { since });
  return child;
}

async function propertiesOf(cell: Cell, path = FIRST): Promise<Record<string, unknown>> {
  const [services] = await callConnman(cell, 'Manager', 'GetServices');
  const found = Array.isArray(services) ? services.find(([each]) => each === path) : undefined;
  return found?.[1] ?? {};
}

function set(cell: Cell, name: string, value: unknown, path = FIRST): Promise<string> {
  const call = { destination: 'net.connman', path, interface: 'net.connman.Service', member: 'SetProperty' };
  return answer(cell.bus.call({ ...call, signature: 'sv', body: [name, value] }));
}

/** `done`, or the name of the error. */
function answer(call: Promise<unknown>): Promise<string> {
  return call.then(() => 'done', (error: Error & { type?: string }) => error.type ?? error.message);
}

/** What a client sees of a provisioned service, and how it is refused. */
async function observe(daemon: Daemon, file: string): Promise<unknown> {
  const files = { ...daemon.cell.files, [`${FOLDER}/lab.config`]: file };
  return withCell({ ...daemon.cell, files }, async (cell) => {
    await startWith(cell, daemon);
    const since = cell.cable().plug();
    await cell.log.wait('the address', isAddress('10.77.3.3/20', true), { since });
    await cell.log.wait('online', isProperty('Manager', 'State', 'online'), { since });
    await cell.log.wait('the service to be listed', isListed, { since });
    const shown = await propertiesOf(cell);
    const answers: string[] = [];
    for (const name of ['IPv4', 'IPv6', 'Nameservers', 'Timeservers', 'Domains', 'Proxy', 'mDNS']) {
      answers.push(`${name}: ${await set(cell, `${name}.Configuration`, busVariant('s', 'x'))}`);
    }
    const dhcp = busVariant('a{sv}', { Method: busVariant('s', 'dhcp') });
    answers.push(`IPv4: ${await set(cell, 'IPv4.Configuration', dhcp)}`);
    answers.push(`Name: ${await set(cell, 'Name', busVariant('s', 'x'))}`);
    answers.push(`Remove: ${await answer(callConnman(cell, 'Service', 'Remove', FIRST))}`);
    answers.push(`AutoConnect: ${await set(cell, 'AutoConnect', busVariant('b', false))}`);
    const settings = cell.device.read(`${FOLDER}/ethernet_020000000000_cable/settings`);
    const removedAt = performance.now();
    rmSync(cell.device.path(`${FOLDER}/lab.config`));
    await cell.log.wait('no file any more', isProperty('Service', 'Immutable', false), { since: removedAt });
    const stored = settings.split('\n').filter((line) => !/^(Modified|#|$)/.test(line)).sort();
    return { shown: comparable(shown), answers, stored };
  });
}

/** IPv6 and the time of the connection are other tests'. */
function comparable({ IPv6: _ipv6, Nameservers, ...shown }: Record<string, unknown>): unknown {
  const servers = Array.isArray(Nameservers) ? Nameservers.filter((server) => !String(server).includes(':')) : [];
  return { ...shown, Nameservers: servers };
}

test('a file made offline is the same to Debian\'s connmand and ours', async () => {
  const file = await made(`add wired ${WORDS}`);
  const theirs = await observe(DAEMONS.debian, file);
  const ours = await observe(DAEMONS.causeway, file);
  assert.equal(ours, theirs);
});

test('files come, change and go under the daemon', () =>
  withCell({ cables: 2, files: { '/etc/connman/main.conf': '[General]\nOnlineCheckMode=none\n' } }, async (cell) => {
    const daemon = await startWith(cell, DAEMONS.causeway);
    const folder = cell.device.path(FOLDER);
    const pluggedAt = cell.cable(0).plug();
    cell.cable(1).plug();
    await cell.log.wait('eth0 to be ready', isReady(FIRST), { since: pluggedAt });
    await cell.log.wait('eth1 to be ready', isReady(SECOND), { since: pluggedAt });

    // Made: one of two services, by the name of its interface.
    const words = WORDS.replace('--mac 02:00:00:00:00:00', '--device eth1').replace('10.77.3.3', '10.77.3.4');
    const lan = await made(`add lan ${words}`);
    const madeAt = performance.now();
    writeFileSync(join(folder, 'lan.config'), lan);
    const added = await cell.log.wait('the address', isAddress('10.77.3.4/20', true), { since: madeAt });
    assert.ok(added.at - madeAt < 3000, 'at once');
    await cell.log.wait('eth1 to be ready', isReady(SECOND), { since: madeAt });
    assert.is((await propertiesOf(cell, SECOND))['Immutable'], true);
    assert.is((await propertiesOf(cell, FIRST))['Immutable'], false);
    assert.equal(cell.log.since(madeAt).filter(isReady(FIRST)), [], 'the other one is left alone');

    // A client of the command line is refused as one of the bus is.
    const refused = await cell.device.run([CONSOLE, 'config', 'ethernet_020000000001_cable', '--ipv4', 'dhcp']);
    assert.is(refused.status, 1);
    assert.match(refused.stderr, /^Error ethernet_020000000001_cable: Not supported$/m);

    // Changed by the offline console, mistakes beside it; renamed; deleted.
    const changedAt = performance.now();
    const change = ['set', 'lan', '--dir', folder, '--ipv4', 'manual', '10.77.3.5/20', '10.77.0.1'];
    assert.equal(await offline(change), { status: 0, stdout: '', stderr: '' });
    await cell.log.wait('the new address', isAddress('10.77.3.5/20', true), { since: changedAt });
    await cell.log.wait('the old one to go', isAddress('10.77.3.4/20', false), { since: changedAt });
    const bad = '[service_bad]\nType=ethernet\nMAC=02:00:00:00:00:00\nIPv4=10.77.3.300/20\n';
    writeFileSync(join(folder, 'bad.config'), bad);
    const complaint = /connman\/bad\.config:4: IPv4=10\.77\.3\.300\/20: off, dhcp, or ADDRESS\/NETMASK.* wanted$/;
    await daemon.waitForLine((line) => complaint.test(line));
    await cell.log.wait('the rest to count', isProperty('Service', 'Immutable', true), { since: changedAt });

    const renamedAt = performance.now();
    renameSync(join(folder, 'lan.config'), join(folder, 'site.config'));
    await daemon.waitForLine((line) => line.includes('provisioned by site.config'));
    const lost = cell.log.since(renamedAt).filter(isAddress('10.77.3.5/20', false));
    assert.equal(lost, [], 'a rename costs no address');

    const removedAt = performance.now();
    rmSync(join(folder, 'site.config'));
    await cell.log.wait('the address to go', isAddress('10.77.3.5/20', false), { since: removedAt });
    await cell.log.wait('eth1 to be ready by DHCP', isReady(SECOND), { since: removedAt });
    const { IPv4, Immutable, 'IPv4.Configuration': configured } = await propertiesOf(cell, SECOND);
    assert.equal([Immutable, configured], [false, { Method: 'dhcp' }]);
    assert.match(JSON.stringify(IPv4), /"dhcp"/);
  }));

test('a named interface has its address before the cable, and keeps it through cable and daemon', () => {
  const file = '[service_lan]\nType=ethernet\nDeviceName=eth0\nIPv4=10.77.3.6/20/10.77.0.1\nIPv6=2001:db8::6/64\n';
  const files = { [`${FOLDER}/lan.config`]: file, '/etc/connman/main.conf': '[General]\nOnlineCheckMode=none\n' };
  return withCell({ files, dnsmasq: false }, async (cell) => {
    const startedAt = performance.now();
    const first = await startWith(cell, DAEMONS.causeway);
    await cell.log.wait('the address', isAddress('10.77.3.6/20', true), { since: startedAt });
    assert.equal(await propertiesOf(cell), {}, 'no cable, no service');
    const before = await cell.device.output(['ip', '-4', 'route', 'show', '10.77.0.0/20']);
    assert.match(before, /metric 4\d{9}/, 'its route gives way to every other');
    const ipv6Route = (): Promise<string> => cell.device.output(['ip', '-6', 'route', 'show', '2001:db8::/64']);
    assert.match(await ipv6Route(), /metric 4\d{9}/);

    const pluggedAt = cell.cable().plug();
    await cell.log.wait('ready', isProperty('Manager', 'State', 'ready'), { since: pluggedAt });
    const during = await cell.device.output(['ip', '-4', 'route', 'show', '10.77.0.0/20']);
    assert.match(during, /^10\.77\.0\.0\/20 dev eth0 proto kernel scope link src 10\.77\.3\.6 *\n$/);
    assert.is(cell.log.since(pluggedAt).filter(isAddress('10.77.3.6/20', false)).length, 0, 'it never goes');

    assert.match(await ipv6Route(), /metric 256 /, 'as the kernel has it');
    await cell.log.wait('the IPv6 address in use', isIpv6('2001:db8::6'), { since: pluggedAt });
    const pulledAt = cell.cable().unplug();
    await cell.log.wait('idle', isProperty('Manager', 'State', 'idle'), { since: pulledAt });
    await cell.log.wait('the address again', isAddress('10.77.3.6/20', true), { since: pulledAt });
    await first.stop();
    assert.match(await cell.device.output(['ip', '-4', 'address', 'show', 'dev', 'eth0']), /10\.77\.3\.6\/20/);
  });
});

test('files are checked and changed through pipes, without bus, daemon and addon', async () => {
  const manual = 'manual 192.0.2.2 255.255.255.0 192.0.2.1';
  const file = await made(`add --type ethernet --ipv4 ${manual} --nameservers 192.0.2.1`);
  const expected = 'Type=ethernet\nIPv4=192.0.2.2/255.255.255.0/192.0.2.1\nNameservers=192.0.2.1\n';
  assert.is(file, `[service_ethernet]\n${expected}`);
  assert.equal(await offline(['check'], file), { status: 0, stdout: '', stderr: '' });
  const wrong = await offline(['check'], file.replace('192.0.2.2/', '192.0.2.2222/'));
  assert.is(wrong.status, 22);
  assert.match(wrong.stderr, /^standard input:3: IPv4=192\.0\.2\.2222\/255\.255\.255\.0\/192\.0\.2\.1: off, dhcp, or /);
  const changed = await offline(['set', '--mdns', 'on', '--nameservers'], file);
  assert.is(changed.stdout, '[service_ethernet]\nType=ethernet\nIPv4=192.0.2.2/255.255.255.0/192.0.2.1\nmDNS=true\n');
  const folder = mkdtempSync(join(tmpdir(), 'offline-'));
  try {
    // A program alone, as an image builder for another machine has it.
    const program = ['connmanctl.cjs', 'connmanctl.js'].map((name) => resolve('build/lib/causeway', name));
    assert.is((await run(['cp', ...program, folder])).status, 0);
    const words = [process.execPath, join(folder, 'connmanctl.cjs'), '--offline', 'service', 'show'];
    const { stdout } = await run(words, { input: file });
    assert.is(stdout, `ethernet\n${expected.replace(/^(\w+)=/gm, '  $1 = ')}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();

/** Whether an event says that a service is ready: by itself, or when it is listed. */
function isReady(path: string) {
  return (event: CellEvent): boolean => {
    if (event.kind !== 'signal') return false;
    if (event.path === path) return isProperty('Service', 'State', 'ready')(event);
    const [listed] = event.name === 'net.connman.Manager.ServicesChanged' ? event.body : [];
    return Array.isArray(listed) && listed.some(([each, { State }]) => each === path && State === 'ready');
  };
}

/** Whether an event says that a service has this IPv6 address. */
function isIpv6(address: string) {
  return (event: CellEvent): boolean =>
    event.kind === 'signal' && event.name === 'net.connman.Service.PropertyChanged' && event.body[0] === 'IPv6' &&
    JSON.stringify(event.body[1]).includes(`"fixed","Address":"${address}"`);
}

function isAddress(address: string, isAdded: boolean) {
  return (event: CellEvent): boolean =>
    event.kind === 'address' && event.address === address && event.isAdded === isAdded;
}
