/**
 * Leases as scripts read them: keys, moments, lists, and a file that cannot be broken by what a
 * server says.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { interpretLease } from '../../../src/dhcp/lease.ts';
import { interpret } from '../../../src/dhcpv6/lease.ts';
import { formatLeases } from '../../../src/leases/format.ts';
import { type IpAddress, parseIpAddress } from '../../../src/shared/ipaddress.ts';

const clock = { now: () => 50_000, wallTime: () => new Date(1_000_000_000) };

function ip(text: string): IpAddress {
  const address = parseIpAddress(text);
  if (address === undefined) throw new Error(text);
  return address;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test('both families', () => {
  const dhcp4 = interpretLease({
    address: ip('192.0.2.7'),
    server: ip('192.0.2.1'),
    acquiredAtMs: 40_000,
    options: new Map([
      [1, Uint8Array.of(255, 255, 255, 0)], [6, Uint8Array.of(192, 0, 2, 53, 192, 0, 2, 54)],
      [15, bytes('lan.test')], [51, Uint8Array.of(0, 0, 0, 100)],
      [121, Uint8Array.of(24, 198, 51, 100, 192, 0, 2, 9, 0, 192, 0, 2, 1)],
    ]),
  });
  const dhcp6 = interpret({
    server: Uint8Array.of(0, 1, 2), renewAtMs: 60_000, rebindAtMs: Infinity, options: new Map(), prefixes: [],
    addresses: [{ address: ip('2001:db8::7'), preferredUntilMs: 80_000, validUntilMs: Infinity, isTemporary: false }],
  });
  const text = formatLeases({ interfaceName: 'eth0', service: 'ethernet_a_cable', dhcp4, dhcp6 }, clock);
  assert.is(text, `[device]
Interface=eth0
Service=ethernet_a_cable

[dhcp4]
Address=192.0.2.7/24
Server=192.0.2.1
Routers=192.0.2.1
ClasslessRoutes=198.51.100.0/24,192.0.2.9
Nameservers=192.0.2.53 192.0.2.54
DomainName=lan.test
Acquired=999990
Renewal=1000040
Rebinding=1000078
Expires=1000090
Option.1=ffffff00
Option.6=c0000235c0000236
Option.15=6c616e2e74657374
Option.51=00000064
Option.121=18c63364c000020900c0000201

[dhcp6]
Addresses=2001:db8::7
ServerDUID=000102
Renewal=1000010
Rebinding=never
Expires=never
`);
});

test('nothing without a lease; nothing of what a server says breaks a line', () => {
  const nobody = { interfaceName: 'eth0', service: 'a', dhcp4: undefined, dhcp6: undefined };
  assert.is(formatLeases(nobody, clock), undefined);
  const evil = bytes('x\n[dhcp6]\nAddresses=::1');
  const options = new Map([12, 15, 43, 114, 119, 252].map((code) => [code, evil] as const));
  const dhcp4 = interpretLease({ address: ip('192.0.2.7'), server: undefined, acquiredAtMs: 0, options });
  const text = formatLeases({ ...nobody, dhcp4 }, clock) ?? '';
  assert.equal(text.split('\n').filter((line) => line.startsWith('[')), ['[device]', '[dhcp4]']);
  assert.not.match(text, /^Addresses=/m);
});

test.run();
