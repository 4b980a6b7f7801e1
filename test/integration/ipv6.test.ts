/**
 * IPv6 as routers announce it (radvd): addresses by the kernel, routes, name servers and the online
 * check by the daemon, privacy, what was written down, and what happens when routers go or change.
 */

import { resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Cell } from '../helpers/cell.ts';
import type { CellEvent } from '../helpers/event-log.ts';
import {
  ipv6Of, isAddress, isCheck, isEmpty, isIpv6, isServiceProperty, propertiesOf,
} from '../helpers/ipv6-events.ts';
import { addIpv6, IPV6_CHECK, startRadvd, STATUS_ADDRESS6 } from '../helpers/ipv6-networks.ts';
import { until } from '../helpers/patience.ts';
import { makeUplink } from '../helpers/uplinks.ts';
import {
  callConnman, debianConnmanctl, isProperty, SERVICE, SERVICE_PATH, startDaemon, withWiredCell,
} from '../helpers/wired.ts';

const ADVERTISED = `prefix 2001:db8:1::/64 { };
  RDNSS 2001:db8:1::1 { };
  DNSSL lan6.test { };
  route 2001:db8:7::/48 { };`;

const options = {
  dnsmasq: false, peers: ['radvd'], files: { '/etc/connman/main.conf': `[General]\n${IPV6_CHECK}\n` },
} as const;

test('both families side by side, through changes of configuration and routers', () =>
  withWiredCell(options, async (cell) => {
    const uplink = await makeUplink(cell, 0);
    await addIpv6(cell, uplink, '2001:db8:1');
    let radvd = await startRadvd(uplink, ADVERTISED);
    await startDaemon(cell);
    const since = await uplink.plug();
    await cell.log.wait('IPv6', isIpv6({ Method: 'auto', Address: '2001:db8:1::ff:fe00:0', PrefixLength: 64 }));
    await cell.log.wait('a check over IPv6', isCheck('2001:db8:1::ff:fe00:0'), { since });
    await until('name servers of both', async () => [(await propertiesOf(cell))['Nameservers']].flat().length === 2);
    const properties = await propertiesOf(cell);
    assert.equal(properties['IPv6'], {
      Method: 'auto', Address: '2001:db8:1::ff:fe00:0', PrefixLength: 64, Gateway: 'fe80::1', Privacy: 'disabled',
    });
    assert.equal(properties['Nameservers'], [uplink.router, '2001:db8:1::1']);
    assert.equal(properties['Domains'], ['lan6.test']);
    assert.is(properties['State'], 'online');
    const routes = await cell.device.output(['ip', '-6', 'route']);
    assert.match(routes, 'default via fe80::1 dev eth0 metric 512');
    assert.match(routes, '2001:db8:7::/48 via fe80::1 dev eth0 metric 512');

    await changesPrivacy(cell);
    await writesAddressDown(cell);
    await turnsOff(cell);
    await changesIpv4(cell);

    // Renumbering: the old prefix is not preferred any more, a new one is there.
    await radvd.stop();
    const renumberedAt = performance.now();
    radvd = await startRadvd(uplink, `prefix 2001:db8:1::/64 { AdvPreferredLifetime 0; };
  prefix 2001:db8:2::/64 { };`);
    await cell.log.wait('the new prefix', isIpv6({ Address: '2001:db8:2::ff:fe00:0' }), { since: renumberedAt });

    // A router that says farewell, and one that falls silent.
    const byeAt = performance.now();
    assert.is(await radvd.stop(), 0);
    await cell.log.wait('no gateway', isIpv6({ Gateway: undefined }), { since: byeAt });
    await assertNoWayOut(cell);
    const backAt = performance.now();
    radvd = await startRadvd(uplink, 'AdvDefaultLifetime 5; prefix 2001:db8:2::/64 { };');
    await cell.log.wait('a gateway', isIpv6({ Gateway: 'fe80::1' }), { since: backAt });
    const silentAt = performance.now();
    radvd.kill('SIGKILL');
    await cell.log.wait('no gateway', isIpv6({ Gateway: undefined }), { since: silentAt });
    await assertNoWayOut(cell);
    assert.is((await propertiesOf(cell))['State'], 'online', 'IPv4 goes on');

    const leftAt = performance.now();
    await callConnman(cell, 'Service', 'Disconnect', SERVICE_PATH);
    await cell.log.wait('the address to go', isAddress('2001:db8:2::ff:fe00:0/64', false), { since: leftAt });
    assert.not.match(await cell.device.output(['ip', '-6', 'address', 'show', 'dev', 'eth0']), /scope global/);
  }));

test('never the default: not by the kernel’s own route either, and other routes stay', () =>
  withWiredCell(options, async (cell) => {
    const connmanctl = (word: string): Promise<string> =>
      cell.device.output([resolve('build/bin/connmanctl'), 'config', SERVICE, `--never-default=${word}`]);
    const routes = (): Promise<string> => cell.device.output(['ip', '-6', 'route', 'show', 'dev', 'eth0']);
    const uplink = await makeUplink(cell, 0, { hasServer: false });
    await addIpv6(cell, uplink, '2001:db8:1');
    await startRadvd(uplink, ADVERTISED);
    await startDaemon(cell);
    await uplink.plug();
    const hasBoth = (text: string): boolean => /^default .* metric 512/m.test(text) && /^default .* ra /m.test(text);
    await until('both default routes', async () => hasBoth(await routes()));

    await connmanctl('yes');
    await until('no default route', async () => !(await routes()).includes('default'));
    const heard = await advertisementsHeard(cell);
    await until('two advertisements', async () => (await advertisementsHeard(cell)) > heard + 1);
    const left = await routes();
    assert.not.match(left, 'default');
    assert.match(left, '2001:db8:7::/48 via fe80::1');
    assert.match(await cell.device.output(['ip', '-6', 'address', 'show', 'dev', 'eth0']), '2001:db8:1::ff:fe00:0/64');

    await connmanctl('auto');
    await until('both default routes', async () => hasBoth(await routes()));
  }));

/** How many advertisements have reached the device. */
async function advertisementsHeard(cell: Cell): Promise<number> {
  const text = await cell.device.output(['cat', '/proc/net/snmp6']);
  return Number(/^Icmp6InRouterAdvertisements\s+(\d+)/m.exec(text)?.[1]);
}

async function changesPrivacy(cell: Cell): Promise<void> {
  const since = performance.now();
  await debianConnmanctl(cell, 'config', SERVICE, '--ipv6', 'auto', 'prefered');
  await cell.log.wait('an address', isIpv6({ Privacy: 'prefered' }), { since });
  const kernel = await cell.device.output(['ip', '-6', '-o', 'address', 'show', 'dev', 'eth0']);
  const [, address = kernel] = / (\S+)\/64 scope global temporary /.exec(kernel) ?? [];
  await cell.log.wait('the temporary one', isIpv6({ Address: address, Privacy: 'prefered' }), { since });
  await cell.log.wait('a check from it', isCheck(address), { since });
  assert.not.match(kernel, 'ff:fe00:0/', 'nothing tells the hardware address');
}

async function writesAddressDown(cell: Cell): Promise<void> {
  const since = performance.now();
  await debianConnmanctl(cell, 'config', SERVICE, '--ipv6', 'manual', '2001:db8:1::77', '64', 'fe80::1');
  await cell.log.wait('the address', isIpv6({
    Method: 'manual', Address: '2001:db8:1::77', PrefixLength: 64, Gateway: 'fe80::1', Privacy: 'disabled',
  }), { since });
  await cell.log.wait('a check from it', isCheck('2001:db8:1::77'), { since });
  const kernel = await cell.device.output(['ip', '-6', '-o', 'address', 'show', 'dev', 'eth0', 'scope', 'global']);
  assert.is(kernel.trim().split('\n').length, 1, kernel);
}

async function turnsOff(cell: Cell): Promise<void> {
  const since = performance.now();
  await debianConnmanctl(cell, 'config', SERVICE, '--ipv6', 'off');
  await cell.log.wait('no IPv6', isEmpty('IPv6'), { since });
  await cell.log.wait('the last address to go', isAddress('fe80::ff:fe00:0/64', false), { since });
  assert.equal(await ipv6Of(cell), {});
  assert.is(await cell.device.output(['ip', '-6', 'address', 'show', 'dev', 'eth0']), '');
  const onAt = performance.now();
  await debianConnmanctl(cell, 'config', SERVICE, '--ipv6', 'auto');
  await cell.log.wait('IPv6 again', isIpv6({ Method: 'auto', Address: '2001:db8:1::ff:fe00:0' }), { since: onAt });
}

/** IPv6 is not touched by it, and carries the service meanwhile. */
async function changesIpv4(cell: Cell): Promise<void> {
  const since = performance.now();
  await debianConnmanctl(cell, 'config', SERVICE, '--ipv4', 'off');
  await cell.log.wait('no IPv4', isEmpty('IPv4'), { since });
  assert.equal((await propertiesOf(cell))['Nameservers'], ['2001:db8:1::1']);
  await debianConnmanctl(cell, 'config', SERVICE, '--ipv4', 'dhcp');
  const hasIpv4 = (event: CellEvent): boolean => isServiceProperty(event, 'IPv4') && !isEmpty('IPv4')(event);
  await cell.log.wait('IPv4 again', hasIpv4, { since });
  assert.is(cell.log.since(since).some(isEmpty('IPv6')), false);
  const isConfiguring = isProperty('Service', 'State', 'configuration');
  assert.is(cell.log.since(since).some(isConfiguring), false, 'one family is enough');
}

// The kernel lists its own route for a while longer, and does not use it.
async function assertNoWayOut(cell: Cell): Promise<void> {
  const { status, stdout } = await cell.device.run(['ip', '-6', 'route', 'get', STATUS_ADDRESS6]);
  assert.is.not(status, 0, stdout);
}

test.run();
