/** Keys of main.conf that a DHCP server sees, as dnsmasq logs what the client sent. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Cell } from '../helpers/cell.ts';
import { callConnman, isProperty, startDaemon, withWiredCell } from '../helpers/wired.ts';

const OWN_NAMES = ['--dhcp-option-force=12,named', '--dhcp-option=15,lan.test'];

/** The host's name and its domain, as the kernel has them. */
async function names(cell: Cell): Promise<string[]> {
  const text = await cell.device.output(['cat', '/proc/sys/kernel/hostname', '/proc/sys/kernel/domainname']);
  return text.trim().split('\n');
}

async function plug(cell: Cell): Promise<void> {
  const since = cell.cable().plug();
  await cell.log.wait('ready', isProperty('Manager', 'State', 'ready'), { since });
}

const mainConf = (...lines: string[]): Record<string, string> =>
  ({ '/etc/connman/main.conf': ['[General]', 'OnlineCheckMode=none', ...lines, ''].join('\n') });

test('the server hears VendorClassID and the host name', () => {
  const files = { '/etc/connman/main.conf': '[General]\nVendorClassID=acme:thermostat\nOnlineCheckMode=none\n' };
  return withWiredCell({ files }, async (cell) => {
    await startDaemon(cell);
    const since = cell.cable().plug();
    await cell.log.wait('ready', isProperty('Manager', 'State', 'ready'), { since });
    const log = cell.dnsmasq?.text ?? '';
    assert.match(log, /vendor class: acme:thermostat$/m);
    assert.match(log, /client provides name: device$/m);
    assert.match(log, /requested options:/);
  });
});

test('names of the network are taken as far as AllowHostnameUpdates and AllowDomainnameUpdates say', async () => {
  const seen: string[][] = [];
  for (const keys of [[], ['AllowHostnameUpdates=false'], ['AllowDomainnameUpdates=false']]) {
    await withWiredCell({ files: mainConf(...keys), dnsmasq: { extra: OWN_NAMES } }, async (cell) => {
      await cell.device.script('echo old.test >/proc/sys/kernel/domainname');
      const daemon = await startDaemon(cell);
      await plug(cell);
      const allowed = ['host', 'domain'].filter((what) => !keys.some((key) => key.toLowerCase().includes(what)));
      for (const what of allowed) await daemon.waitForLine((line) => line.includes(`${what} name is `));
      const since = cell.cable().unplug();
      await cell.log.wait('idle', isProperty('Manager', 'State', 'idle'), { since });
      seen.push(await names(cell));
    });
  }
  assert.equal(seen, [['named', 'lan.test'], ['device', 'lan.test'], ['named', 'old.test']]);
});

test('DHCPClientIdentifier, ResolvConf, Localtime and DNSProxyStopRebinding', () => {
  const files = mainConf(
    'DHCPClientIdentifier=duid', 'ResolvConf=/run/elsewhere.conf', 'Localtime=/run/zone', 'DNSProxyStopRebinding=true',
  );
  const dnsmasq = { names: { 'inner.example': '192.168.7.7', 'outer.example': '203.0.113.7' } };
  return withWiredCell({ files, dnsmasq }, async (cell) => {
    await cell.device.script('rm -f /run/connman/resolv.conf; ln -s /usr/share/zoneinfo/Etc/UTC /run/zone');
    await startDaemon(cell);
    await plug(cell);
    const leases = await cell.server.output(['cat', '/run/dnsmasq.leases']);
    assert.match(leases, / ff:00:00:00:00:00:0[34]:00:01:/, 'IAID and DUID (RFC 4361)');

    assert.match(cell.device.read('/run/elsewhere.conf'), /nameserver 127\.0\.0\.1\n/);
    assert.is((await cell.device.run(['test', '-e', '/run/connman/resolv.conf'])).status, 1, 'the only one');

    const [clock] = await callConnman(cell, 'Clock', 'GetProperties');
    assert.is(Object(clock).Timezone, 'Etc/UTC');

    await cell.device.script('rm -f /etc/resolv.conf; cp /run/elsewhere.conf /etc/resolv.conf');
    await cell.device.script("echo 'hosts: dns' >/etc/nsswitch.conf");
    const found = await cell.device.run(['getent', 'ahostsv4', 'outer.example']);
    assert.match(found.stdout, /^203\.0\.113\.7 /);
    assert.is((await cell.device.run(['getent', 'ahostsv4', 'inner.example'])).status, 2, 'no private address');
  });
});

test.run();
