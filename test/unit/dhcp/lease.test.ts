/** Leases as the core sees them: what options mean together, and the key-file form. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { expiryOf, interpretLease, isSameConfiguration, type Lease } from '../../../src/dhcp/lease.ts';
import { formatLease, parseLease } from '../../../src/dhcp/lease-file.ts';
import { decodeMessage } from '../../../src/dhcp/message.ts';
import { decodeUdpPacket } from '../../../src/dhcp/udp-packet.ts';
import { FakeClock } from '../../helpers/fake-clock.ts';
import { hex, readVector } from './battery.ts';
import { ADDRESS, ip, SERVER } from './life.ts';

const text = (value: string): Uint8Array => Uint8Array.from(Buffer.from(value, 'latin1'));

function lease(options: Readonly<Record<number, Uint8Array>> = {}, address = ADDRESS): Lease {
  const all = new Map(Object.entries(options).map(([code, value]) => [Number(code), value]));
  return interpretLease({ address, server: SERVER, options: all, acquiredAtMs: 1000 });
}

const captured = ((): Lease => {
  const { yourAddress, options } = decodeMessage(decodeUdpPacket(readVector('dhcp-ack'), true).payload);
  return interpretLease({ address: yourAddress, server: undefined, options, acquiredAtMs: 1000 });
})();

test("dnsmasq's lease in the core's terms", () => {
  assert.is(String(captured.address), '192.0.2.47');
  assert.is(captured.prefixLength, 24);
  assert.is(String(captured.server), '192.0.2.1');
  assert.equal(captured.nameservers.map(String), ['192.0.2.4', '192.0.2.5']);
  assert.is(captured.domainName, 'example.org');
  assert.equal(captured.searchDomains, ['example.org', 'lab.example.org']);
  assert.equal(captured.timeservers.map(String), ['192.0.2.6']);
  assert.is(captured.mtu, 1400);
  assert.is(captured.pacUrl, 'http://192.0.2.7/wpad.dat');
  assert.is(captured.captivePortal, 'https://192.0.2.8/portal');
  assert.equal([captured.leaseSec, captured.renewalSec, captured.rebindingSec], [3600, 1800, 3150]);
  assert.is(expiryOf(captured), 3_601_000);
});

test('option 121 wins over option 3, with a default route or without (RFC 3442)', () => {
  assert.equal(captured.routers.map(String), ['192.0.2.3']);
  assert.is(captured.classlessRoutes.length, 1);
  const [route] = captured.classlessRoutes;
  assert.is(`${route?.destination.address}/${route?.destination.prefixLength}`, '198.51.100.0/24');
  assert.is(String(route?.gateway), '192.0.2.2');
  const without = lease({ 3: SERVER.bytes, 121: hex('080ac0000202') });
  assert.equal(without.routers, []);
  const broken = lease({ 3: SERVER.bytes, 121: hex('210ac0000202') });
  assert.equal(broken.routers.map(String), ['192.0.2.1'], 'a broken one counts as none');
});

test('a bare lease has an hour, and its prefix by the class of its address', () => {
  const bare = lease();
  assert.equal([bare.leaseSec, bare.renewalSec, bare.rebindingSec], [3600, 1800, 3150]);
  const classes = ['10.0.0.1', '126.0.0.1', '128.0.0.1', '191.255.0.1', '192.0.2.1', '223.255.255.1'];
  assert.equal(classes.map((address) => lease({}, ip(address)).prefixLength), [8, 8, 16, 16, 24, 24]);
  for (const netmask of ['ffffff', 'ff00ff00', '00000000', '00ffffff']) {
    assert.is(lease({ 1: hex(netmask) }).prefixLength, 24, netmask);
  }
  assert.is(lease({ 1: hex('ffffffff') }).prefixLength, 32);
});

test('times that make no sense are replaced', () => {
  const times = (leaseSec: string, t1?: string, t2?: string): number[] => {
    const { leaseSec: all, renewalSec, rebindingSec } = lease({
      51: hex(leaseSec), ...(t1 !== undefined && { 58: hex(t1) }), ...(t2 !== undefined && { 59: hex(t2) }),
    });
    return [all, renewalSec, rebindingSec];
  };
  assert.equal(times('00000064', '0000000a', '00000014'), [100, 10, 20]);
  assert.equal(times('00000064', '0000000a'), [100, 10, 87.5]);
  assert.equal(times('00000064', '00000014', '0000000a'), [100, 50, 87.5]);
  assert.equal(times('00000064', '00000000'), [100, 50, 87.5]);
  assert.equal(times('00000064', '0000000a', '0000000a'), [100, 50, 87.5]);
  assert.equal(times('00000064', '0000000a', '00000064'), [100, 50, 87.5]);
  assert.equal(times('00000000'), [10, 5, 8.75]);
  assert.equal(times('ffffffff', '0000000a'), [Infinity, Infinity, Infinity]);
});

test('an MTU below what every host takes is ignored', () => {
  assert.is(lease({ 26: hex('0240') }).mtu, 576);
  assert.is(lease({ 26: hex('023f') }).mtu, undefined);
});

test('a network that says it has no portal has none (RFC 8910)', () => {
  assert.is(lease({ 114: text('urn:ietf:params:capport:unrestricted') }).captivePortal, undefined);
});

test('a lease stands for itself as a key-file group', () => {
  const clock = new FakeClock();
  const entries = formatLease(captured, clock);
  assert.equal(Array.from(entries).slice(0, 4), [
    ['Address', '192.0.2.47'], ['Server', '192.0.2.1'], ['Acquired', '1735689600'], ['Option.53', '05'],
  ]);
  assert.equal(parseLease(entries, clock), captured);
  for (const value of entries.values()) assert.match(value, /^[0-9a-f.]*$/);
});

test('a stored lease grows older with wall time', async () => {
  const clock = new FakeClock();
  const entries = formatLease(captured, clock);
  await clock.advance(600_000);
  const { acquiredAtMs } = parseLease(entries, clock) ?? {};
  assert.is(acquiredAtMs, 1000);
  const afterBoot = new FakeClock();
  afterBoot.stepWallTime(600_000);
  assert.is(parseLease(entries, afterBoot)?.acquiredAtMs, 1000 - 600_000);
});

test('a lease from the future is expired, one without end is not', () => {
  const clock = new FakeClock();
  const endless = interpretLease({ ...captured, options: new Map([[51, hex('ffffffff')]]) });
  const stored = [formatLease(captured, clock), formatLease(endless, clock)].map((entries) => {
    const early = new FakeClock();
    early.stepWallTime(-60_000);
    const parsed = parseLease(entries, early);
    return parsed === undefined ? undefined : expiryOf(parsed) > early.now();
  });
  assert.equal(stored, [false, true]);
});

test('entries that are no lease give none, whatever they are', () => {
  const clock = new FakeClock();
  const good = { Address: '192.0.2.47', Server: '192.0.2.1', Acquired: '1735689600' };
  const parse = (entries: Record<string, string>): Lease | undefined => {
    return parseLease(new Map(Object.entries(entries)), clock);
  };
  assert.ok(parse(good));
  for (const wrong of [
    { Address: '' }, { Address: '0.0.0.0' }, { Address: '::1' }, { Acquired: '' }, { Acquired: '-1' },
    { Acquired: '1e3' }, { Acquired: 'NaN' }, { Acquired: '99999999999999999999' },
  ]) assert.is(parse({ ...good, ...wrong }), undefined, JSON.stringify(wrong));
  assert.is(parse({ ...good, Server: 'x' })?.server, undefined);
  const strange = { 'Option.0': '00', 'Option.255': '00', 'Option.6': 'c0', 'Option.x': '00', 'Option.3': 'g' };
  assert.is(parse({ ...good, ...strange })?.options.size, 1);
  const key = fc.constantFrom('Address', 'Server', 'Acquired', 'Option.3', 'Option.51', 'Option.121', 'Other');
  fc.assert(fc.property(fc.dictionary(key, fc.string()), (entries) => {
    parse({ ...good, ...entries });
  }));
});

test('any options survive the file', () => {
  const options = fc.dictionary(fc.integer({ min: 1, max: 254 }).map(String), fc.uint8Array({ maxLength: 40 }));
  fc.assert(fc.property(options, (values) => {
    const clock = new FakeClock();
    const original = lease(values);
    const stored = parseLease(formatLease(original, clock), clock);
    assert.ok(stored !== undefined && isSameConfiguration(original, stored));
    assert.equal(stored, original);
  }));
});

test.run();
