/** DHCPv6 leases as the core sees them, and their key-file form. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Dhcpv6Lease, informationFrom, isSameConfiguration, leaseAfter } from '../../../src/dhcpv6/lease.ts';
import { formatLease6, parseLease6 } from '../../../src/dhcpv6/lease-file.ts';
import { decodeMessage } from '../../../src/dhcpv6/message.ts';
import { associationsOf, OPTION } from '../../../src/dhcpv6/options.ts';
import { FakeClock } from '../../helpers/fake-clock.ts';
import { hex, readVector } from '../dhcp/battery.ts';
import { delegated, granted, SERVER } from './life.ts';

function captured(name: string): Dhcpv6Lease {
  const { options } = decodeMessage(readVector(name));
  return leaseAfter(undefined, { server: SERVER, options, associations: associationsOf(options), atMs: 1000 });
}

test("kea's lease in the core's terms", () => {
  const lease = captured('dhcp6-reply');
  assert.equal(lease.addresses.map(({ address, ...times }) => ({ address: String(address), ...times })), [
    { address: '2001:db8:1::100', preferredUntilMs: 601_000, validUntilMs: 901_000, isTemporary: false },
  ]);
  assert.equal(lease.prefixes.map(({ prefix }) => `${prefix.address}/${prefix.prefixLength}`), ['2001:db8:8000::/56']);
  assert.equal([lease.renewAtMs, lease.rebindAtMs], [301_000, 481_000]);
  assert.equal(lease.nameservers.map(String), ['2001:db8:1::53', '2001:db8:1::54']);
  assert.equal(lease.timeservers, ['2001:db8:1::123']);
  assert.equal([...lease.options.keys()], [23, 24, 31]);
});

test('dnsmasq leaves T1 and T2 to us: half and four fifths', () => {
  const lease = captured('dhcp6-rapid-reply');
  assert.equal(lease.addresses.map(({ isTemporary }) => isTemporary), [false, true]);
  assert.ok(lease.renewAtMs < lease.rebindAtMs && lease.rebindAtMs < 601_000);
});

test('no more than sixteen of anything are kept', () => {
  const many = Array.from({ length: 1000 }, (_, index) => (
    granted({ address: `2001:db8::${(index + 1).toString(16)}` })
  ));
  const source = { server: SERVER, options: [], associations: many, atMs: 0 };
  assert.is(leaseAfter(undefined, source).addresses.length, 16);
});

test('an address that is not named stays with its time, one without time goes', () => {
  const first = leaseAfter(undefined, { server: SERVER, options: [], associations: [granted(), delegated()], atMs: 0 });
  const next = leaseAfter(first, { server: SERVER, options: [], associations: [granted()], atMs: 1_000_000 });
  assert.equal(next.addresses.map(({ validUntilMs }) => validUntilMs), [4_600_000]);
  assert.equal(next.prefixes.map(({ validUntilMs }) => validUntilMs), [3_600_000]);
  const gone = [delegated('2001:db8:8000::', 0)];
  const last = leaseAfter(next, { server: SERVER, options: [], associations: gone, atMs: 0 });
  assert.equal([last.addresses.length, last.prefixes.length], [1, 0]);
});

test('times and identifiers are no change, options and addresses are', () => {
  const source = { server: SERVER, options: [], associations: [granted()], atMs: 0 };
  const lease = leaseAfter(undefined, source);
  assert.ok(isSameConfiguration(lease, leaseAfter(undefined, { ...source, atMs: 5000, server: hex('000400') })));
  const differing = [
    { ...source, associations: [granted({ address: '2001:db8::2' })] },
    { ...source, associations: [granted({ kind: 'temporary' })] },
    { ...source, associations: [granted(), delegated()] },
    { ...source, options: [{ code: OPTION.nameservers, value: hex('20010db8000000000000000000000053') }] },
  ];
  for (const other of differing) assert.not.ok(isSameConfiguration(lease, leaseAfter(undefined, other)));
});

test('a portal, and that there is none', () => {
  const portal = (url: string): string | undefined => informationFrom({
    server: SERVER, atMs: 0, options: [{ code: OPTION.captivePortal, value: Uint8Array.from(Buffer.from(url)) }],
  }).captivePortal;
  assert.is(portal('https://portal.example.org/api'), 'https://portal.example.org/api');
  assert.is(portal('urn:ietf:params:capport:unrestricted'), undefined);
  assert.is(portal('https://portal example.org'), undefined);
});

test('a lease in a file comes back as it was, older by what passed', async () => {
  const clock = new FakeClock();
  const lease = leaseAfter(undefined, {
    server: SERVER, atMs: clock.now(), options: decodeMessage(readVector('dhcp6-reply')).options,
    associations: [granted(), granted({ kind: 'temporary', address: '2001:db8::7', validSec: Infinity }), delegated()],
  });
  const entries = formatLease6(lease, clock);
  assert.is(entries.get('Address.0'), '2001:db8:1::100 1735693200 1735693200');
  assert.is(entries.get('Address.1'), '2001:db8::7 never never temporary');
  assert.is(entries.get('Prefix.0'), '2001:db8:8000::/56 1735693200 1735693200');
  assert.equal(parseLease6(entries, clock), lease);
  await clock.advance(3_000_000);
  const later = parseLease6(entries, new FakeClock());
  assert.ok(later && isSameConfiguration(later, lease));
  const restarted = new FakeClock();
  restarted.stepWallTime(10_000_000);
  const ended = parseLease6(entries, restarted);
  assert.ok((ended?.addresses[0]?.validUntilMs ?? 0) < restarted.now(), 'ended, and still a wish');
});

test('entries that are no lease', () => {
  const clock = new FakeClock();
  const good = formatLease6(captured('dhcp6-reply'), clock);
  const bad = [['Server', ''], ['Server', 'zz'], ['Server', '00'], ['Renew', ''], ['Rebind', '1e9']] as const;
  for (const [key, text] of bad) {
    assert.is(parseLease6(new Map([...good, [key, text]]), clock), undefined, `${key}=${text}`);
  }
  const odd = parseLease6(new Map([
    ...good, ['Address.0', 'x 1 2'], ['Prefix.0', '2001:db8::/129 1 2'], ['Option.70000', '00'], ['Option.23', 'z'],
  ]), clock);
  assert.equal([odd?.addresses, odd?.prefixes, odd?.nameservers], [[], [], []]);
});

test('any text in a lease file is a lease or none', () => {
  const key = fc.constantFrom('Server', 'Renew', 'Rebind', 'Address.0', 'Prefix.0', 'Option.23', 'Option.24');
  const likely = ['00030001', 'never', '1735693200', '2001:db8::1 never never', '2001:db8::/56 1 2'];
  const text = fc.oneof(fc.string(), fc.constantFrom(...likely));
  fc.assert(fc.property(fc.array(fc.tuple(key, text)), (entries) => {
    parseLease6(new Map(entries), new FakeClock());
  }));
});

test.run();
