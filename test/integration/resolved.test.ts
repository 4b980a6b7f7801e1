/**
 * The systemd-resolved backend against Debian's systemd-resolved in a cell: what it is told about a
 * link is what it does, also when it starts later or anew.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { connectBus } from '../../src/dbus/bus.ts';
import { nodeTransport } from '../../src/dbus/transport.ts';
import type { DnsConfiguration, LinkDns } from '../../src/dns-backend/backend.ts';
import { systemdResolved } from '../../src/dns-backend/systemd-resolved.ts';
import { DeadlineClock, nodeTimeSource } from '../../src/shared/clock.ts';
import { parseIpAddress, type IpAddress } from '../../src/shared/ipaddress.ts';
import { systemRandom } from '../../src/shared/random.ts';
import { createScope } from '../../src/shared/scope.ts';
import { SERVER_ADDRESS, withCell, type Cell } from '../helpers/cell.ts';
import type { Child } from '../helpers/child.ts';
import { testSystem } from '../helpers/system.ts';

const NAME = 'org.freedesktop.resolve1';
const PROGRAM = '/usr/lib/systemd/systemd-resolved';

function ip(text: string): IpAddress {
  const address = parseIpAddress(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return address;
}

async function startResolved(cell: Cell): Promise<Child> {
  return cell.startDaemon([PROGRAM], NAME);
}

/** What resolvectl says of eth0 on one subject. */
async function told(cell: Cell, subject: string): Promise<string> {
  const text = await cell.device.output(['resolvectl', subject, 'eth0']);
  return text.trim().replace(/^Link \d+ \(eth0\): ?/, '');
}

/** Looks until it is so: a call is on its way. */
async function eventually(cell: Cell, subject: string, wanted: string): Promise<void> {
  let seen = '';
  for (let attempt = 0; attempt < 60 && seen !== wanted; attempt++) seen = await told(cell, subject);
  assert.is(seen, wanted, subject);
}

test('resolved does what it is told, whenever it comes', () =>
  withCell({ peers: ['systemd-resolved'], dnsmasq: { names: { 'nas.lan.test': '10.77.0.9' } } }, async (cell) => {
    await furnish(cell);
    const scope = createScope();
    const clock = new DeadlineClock(nodeTimeSource());
    const bus = await connectBus(nodeTransport(cell.busAddress, scope), { clock }, scope);
    const backend = systemdResolved.start({
      bus, clock, random: systemRandom, system: testSystem(), listen: undefined, isRebindingStopped: false,
      resolvConf: { write: () => assert.unreachable('resolv.conf is resolved’s') },
      linkName: () => 'eth0', watchHosts: () => undefined, portHolder: () => undefined,
    }, scope);
    const ifindex = Number((await cell.device.output(['cat', '/sys/class/net/eth0/ifindex'])).trim());
    const apply = (link: Partial<LinkDns>): void => {
      const nameservers = [{ address: ip(SERVER_ADDRESS) }];
      const whole: LinkDns = { ifindex, nameservers, domains: ['lan.test'], ...link };
      const configuration: DnsConfiguration = { links: [whole], defaultIfindex: ifindex, fallbackNameservers: [] };
      backend.apply(configuration);
    };

    // Told before it is there.
    apply({});
    const first = await startResolved(cell);
    await eventually(cell, 'dns', SERVER_ADDRESS);
    await eventually(cell, 'domain', 'lan.test');
    await eventually(cell, 'default-route', 'yes');
    assert.match(await cell.device.output(['resolvectl', 'query', '-4', 'nas']), '10.77.0.9');

    apply({ isMulticastDnsWanted: true, routedDomains: ['corp.example'] });
    await eventually(cell, 'mdns', 'yes');
    await eventually(cell, 'domain', 'lan.test ~corp.example');

    apply({ nameservers: [{ address: ip('192.0.2.1') }, { address: ip('192.0.2.2'), tlsName: 'dns.test' }] });
    await eventually(cell, 'dns', '192.0.2.2#dns.test');
    await eventually(cell, 'dnsovertls', 'yes');
    await eventually(cell, 'mdns', 'no');

    // A new one knows nothing, and is told.
    await first.stop();
    await startResolved(cell);
    await eventually(cell, 'dns', '192.0.2.2#dns.test');
    await eventually(cell, 'dnsovertls', 'yes');

    backend.apply({ links: [], defaultIfindex: undefined, fallbackNameservers: [] });
    await eventually(cell, 'dns', '');
    await scope.close();
  }));

async function furnish(cell: Cell): Promise<void> {
  await cell.device.script(`
grep -q ^systemd-resolve: /etc/passwd || echo systemd-resolve:x:995:995::/:/usr/sbin/nologin >>/etc/passwd
grep -q ^systemd-resolve: /etc/group || echo systemd-resolve:x:995: >>/etc/group
install -d -o systemd-resolve -g systemd-resolve /run/systemd/resolve
ip link set eth0 up
ip address add 10.77.9.9/20 dev eth0`);
  cell.cable().plug();
}

test.run();
