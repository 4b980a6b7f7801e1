/**
 * Checkpoints on a real machine's files: confirmed, undone by time, by hand and by the next daemon
 * after a kill; with the disk full and the bus gone.
 */

import { resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startBusDaemon } from '../helpers/bus-daemon.ts';
import type { Cell } from '../helpers/cell.ts';
import { until as eventually } from '../helpers/patience.ts';
import { daemon, plugIn, SERVICE, startDaemon, withWiredCell } from '../helpers/wired.ts';

const CONSOLE = resolve('build/bin/connmanctl');
const STORAGE = '/var/lib/connman';
const SETTINGS = `${STORAGE}/${SERVICE}/settings`;
const WAITING = `${STORAGE}/causeway/checkpoints`;

const WIREGUARD = [
  'WireGuard.Address=10.2.0.2/24', 'WireGuard.AllowedIPs=0.0.0.0/0', 'WireGuard.EndpointPort=51820',
  `WireGuard.PrivateKey=${'A'.repeat(42)}E=`, `WireGuard.PublicKey=${'B'.repeat(42)}E=`,
];

const ctl = (cell: Cell, ...words: string[]): Promise<string> => cell.device.output([CONSOLE, ...words]);
const until = (cell: Cell, condition: string): Promise<string> =>
  cell.device.output(['timeout', '90', 'sh', '-c', `until ${condition}; do sleep 0.05; done`]);
const waiting = (cell: Cell): Promise<string> => cell.device.output(['sh', '-c', `ls ${WAITING} 2>/dev/null; true`]);
const isBack = `! grep -q ^Nameservers= ${SETTINGS}`;

async function online(cell: Cell): Promise<void> {
  await startDaemon(cell);
  await plugIn(cell);
  await until(cell, `test -e ${SETTINGS} && test -e ${STORAGE}/${SERVICE}/lease`);
}

async function nameservers(cell: Cell): Promise<unknown> {
  const services: readonly { properties: Record<string, unknown> }[] = JSON.parse(
    await ctl(cell, 'services', '--json'),
  );
  return services[0]?.properties['Nameservers.Configuration'];
}

test('what is confirmed stays, what is not is put back, and later ones go with earlier ones', () =>
  withWiredCell({}, async (cell) => {
    await online(cell);
    const before = cell.device.read(SETTINGS);
    assert.match(await ctl(cell, 'checkpoint', 'create', '--timeout', '60'), /^Checkpoint 1 is put back in 60 s/);
    await ctl(cell, 'config', SERVICE, '--domains', 'kept.test');
    assert.is(await ctl(cell, 'checkpoint', 'confirm'), 'Confirmed\n');
    assert.match(cell.device.read(SETTINGS), /^Domains=kept\.test;$/m);
    assert.is(await waiting(cell), '');
    await ctl(cell, 'config', SERVICE, '--domains');

    await ctl(cell, 'checkpoint', 'create', '--timeout', '10');
    const config = '[service_lan]\nType=ethernet\nNameservers=192.0.2.9\n';
    await ctl(cell, 'config', SERVICE, '--nameservers', '192.0.2.53');
    await ctl(cell, 'config', SERVICE, '--metered', 'yes');
    const lease = cell.device.read(`${STORAGE}/${SERVICE}/lease`);
    assert.equal(await nameservers(cell), ['192.0.2.53']);
    await cell.device.script(`printf '${config}' >${STORAGE}/came.config; mkdir ${STORAGE}/wifi_new_none
echo x >${STORAGE}/wifi_new_none/settings; echo x >${STORAGE}/wifi_new_none/data`);
    await until(cell, isBack);
    await until(cell, `test ! -e ${WAITING}/1`);
    // A file decides for a moment longer: what users had decided is what is put back.
    await until(cell, `${CONSOLE} services --json | grep -q '"Nameservers.Configuration":\\[]'`);
    await until(cell, `${CONSOLE} services --json | grep -q '"Immutable":false'`);
    assert.is(withoutTime(cell.device.read(SETTINGS)), withoutTime(before));
    const left = (await cell.device.output(['ls', STORAGE])).split('\n');
    assert.equal(
      left.filter((name) => /came|wifi/.test(name)),
      [],
      'what came since is gone',
    );
    assert.not.match((await cell.device.run(['cat', `${STORAGE}/causeway/services`])).stdout, /Metered/);
    assert.is(cell.device.read(`${STORAGE}/${SERVICE}/lease`), lease, 'leases are not put back');
    assert.match(await ctl(cell, 'log'), /configuration.*What=checkpoint.*Event=restored/);

    // Two at once.
    await ctl(cell, 'checkpoint', 'create');
    await ctl(cell, 'config', SERVICE, '--nameservers', '192.0.2.1');
    await ctl(cell, 'checkpoint', 'create');
    assert.is(JSON.parse(await ctl(cell, 'checkpoint', 'list', '--json')).length, 2);
    assert.is((await cell.device.run([CONSOLE, 'checkpoint', 'confirm'])).status, 1, 'which one');
    assert.is((await cell.device.run([CONSOLE, 'checkpoint', 'rollback', '7'])).status, 1);
    assert.is(await ctl(cell, 'checkpoint', 'rollback', '1'), 'Put back\n');
    assert.equal(await nameservers(cell), []);
    assert.is(await ctl(cell, 'checkpoint', 'list'), '', 'the later one was of a time that never was');
    assert.is((await cell.device.run([CONSOLE, 'checkpoint', 'create', '--timeout', 'soon'])).status, 22);
  }));

test('a killed daemon, and a bus that goes, confirm nothing', () =>
  withWiredCell({}, async (cell) => {
    const first = await startDaemon(cell);
    await plugIn(cell);
    await until(cell, `test -e ${SETTINGS}`);
    await ctl(cell, 'checkpoint', 'create', '--timeout', '25');
    await ctl(cell, 'config', SERVICE, '--nameservers', '192.0.2.53');
    first.kill('SIGKILL');
    await first.exited;
    // In time: the next daemon goes on waiting.
    await startDaemon(cell);
    await until(cell, `test "$(${CONSOLE} services | wc -l)" -gt 0`);
    assert.equal(await nameservers(cell), ['192.0.2.53']);
    assert.match(await ctl(cell, 'checkpoint', 'list'), /^1 .* s left/);
    await until(cell, isBack);
    await until(cell, `${CONSOLE} services --json | grep -q '"Nameservers.Configuration":\\[]'`);

    await ctl(cell, 'checkpoint', 'create', '--timeout', '8');
    await ctl(cell, 'config', SERVICE, '--nameservers', '192.0.2.54');
    await cell.device.output([CONSOLE, 'checkpoint', 'list']);
    await cell.dbusDaemon.stop();
    await cell.device.output(['sleep', '8.5']);
    await cell.device.script('rm -f /run/dbus/system_bus_socket');
    await startBusDaemon(cell.device);
    const running = cell.device.spawn(daemon.argv);
    await until(cell, `${CONSOLE} services | grep -q ${SERVICE}`);
    assert.equal(await nameservers(cell), [], 'nobody could confirm it');
    assert.is(await waiting(cell), '');
    assert.is(await running.stop(), 0);
  }));

test('a full disk takes no checkpoint, and one that cannot be put back waits', () =>
  withWiredCell({}, async (cell) => {
    await cell.device.script(`mount -t tmpfs -o size=96k,mode=755 tmpfs /var/lib && mkdir ${STORAGE}`);
    await online(cell);
    await cell.device.run(['dd', 'if=/dev/zero', 'of=/var/lib/full', 'bs=1k']);
    const refused = await cell.device.run([CONSOLE, 'checkpoint', 'create']);
    assert.is(refused.status, 1);
    assert.match(refused.stderr, /ENOSPC/);
    assert.is(await waiting(cell), '');
    await cell.device.output(['rm', '/var/lib/full']);
    await ctl(cell, 'checkpoint', 'create', '--timeout', '600');
    await ctl(cell, 'config', SERVICE, '--nameservers', '192.0.2.53');
    await cell.device.run(['dd', 'if=/dev/zero', 'of=/var/lib/full', 'bs=1k']);
    assert.is((await cell.device.run([CONSOLE, 'checkpoint', 'rollback'])).status, 1);
    assert.match(await ctl(cell, 'checkpoint', 'list'), /^1 /, 'it is not lost');
    assert.match(cell.device.read(SETTINGS), /^Nameservers=192\.0\.2\.53;$/m, 'nor is a file cut');
    await cell.device.output(['rm', '/var/lib/full']);
    await ctl(cell, 'checkpoint', 'rollback', '1');
    assert.equal(await nameservers(cell), []);
  }));

test('connman-vpnd takes over what is put back, also by a daemon that starts later', () =>
  withWiredCell({ dnsmasq: false }, async (cell) => {
    const first = await startDaemon(cell);
    await cell.startDaemon([resolve('build/bin/connman-vpnd'), '-n'], 'net.connman.vpn');
    const create = (host: string, name: string): Promise<string> =>
      ctl(cell, 'vpn', 'create', 'wireguard', host, name, ...WIREGUARD);
    const names = async (): Promise<string> => {
      const list: readonly { properties: { Name: string } }[] = JSON.parse(await ctl(cell, 'vpnconnections', '--json'));
      return list.map(({ properties }) => properties.Name).toSorted().join();
    };
    await create('192.0.2.1', 'changed');
    await create('192.0.2.2', 'removed');
    const isListed = async (text: string): Promise<boolean> => (await ctl(cell, 'services')).includes(text);
    await eventually('its service', () => isListed('vpn_192_0_2_2'));
    await ctl(cell, 'checkpoint', 'create', '--timeout', '600');
    await create('192.0.2.1', 'other');
    await create('192.0.2.3', 'new');
    await vpnManager(cell, 'Remove', 'o', ['/net/connman/vpn/connection/192_0_2_2']);
    await eventually('the new one', () => isListed('vpn_192_0_2_3'));
    assert.is(await names(), 'new,other');
    await ctl(cell, 'checkpoint', 'rollback');
    await eventually('connections as they were', async () => (await names()) === 'changed,removed');
    await eventually('services as they were', async () => {
      return (await isListed('vpn_192_0_2_2')) && !(await isListed('vpn_192_0_2_3')) && (await isListed('changed'));
    });

    await ctl(cell, 'checkpoint', 'create', '--timeout', '2');
    await create('192.0.2.1', 'other');
    first.kill('SIGKILL');
    await first.exited;
    await cell.device.output(['sleep', '2.5']);
    await startDaemon(cell);
    await eventually('connections as they were', async () => (await names()) === 'changed,removed');
  }));

test.run();

function vpnManager(cell: Cell, member: string, signature: string, body: unknown[]): Promise<readonly unknown[]> {
  return cell.bus.call({
    destination: 'net.connman.vpn', path: '/', interface: 'net.connman.vpn.Manager', member, signature, body,
  });
}

function withoutTime(settings: string): string {
  return settings.replace(/^Modified=.*$/m, '');
}
