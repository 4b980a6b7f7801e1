/**
 * The console as scripts use it, against a daemon that does as it is told: exit statuses, JSON,
 * services by name, passphrases, hidden networks, configuration all or nothing, commands on
 * standard input.
 */

import { writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DBusError } from '../../src/dbus/errors.ts';
import { describeInterface } from '../../src/dbus/interface.ts';
import { causewayManagerInterface } from '../../src/dbus/interfaces/causeway-manager.ts';
import { variant } from '../../src/dbus/signature.ts';
import { createScope } from '../../src/shared/scope.ts';
import { BUS_SOCKET } from '../helpers/bus-daemon.ts';
import { withCell, type Cell } from '../helpers/cell.ts';
import type { Child, Finished } from '../helpers/child.ts';
import { FakeConnman } from '../helpers/fake-connman.ts';
import { HIDDEN, WIFI } from '../helpers/fake-connman-objects.ts';

const OURS = resolve('build/bin/connmanctl');
const WIFI_PATH = `/net/connman/service/${WIFI}`;

interface Stage {
  readonly cell: Cell;
  readonly fake: FakeConnman;
  run(words: readonly string[], input?: string): Promise<Finished>;
}

function onStage(body: (stage: Stage) => Promise<void>): () => Promise<void> {
  return () =>
    withCell({ dnsmasq: false }, async (cell) => {
      const fake = await FakeConnman.start(cell.busAddress);
      const run = (words: readonly string[], input = ''): Promise<Finished> =>
        cell.device.run(['timeout', '60', OURS, ...words], { input });
      try {
        await body({ cell, fake, run });
      } finally {
        await fake.close();
      }
    });
}

test('--json prints one document, errors too', onStage(async ({ run }) => {
  const text = async (...words: string[]): Promise<string> => (await run([...words, '--json'])).stdout;
  const json = async (...words: string[]): Promise<unknown> => JSON.parse(await text(...words));
  const state = await json('state');
  assert.equal(pick(state, 'State', 'Int64', 'Uint64'), ['online', -9, '18446744073709551615']);
  assert.equal(pick(state, 'Bytes', 'Struct'), [[1, 200], ['s', 3]]);
  assert.equal(pick(state, 'Dictionary'), [{ A: 'x', L: ['p', 'q'], E: [], B: false }]);
  assert.equal(pick(state, 'Hostile'), ['a\x1b[31mred\nnew\tline']);
  const [first] = items(await json('services'));
  assert.equal(pick(first, 'path'), [WIFI_PATH]);
  assert.equal(pick(pick(first, 'properties')[0], 'Strength', 'Security'), [70, ['psk', 'wps']]);
  assert.equal(await json('services', WIFI), first);
  assert.equal(await json('services', 'Home Müller'), first);
  assert.equal(await json('clock'), { Time: 1_700_000_000, TimeUpdates: 'auto' });
  assert.equal(await json('tethering_clients'), ['aa:bb:cc:dd:ee:ff', '02:00:00:00:00:01']);
  assert.is(items(await json('peers')).length, 2);
  assert.is(items(await json('technologies')).length, 2);
  assert.is(items(await json('vpnconnections')).length, 5);
  const failed = await run(['--json', 'services', 'nosuch']);
  assert.is(failed.status, 1);
  assert.is(failed.stdout, '');
  assert.is(JSON.parse(failed.stderr).error.name, 'org.freedesktop.DBus.Error.UnknownObject');
}));

test('a service by name or interface, where only one has it', onStage(async ({ fake, run }) => {
  assert.is((await run(['connect', 'Home Müller'])).stdout, 'Connected Home Müller\n');
  assert.equal(fake.calls, [`Service.Connect ${WIFI_PATH} ""`]);
  assert.is((await run(['disconnect', 'wlan0'])).stdout, 'Disconnected wlan0\n');
  const several = await run(['connect', 'Wired']);
  assert.is(several.status, 22);
  assert.match(several.stderr, / called that: ethernet_020000000000_cable ethernet_020000000001_cable\n/);
  const none = await run(['connect', 'no such']);
  assert.is(none.status, 22);
  assert.match(none.stderr, "Error 'connect': Invalid argument\nNo service is called");
}));

test('what the daemon refuses is status 1, with advice', onStage(async ({ fake, run }) => {
  fake.refuse = () => new DBusError('net.connman.Error.NoCarrier', 'No carrier');
  const refused = [
    ['connect', WIFI], ['disconnect', WIFI], ['scan', 'wifi'], ['enable', 'wifi'], ['tether', 'wifi', 'on'],
    ['move-before', WIFI, HIDDEN], ['config', WIFI, '--mdns', 'on'], ['config', WIFI, '--remove'],
    ['enable', 'offline'], ['peer_service', 'register', 'wfd_ies', '00'], ['session', 'on'],
    ['clock', 'set', '--timezone', 'Etc/UTC'],
    ['connect', 'peer_0200000000aa_01'], ['tether', 'wifi', 'a', 'b'],
  ];
  for (const words of refused) {
    const { status, stdout, stderr } = await run(words);
    assert.is(status, 1, words.join(' '));
    assert.is(stdout, '', words.join(' '));
    assert.match(stderr, /No carrier\n(Error .*No carrier\n)?The link is off or unplugged/, words.join(' '));
  }
  // Explain alone of what Causeway has: a technology that a switch holds off is not on the bus.
  const explaining = describeInterface({
    name: causewayManagerInterface.name, methods: { Explain: causewayManagerInterface.methods.Explain }, signals: {},
  });
  const finding = { Subject: 'gadget', About: 'power', Text: 'Its radio is blocked by a switch.' };
  const told = new Map(Object.entries(finding).map(([key, value]) => [key, variant('s', value)]));
  const scope = createScope();
  fake.bus.export('/', explaining, { methods: { Explain: () => [told] } }, scope);
  for (const command of ['scan', 'enable']) {
    assert.match((await run([command, 'gadget'])).stderr, `\n${finding.Text}\n`);
  }
  await scope.close();
}));

test('dns says that a daemon without a proxy has none', onStage(async ({ run }) => {
  const { status, stdout, stderr } = await run(['dns']);
  assert.equal([status, stdout], [1, '']);
  assert.match(stderr, 'The daemon does not resolve names by itself');
  assert.is((await run(['dns', 'flush'])).status, 1);
  assert.is((await run(['dns', 'clear'])).status, 22);
}));

test('config changes all or nothing', onStage(async ({ fake, run }) => {
  const line = `config ${WIFI} --ipv4 manual 192.0.2.9/24 192.0.2.1 --nameservers 192.0.2.1 --mdns on`;
  const words = line.split(' ');
  fake.refuse = (what) =>
    what.endsWith('mDNS.Configuration') ? new DBusError('net.connman.Error.NotSupported', 'Not supported') : undefined;
  const { status, stderr } = await run(words);
  assert.is(status, 1);
  assert.match(stderr, `Error ${WIFI}: Not supported\n`);
  assert.match(stderr, 'mDNS.Configuration was refused; nothing has been changed.\n');
  assert.equal(fake.properties(WIFI_PATH).get('Nameservers.Configuration')?.value, ['192.0.2.53']);
  assert.is(fake.properties(WIFI_PATH).get('IPv4.Configuration')?.as('a{sv}')?.get('Method')?.value, 'dhcp');
  fake.refuse = () => undefined;
  assert.is((await run(words)).status, 0);
  const ipv4 = fake.properties(WIFI_PATH).get('IPv4.Configuration')?.as('a{sv}');
  const values = [...(ipv4 ?? [])].map(([, { value }]) => value);
  assert.equal(values, ['manual', '192.0.2.9', '255.255.255.0', '192.0.2.1']);
  fake.calls.length = 0;
  assert.is((await run(['config', WIFI, '--mdns', 'on', '--ipv6', 'manual', 'fd00::1', '300'])).status, 22);
  assert.equal(fake.calls, []);
}));

test('clock set', onStage(async ({ fake, run }) => {
  const line = 'clock set --timeupdates manual --time 2026-01-31T12:00:00Z --timeservers a b';
  assert.equal(await run(line.split(' ')), { status: 0, stdout: '', stderr: '' });
  assert.equal(fake.calls, [
    'Clock.SetProperty TimeUpdates {"s":"manual"}',
    'Clock.SetProperty Time {"t":"1769860800"}',
    'Clock.SetProperty Timeservers {"as":["a","b"]}',
  ]);
  for (const bad of [['set'], ['set', '--time', 'noon'], ['set', '--zone', 'x'], ['set', '--timezone']]) {
    assert.is((await run(['clock', ...bad])).status, 22, bad.join(' '));
  }
  assert.is((await run(['clock', 'x'])).status, 7);
}));

test('passphrases from files and pipes, hidden networks, no way to ask', onStage(async ({ cell, fake, run }) => {
  const field = variant('a{sv}', new Map([['Requirement', variant('s', 'mandatory')]]));
  const asked: unknown[] = [];
  const ask = (...fields: string[]) => async (path: string): Promise<void> => {
    const service = path;
    const answer = fake.agent?.RequestInput({ service, fields: new Map(fields.map((name) => [name, field])) });
    if (answer === undefined) throw new DBusError('net.connman.Error.NotRegistered', 'Not registered');
    try {
      asked.push(Object.fromEntries([...(await answer)].map(([name, { value }]) => [name, value])));
    } catch (error) {
      asked.push(error instanceof DBusError ? error.name : error);
      throw new DBusError('net.connman.Error.OperationAborted', 'Operation aborted');
    }
  };
  fake.onConnect = ask('Passphrase', 'WPS');
  const unasked = await run(['connect', WIFI]);
  assert.is(unasked.status, 3);
  assert.match(unasked.stderr, 'Not registered\nA question must be answered: use --passphrase-file');
  assert.is((await run(['connect', WIFI, '--passphrase-stdin'], 'secret one\nmore\n')).stdout, `Connected ${WIFI}\n`);
  writeFileSync(cell.device.path('/run/passphrase'), 'secret two');
  assert.is((await run(['connect', '--passphrase-file=/run/passphrase', WIFI])).status, 0);
  fake.onConnect = ask('Name', 'Passphrase');
  const hidden = await run(['connect', 'My Network', '--hidden', '--passphrase-stdin'], 'secret three\n');
  assert.is(hidden.stdout, 'Connected My Network\n');
  assert.ok(fake.calls.includes(`Service.Connect /net/connman/service/${HIDDEN} ""`));
  fake.onConnect = ask('Identity', 'Passphrase');
  assert.is((await run(['connect', WIFI, '--identity', 'joe', '--passphrase-stdin'], 'four\n')).status, 0);
  const partly = await run(['connect', WIFI, '--identity', 'joe']);
  assert.is(partly.status, 3);
  assert.match(partly.stderr, 'The daemon asks for Passphrase: use --passphrase-file');
  assert.equal(asked, [
    { Passphrase: 'secret one' },
    { Passphrase: 'secret two' },
    { Name: 'My Network', Passphrase: 'secret three' },
    { Identity: 'joe', Passphrase: 'four' },
    'net.connman.Agent.Error.Canceled',
  ]);
  assert.is((await run(['connect', WIFI, '--passphrase-file', '/nonexistent'])).status, 22);
}));

test('--wait and --timeout', onStage(async ({ fake, run }) => {
  const idle = '/net/connman/service/ethernet_020000000005_cable';
  const late = await run(['connect', 'ethernet_020000000005_cable', '--wait', '--timeout', '0.3']);
  assert.is(late.status, 110);
  assert.match(late.stderr, 'After 0.3 s ethernet_020000000005_cable is not ready.');
  fake.onConnect = () => {
    setTimeout(() => fake.announce(idle, 'State', variant('s', 'ready')), 300);
    return Promise.resolve();
  };
  assert.is((await run(['connect', 'ethernet_020000000005_cable', '--wait=ready'])).status, 0);
  fake.announce(idle, 'State', variant('s', 'failure'));
  fake.onConnect = () => Promise.resolve();
  assert.is((await run(['connect', 'ethernet_020000000005_cable', '--wait'])).status, 1);
  assert.is((await run(['state', '--wait=online', '--timeout=5'])).status, 0);
  assert.is((await run(['state', '--wait=soon'])).status, 22);
  assert.is((await run(['state', '--timeout', 'x', '--wait'])).status, 22);
}));

test('commands on standard input run one after the other', onStage(async ({ cell, fake, run }) => {
  const field = variant('a{sv}', new Map([['Requirement', variant('s', 'mandatory')]]));
  const given: unknown[] = [];
  fake.onConnect = async (service) => {
    const answer = await fake.agent?.RequestInput({ service, fields: new Map([['Passphrase', field]]) });
    given.push(answer?.get('Passphrase')?.value);
  };
  const { status, stdout, stderr } = await run([], `agent on\n\nconnect ${WIFI}\nsecret\nstate x\nscan wifi\n`);
  assert.is(stderr.split('\n')[0], "Error 'state': Argument list too long");
  assert.is(status, 7);
  const wanted = ['Agent registered', `Agent RequestInput ${WIFI}`, '  Passphrase = [ Requirement=mandatory ]',
    'Passphrase? ', `Connected ${WIFI}`, 'Scan completed for wifi', ''];
  assert.is(stdout, wanted.join('\n'));
  assert.is((await run([], 'services\nquit\nnonsense\n')).status, 0);
  writeFileSync(cell.device.path('/run/passphrase'), 'other\n');
  // What was said for one connection answers no later question.
  const again = await run([], `connect ${WIFI} --passphrase-file /run/passphrase\nagent on\nconnect ${WIFI}\nsecret\n`);
  assert.match(again.stdout, `Agent registered\nAgent RequestInput ${WIFI}\n`);
  assert.match(again.stdout, `Passphrase? \nConnected ${WIFI}\n`);
  assert.equal(given, ['secret', 'other', 'secret']);
  assert.is((await run(['connect', WIFI, '--passphrase-file', '/dev/null'])).status, 3);
}));

test('monitor --json, and the end of the bus', onStage(async ({ cell, fake }) => {
  const child = cell.device.spawn([OURS, 'monitor', '--json', 'services']);
  await announceUntilHeard(fake, child);
  const { time, ...signal } = JSON.parse(child.text.split('\n')[0] ?? '');
  assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  const source = { path: WIFI_PATH, interface: 'net.connman.Service' };
  assert.equal(signal, { ...source, signal: 'PropertyChanged', args: ['Strength', 71] });
  child.kill('SIGTERM');
  assert.is(await child.exited, 0);
  const address = '/run/breakable';
  const connections: Socket[] = [];
  const server = createServer((client) => {
    const bus = connect(cell.device.path(BUS_SOCKET));
    connections.push(client, bus);
    for (const one of [client, bus]) one.on('error', () => undefined);
    client.pipe(bus).pipe(client);
  });
  await new Promise<void>((resume) => server.listen(cell.device.path(address), resume));
  const orphan = cell.device.spawn([OURS, 'monitor'], { DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${address}` });
  await announceUntilHeard(fake, orphan);
  for (const connection of connections) connection.destroy();
  server.close();
  assert.is(await orphan.exited, 2);
  assert.match(orphan.text, 'Error: Disconnected from D-Bus');
}));

test('a reader that goes away ends it quietly', onStage(async ({ cell }) => {
  const script = `"$0" services --json | head -c 1; "$0" help | head -n 1`;
  const { stderr } = await cell.device.run(['sh', '-c', script, OURS]);
  assert.is(stderr, '');
}));

test('Wi-Fi networks as lines: as they are, as they change, and gone', onStage(async ({ cell, fake, run }) => {
  const once = await run(['wifi', '--once']);
  assert.match(once.stdout, new RegExp(`^${WIFI} 70 psk,wps online "Home Müller"\\n`));
  const listed = JSON.parse((await run(['wifi', '--once', '--json'])).stdout);
  assert.is(once.stdout.split('\n').length, items(listed).length + 1);
  const watching = cell.device.spawn([OURS, 'wifi', '--scan=0']);
  await watching.waitForLine((line) => line.includes(`${WIFI} 70 psk,wps online`));
  fake.announce(WIFI_PATH, 'Strength', variant('y', 12));
  await watching.waitForLine((line) => line.includes(`${WIFI} 12 psk,wps online`));
  watching.kill('SIGINT');
  assert.is(await watching.exited, 0);
}));

test.run();

/** A signal again and again until the program has printed one. */
async function announceUntilHeard(fake: FakeConnman, child: Child): Promise<void> {
  const announcing = setInterval(() => fake.announce(WIFI_PATH, 'Strength', variant('y', 71)), 20);
  await child.waitForLine(() => true, 20_000).finally(() => clearInterval(announcing));
}

function pick(value: unknown, ...keys: string[]): unknown[] {
  const entries = new Map<string, unknown>(Object.entries(value ?? {}));
  return keys.map((key) => entries.get(key));
}

function items(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
