/**
 * DHCPv6 as routers ask for it: addresses and what comes with them from dnsmasq and kea-dhcp6,
 * configuration alone, a host with IPv6 only, and what is left of all that after a restart.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Cell } from '../helpers/cell.ts';
import type { Child } from '../helpers/child.ts';
import { isAddress, isIpv6, ipv6Of, propertiesOf } from '../helpers/ipv6-events.ts';
import { addIpv6, IPV6_CHECK, startKea, startRadvd, startRouterDnsmasq } from '../helpers/ipv6-networks.ts';
import { makeUplink } from '../helpers/uplinks.ts';
import { callConnman, isProperty, SERVICE, SERVICE_PATH, startDaemon, withWiredCell } from '../helpers/wired.ts';

const files = { '/etc/connman/main.conf': `[General]\n${IPV6_CHECK}\n` };
const SETTINGS = `/var/lib/connman/${SERVICE}/settings`;

test('an address of dnsmasq’s, on a network without IPv4, kept over a restart and given back', () =>
  withWiredCell({ dnsmasq: false, files }, async (cell) => {
    const uplink = await makeUplink(cell, 0, { hasServer: false });
    await addIpv6(cell, uplink, '2001:db8:1');
    const server = await startRouterDnsmasq(
      uplink, '--dhcp-range=2001:db8:1::100,2001:db8:1::1ff,64,10m',
      '--dhcp-option=option6:dns-server,[2001:db8:1::53]',
      '--dhcp-option=option6:domain-search,six.test', '--dhcp-option=option6:sntp-server,[2001:db8:1::123]',
    );
    const first = await startDaemon(cell);
    await uplink.plug();
    await cell.log.wait('IPv6', isIpv6({ Method: 'auto', Address: /^2001:db8:1::1/, PrefixLength: 64 }));
    await cell.log.wait('online by IPv6 alone', isProperty('Manager', 'State', 'online'));
    const properties = await propertiesOf(cell);
    assert.equal(properties['IPv4'], {});
    assert.equal(properties['Nameservers'], ['2001:db8:1::53']);
    assert.equal(properties['Domains'], ['six.test']);
    assert.equal(properties['Timeservers'], ['2001:db8:1::123']);
    const { Address: address } = await ipv6Of(cell);

    const duid = await stored(cell, 'IPv6.DHCP.DUID');
    assert.match(duid, /^00010001[0-9a-f]{8}020000000000$/);
    assert.is(await stored(cell, 'IPv6.DHCP.LastAddress'), address);
    const stoppedAt = performance.now();
    assert.is(await first.stop(), 0);
    await startDaemon(cell);
    await cell.log.wait('online again', isProperty('Manager', 'State', 'online'), { since: stoppedAt });
    await server.waitForLine((line) => /DHCPCONFIRM/.test(line));
    assert.equal((await ipv6Of(cell))['Address'], address);
    assert.is(cell.log.since(stoppedAt).some(isAddress(`${address}/64`, false)), false, 'it never went');
    assert.is(await stored(cell, 'IPv6.DHCP.DUID'), duid);

    const leftAt = performance.now();
    await callConnman(cell, 'Service', 'Disconnect', SERVICE_PATH);
    await server.waitForLine((line) => /DHCPRELEASE/.test(line));
    await cell.log.wait('the address to go', isAddress(`${address}/64`, false), { since: leftAt });
  }));

test('configuration alone: addresses by the router, name servers by DHCPv6', () =>
  withWiredCell({ dnsmasq: false, files }, async (cell) => {
    const uplink = await makeUplink(cell, 0);
    await addIpv6(cell, uplink, '2001:db8:1');
    const server = await startRouterDnsmasq(
      uplink, '--dhcp-range=2001:db8:1::,ra-stateless,64,10m', '--dhcp-option=option6:dns-server,[2001:db8:1::53]',
      '--dhcp-option=option6:domain-search,less.test',
    );
    await startDaemon(cell);
    await uplink.plug();
    await cell.log.wait('IPv6', isIpv6({ Method: 'auto', Address: '2001:db8:1::ff:fe00:0' }));
    await server.waitForLine((line) => /DHCPINFORMATION-REQUEST/.test(line));
    await cell.log.wait('domains', isProperty6('Domains', '["less.test"]'));
    assert.equal((await propertiesOf(cell))['Nameservers'], [uplink.router, '2001:db8:1::53']);
  }));

test('kea behind a router that is another program: its address beside the router’s', () =>
  withWiredCell({ dnsmasq: false, peers: ['radvd', 'kea-dhcp6-server'], files }, async (cell) => {
    const uplink = await makeUplink(cell, 0);
    await addIpv6(cell, uplink, '2001:db8:1');
    await startDaemon(cell);
    await uplink.plug();
    await cell.log.wait('IPv4', isProperty('Manager', 'State', 'online')); // kea wants a link that is up
    const kea = await startKea(uplink, '2001:db8:1');
    await startRadvd(uplink, 'AdvManagedFlag on; prefix 2001:db8:1::/64 { };');
    await cell.log.wait('an address of each', isAddress(/^2001:db8:1::1[0-9a-f]{3}\/64$/, true));
    await cell.log.wait('domains', isProperty6('Domains', '["kea.test"]'));
    assert.equal((await propertiesOf(cell))['Nameservers'], [uplink.router, '2001:db8:1::53']);
    const kernel = await cell.device.output(['ip', '-6', '-o', 'address', 'show', 'dev', 'eth0', 'scope', 'global']);
    assert.match(kernel, 'inet6 2001:db8:1::ff:fe00:0/64 scope global dynamic');
    assert.match(kernel, /inet6 2001:db8:1::1[0-9a-f]{3}\/64 scope global .*dynamic/);
    assertNoError(kea);
  }));

test.run();

function isProperty6(name: string, json: string) {
  return (event: { kind: string; body?: readonly unknown[] }): boolean =>
    event.kind === 'signal' && event.body?.[0] === name && JSON.stringify(event.body[1]) === json;
}

/** A key of the service's settings, once they are written. */
async function stored(cell: Cell, key: string): Promise<string> {
  for (;;) {
    const { stdout } = await cell.device.run(['grep', '-s', `^${key}=`, SETTINGS]);
    if (stdout !== '') return stdout.trim().slice(key.length + 1);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function assertNoError(server: Child): void {
  assert.not.match(server.text, /ERROR|FATAL/);
}
