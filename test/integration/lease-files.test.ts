/**
 * Leases in /run/connman/devices as a shell script reads them, from the first lease over renewals, a
 * restart and a flushed interface to the end of the link; and what phones say of their cost.
 */

import { resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Cell } from '../helpers/cell.ts';
import { addIpv6, IPV6_CHECK, startRouterDnsmasq } from '../helpers/ipv6-networks.ts';
import { makeUplink } from '../helpers/uplinks.ts';
import {
  isProperty,
  isService,
  plugIn,
  SERVICE,
  SERVICE_PATH,
  startDaemon,
  withWiredCell,
} from '../helpers/wired.ts';

const CONSOLE = resolve('build/bin/connmanctl');
const FILE = '/run/connman/devices/10000';
const PHONE = { extra: ['--dhcp-option-force=43,ANDROID_METERED', '--dhcp-option=15,lan.test'] };

/** What a script has to do to read a value. */
const read = (cell: Cell, section: string, key: string): Promise<string> =>
  cell.device
    .output(['sh', '-c', `sed -n '/^\\[${section}]/,/^\\[/s/^${key}=//p' ${FILE}`])
    .then((text) => text.trim());

const until = (cell: Cell, condition: string): Promise<string> =>
  cell.device.output(['timeout', '30', 'sh', '-c', `until ${condition}; do sleep 0.05; done`]);

const get = (cell: Cell, name: string): Promise<readonly unknown[]> =>
  cell.bus.call({
    destination: 'net.connman',
    path: SERVICE_PATH,
    interface: 'org.freedesktop.DBus.Properties',
    member: 'Get',
    signature: 'ss',
    body: ['net.causeway.Service1', name],
  });

test('a script reads the lease; it is prolonged, kept over a restart and gone with the link', () =>
  withWiredCell({ dnsmasq: PHONE }, async (cell) => {
    const first = await startDaemon(cell);
    assert.is((await cell.device.run(['ls', '/run/connman/devices'])).status, 2, 'nothing without a lease');
    await plugIn(cell);
    assert.is(await cell.device.output(['stat', '-c', '%a %u', '/run/connman/devices', FILE]), '755 0\n644 0\n');
    const addresses = await cell.device.output(['ip', '-4', '-o', 'address', 'show', 'eth0']);
    const address = await read(cell, 'dhcp4', 'Address');
    assert.match(addresses, new RegExp(`inet ${address} `));
    assert.is(await read(cell, 'device', 'Interface'), 'eth0');
    assert.is(await read(cell, 'device', 'Service'), SERVICE);
    assert.is(await read(cell, 'dhcp4', 'Routers'), '10.77.0.1');
    assert.is(await read(cell, 'dhcp4', 'DomainName'), 'lan.test');
    assert.is(await read(cell, 'dhcp4', 'Option\\.43'), Buffer.from('ANDROID_METERED').toString('hex'));
    const acquired = Number(await read(cell, 'dhcp4', 'Acquired'));
    assert.is(Number(await read(cell, 'dhcp4', 'Expires')) - acquired, 3600);
    assert.ok(Math.abs(acquired - Date.now() / 1000) < 60);

    // Someone takes everything away; the service never notices anything but that it is back.
    await cell.device.script('sleep 1.1; ip -4 address flush dev eth0; ip -4 route flush table main');
    await cell.device.output(['rm', '/run/connman/resolv.conf']);
    await until(cell, `${CONSOLE} explain eth0 | grep -q 'Its address 10.* is not on eth0 any more'`);
    await until(cell, `${CONSOLE} explain eth0 | grep -q 'no default route to 10.77.0.1: .*device reapply eth0'`);
    const since = performance.now();
    assert.is(await cell.device.output([CONSOLE, 'device', 'reapply', 'eth0']), 'Reapplied eth0\n');
    await until(cell, `ip -4 -o address show eth0 | grep -q 'inet ${address} ' && ip -4 route | grep -q ^default`);
    await until(cell, 'grep -q ^nameserver /etc/resolv.conf');
    await until(cell, `! ${CONSOLE} explain eth0 | grep -q 'somebody else'`);
    await until(cell, `test $(sed -n s/^Acquired=//p ${FILE}) -gt ${acquired}`);
    const states = cell.log.since(since).filter((event) => {
      return ['ready', 'idle', 'disconnect', 'configuration'].some((state) =>
        isProperty('Service', 'State', state)(event),
      );
    });
    assert.equal(states, []);
    assert.match(await cell.device.output([CONSOLE, 'log']), / lease +ethernet\S+ .*Event=prolonged/);

    const text = cell.device.read(FILE);
    assert.is(await first.stop(), 0);
    assert.is(cell.device.read(FILE), text, 'addresses stay, and so does what is known of them');
    const restartedAt = performance.now();
    await startDaemon(cell);
    await cell.log.wait('online', isProperty('Manager', 'State', 'online'), { since: restartedAt });
    assert.is(await read(cell, 'dhcp4', 'Address'), address);
    const pulledAt = cell.cable().unplug();
    await cell.log.wait('the service to go', isService('InterfacesRemoved'), { since: pulledAt });
    await until(cell, `test ! -e ${FILE}`);
    const refused = await cell.device.run([CONSOLE, 'device', 'reapply', 'eth0']);
    assert.is(refused.status, 1);
    assert.match(refused.stderr, /connmanctl status/);
  }));

test('a phone says that it costs, and a user knows better', () =>
  withWiredCell({ dnsmasq: PHONE }, async (cell) => {
    await startDaemon(cell);
    await plugIn(cell);
    assert.equal(await get(cell, 'Metered'), ['guess-yes']);
    await cell.device.output([CONSOLE, 'config', 'eth0', '--metered', 'no']);
    assert.equal(await get(cell, 'Metered'), ['no']);
    assert.match(cell.device.read('/var/lib/connman/causeway/services'), /Metered=no/);
    await until(cell, `test -e /var/lib/connman/${SERVICE}/settings`);
    assert.not.match(cell.device.read(`/var/lib/connman/${SERVICE}/settings`), /Metered/);
    assert.is((await cell.device.run([CONSOLE, 'config', 'eth0', '--metered', 'perhaps'])).status, 1);
    await cell.device.output([CONSOLE, 'config', 'eth0', '--metered', 'auto']);
    assert.equal(await get(cell, 'Metered'), ['guess-yes']);
  }));

test('both families in one file', () =>
  withWiredCell(
    { dnsmasq: false, files: { '/etc/connman/main.conf': `[General]\n${IPV6_CHECK}\n` } },
    async (cell) => {
      const uplink = await makeUplink(cell, 0);
      await addIpv6(cell, uplink, '2001:db8:1');
      await startRouterDnsmasq(
        uplink,
        '--dhcp-range=2001:db8:1::100,2001:db8:1::1ff,64,10m',
        '--dhcp-option=option6:dns-server,[2001:db8:1::53]',
      );
      await startDaemon(cell);
      await uplink.plug();
      await until(cell, `grep -q '^\\[dhcp4]' ${FILE} && grep -q '^\\[dhcp6]' ${FILE}`);
      const address = await read(cell, 'dhcp6', 'Addresses');
      assert.match(
        await cell.device.output(['ip', '-6', '-o', 'address', 'show', 'eth0']),
        new RegExp(`inet6 ${address}/`),
      );
      assert.is(await read(cell, 'dhcp6', 'Nameservers'), '2001:db8:1::53');
      assert.match(await read(cell, 'dhcp6', 'ServerDUID'), /^[0-9a-f]+$/);
      await uplink.unplug();
      await until(cell, `test ! -e ${FILE}`);
    },
  ));

test.run();
