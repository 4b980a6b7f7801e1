/**
 * Link-local addresses of IPv4 beside leased and fixed ones, on a real kernel with a neighbour on each
 * link: who is answered by which link, and that nothing of the world beyond is reached from them.
 */

import { resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Cell } from '../helpers/cell.ts';
import { until } from '../helpers/patience.ts';
import { makeUplink, STATUS_ADDRESS, type Uplink } from '../helpers/uplinks.ts';
import { callConnman, startDaemon, withWiredCell } from '../helpers/wired.ts';

const CONNMANCTL = resolve('build/bin/connmanctl');
/** Each link has one: link-local addresses are unique on their link alone. */
const NEIGHBOUR = '169.254.200.1';

test('beside leases: set at run time, answered by its own link, kept by a restart, taken off again', () =>
  withWiredCell({ cables: 2, dnsmasq: false, peers: ['iputils-ping'] }, async (cell) => {
    const uplinks = [await makeUplink(cell, 0), await makeUplink(cell, 1)] as const;
    for (const each of uplinks) await addNeighbour(each);
    const daemon = await startDaemon(cell);
    for (const each of uplinks) await each.plug();
    for (const each of uplinks) await until('a lease', async () => (await inUse(cell, each)).Method === 'dhcp');
    for (const { service } of uplinks) await connmanctl(cell, 'config', service, '--link-local', 'enabled');
    for (const each of uplinks) {
      await until(`another on ${each.link}`, async () => (await inUse(cell, each)).LinkLocal !== undefined);
      const { Method, LinkLocal = '' } = await inUse(cell, each);
      assert.is(Method, 'dhcp');
      assert.equal(await configuration(cell, each), { Method: 'dhcp', LinkLocal: 'enabled' });
      const set = await cell.device.output(['ip', '-4', '-o', 'address', 'show', 'dev', each.link]);
      assert.match(set, `inet ${LinkLocal}/16 brd 169.254.255.255 scope link `);
      assert.match(await connmanctl(cell, 'explain', each.service), LinkLocal);
    }
    const rules = (): Promise<string> => cell.device.output(['ip', 'rule']);
    await until('a rule for each', async () => (await rules()).split('from 169.254.').length === 3);
    for (const each of uplinks) {
      const { LinkLocal = '' } = await inUse(cell, each);
      const ping = ['ping', '-q', '-c', '2', '-i', '0.2', '-W', '5', '-I', NEIGHBOUR, LinkLocal];
      assert.match(await each.namespace.output(ping), ' 0% packet loss', `${each.link} answers its neighbour`);
      assert.match(await cell.device.output(['ip', 'route', 'get', NEIGHBOUR, 'from', LinkLocal]), `dev ${each.link} `);
    }
    assert.not.match(await cell.device.output(['ip', '-4', 'route']), /^default .*169\.254/m);
    assert.match(await cell.device.output(['ip', 'route', 'get', STATUS_ADDRESS]), / src 10\.80\./);

    const [one] = uplinks;
    const { LinkLocal: before } = await inUse(cell, one);
    await daemon.stop();
    assert.match(await cell.device.output(['ip', '-4', 'address']), `${before}/16`);
    await startDaemon(cell);
    await until('the same address', async () => (await inUse(cell, one)).LinkLocal === before);

    await connmanctl(cell, 'config', one.service, '--link-local=fallback');
    await until('the lease again', async () => (await inUse(cell, one)).Method === 'dhcp');
    assert.equal(await configuration(cell, one), { Method: 'dhcp' });
    assert.not.match(await cell.device.output(['ip', '-4', 'address', 'show', 'dev', one.link]), '169.254.');
  }));

test('beside a provisioned address, and set with a manual one or not at all', () => {
  const file = '[service_lan]\nType=ethernet\nIPv4=10.77.0.2/20/10.77.0.1\nIPv4.LinkLocal=enabled\n';
  const files = { '/var/lib/connman/lan.config': file };
  return withWiredCell({ dnsmasq: false, files }, async (cell) => {
    const uplink = { link: 'eth0', service: 'ethernet_020000000000_cable' };
    await startDaemon(cell);
    cell.cable().plug();
    await until('an address beside it', async () => (await inUse(cell, uplink)).LinkLocal !== undefined);
    assert.is((await inUse(cell, uplink)).Address, '10.77.0.2');
    const refused = await cell.device.run([CONNMANCTL, 'config', uplink.service, '--link-local', 'disabled']);
    assert.equal([refused.status, refused.stderr.split('\n')[0]], [1, `Error ${uplink.service}: Not supported`]);

    await cell.device.script('rm /var/lib/connman/lan.config');
    await until('the file gone', async () => (await configuration(cell, uplink)).Method === 'dhcp');
    const words = ['config', uplink.service, '--ipv4', 'manual', '10.77.0.3/20', '--link-local', 'disabled'];
    await connmanctl(cell, ...words, '--mdns', 'off');
    const manual = { Method: 'manual', Address: '10.77.0.3', Netmask: '255.255.240.0', LinkLocal: 'disabled' };
    assert.equal(await configuration(cell, uplink), manual);
    // What one option of several is refused for is all set back, the key that was not there too.
    const bad = await cell.device.run(
      [CONNMANCTL, 'config', uplink.service, '--nameservers', '10.77.0.1', '--link-local', 'sometimes'],
    );
    assert.equal([bad.status, bad.stderr.includes('nothing has been changed')], [1, true]);
    assert.equal(await configuration(cell, uplink), manual);
    await connmanctl(cell, 'config', uplink.service, '--ipv4', 'dhcp');
    assert.equal(await configuration(cell, uplink), { Method: 'dhcp', LinkLocal: 'disabled' }, 'left as it is');
  });
});

test.run();

type Place = Pick<Uplink, 'link' | 'service'>;

function connmanctl(cell: Cell, ...words: string[]): Promise<string> {
  return cell.device.output([CONNMANCTL, ...words]);
}

async function addNeighbour({ namespace, port }: Uplink): Promise<void> {
  await namespace.output(['ip', 'address', 'add', `${NEIGHBOUR}/16`, 'dev', port]);
}

function inUse(cell: Cell, place: Place): Promise<Record<string, string>> {
  return property(cell, place, 'IPv4');
}

function configuration(cell: Cell, place: Place): Promise<Record<string, string>> {
  return property(cell, place, 'IPv4.Configuration');
}

async function property(cell: Cell, { service }: Place, name: string): Promise<Record<string, string>> {
  const path = `/net/connman/service/${service}`;
  const [properties] = await callConnman(cell, 'Service', 'GetProperties', path).catch(() => []);
  return { ...Object(properties)[name] };
}
