/** The DHCPv6 codecs: captures of real servers, lying lengths at every depth, and whatever bytes may come. */

import fc from 'fast-check';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeMessage, type Dhcpv6Message, encodeMessage, MESSAGE_TYPES } from '../../../src/dhcpv6/message.ts';
import {
  addressesOf, type Association, associationsOf, decodeOptions, domainsOf, encodeAssociation, encodeHostname,
  encodeOptions, ntpServersOf, OPTION, STATUS, statusOf, u16Bytes, u32Of, valueOf,
} from '../../../src/dhcpv6/options.ts';
import { IpAddress } from '../../../src/shared/ipaddress.ts';
import { DecodeError } from '../../../src/shared/errors.ts';
import { assertHardened, assertTotal, hex, readVector } from '../dhcp/battery.ts';
import { asked } from './life.ts';

const VECTORS = [
  'dhcp6-solicit', 'dhcp6-advertise', 'dhcp6-request', 'dhcp6-reply', 'dhcp6-information-reply', 'dhcp6-rapid-reply',
];

/** Everything a client does with bytes that came in. */
function readAll(bytes: Uint8Array): void {
  const { options } = decodeMessage(bytes);
  associationsOf(options);
  statusOf(options);
  for (const { value } of options) {
    addressesOf(value);
    domainsOf(value);
    ntpServersOf(value);
    u32Of(value);
  }
}

test('kea and dnsmasq', () => {
  const types = VECTORS.map((name) => decodeMessage(readVector(name)).type);
  assert.equal(types, ['solicit', 'advertise', 'request', 'reply', 'reply', 'reply']);
  const { options } = decodeMessage(readVector('dhcp6-reply'));
  assert.equal(valueOf(options, OPTION.serverId), hex('0003000102005e005302'));
  assert.equal(addressesOf(valueOf(options, OPTION.nameservers)).map(String), ['2001:db8:1::53', '2001:db8:1::54']);
  assert.equal(domainsOf(valueOf(options, OPTION.searchDomains)), ['example.org', 'lab.example.org']);
  const [address, prefix] = associationsOf(options);
  assert.equal([address?.kind, address?.iaid, address?.renewalSec, address?.rebindingSec],
    ['nonTemporary', 0x5e005301, 300, 480]);
  assert.equal(address?.addresses.map((each) => `${each.address} ${each.preferredSec} ${each.validSec}`),
    ['2001:db8:1::100 600 900']);
  assert.equal(prefix?.prefixes.map((each) => `${each.prefix.address}/${each.prefix.prefixLength} ${each.validSec}`),
    ['2001:db8:8000::/56 900']);
  assert.equal(asked(decodeMessage(readVector('dhcp6-rapid-reply'))),
    ['nonTemporary 2001:db8:1::1eb', 'temporary 2001:db8:1::1d3']);
});

test('what is encoded again is the same', () => {
  for (const name of VECTORS) {
    const bytes = readVector(name);
    assert.equal(encodeMessage(decodeMessage(bytes)), bytes, name);
  }
});

test('whatever is cut, flipped or random is read or refused', () => {
  for (const name of VECTORS) assertHardened(readAll, readVector(name));
});

test('what is encoded decodes to the same', () => {
  const value = fc.uint8Array({ maxLength: 300 });
  const option = fc.record({ code: fc.nat(0xffff), value }, { noNullPrototype: true });
  const message: fc.Arbitrary<Dhcpv6Message> = fc.record({
    type: fc.constantFrom(...MESSAGE_TYPES.flatMap((type) => type ?? [])),
    xid: fc.nat(0xff_ffff),
    options: fc.array(option, { maxLength: 20 }),
  }, { noNullPrototype: true });
  fc.assert(fc.property(message, (each) => assert.equal(decodeMessage(encodeMessage(each)), each)));
});

test('associations decode to what was encoded', () => {
  const address = fc.uint8Array({ minLength: 14, maxLength: 14 }).map((tail) => (
    new IpAddress(Uint8Array.of(0x20, 0x01, ...tail))
  ));
  const times = fc.tuple(fc.nat(1000), fc.constantFrom(1000, 0xffff_fffe, Infinity));
  const association: fc.Arbitrary<Association> = fc.record({
    kind: fc.constant('nonTemporary' as const),
    iaid: fc.nat(0xffff_ffff),
    renewalSec: fc.nat(100),
    rebindingSec: fc.constantFrom(0, 100, 200, Infinity),
    addresses: fc.array(fc.tuple(address, times).map(([each, [preferredSec, validSec]]) => (
      { address: each, preferredSec, validSec }
    )), { maxLength: 5 }),
    prefixes: fc.constant([]),
    status: fc.constant(0),
  }, { noNullPrototype: true });
  fc.assert(fc.property(association, (each) => assert.equal(associationsOf([encodeAssociation(each)]), [each])));
});

test('messages of relays and of nobody are refused', () => {
  for (const bytes of ['', '01', '0100', '010000', '00000001', '0c000001', '0d000001', 'ff000001']) {
    assert.throws(() => decodeMessage(hex(bytes)), (error: unknown) => error instanceof DecodeError, bytes);
  }
});

// CVE-2012-2322, CVE-2018-15688: lengths that lie, outside and inside of an association.
test('lengths that lie: outside they spoil the message, inside the association', () => {
  for (const options of ['0001ffff', '0001000201', '00010000 0003', '00010000 000300', 'ffffffff00']) {
    assert.throws(() => decodeMessage(hex(`07000001 ${options}`)), (error: unknown) => error instanceof DecodeError);
  }
  const inside = (value: string): Association[] => associationsOf([{ code: OPTION.nonTemporary, value: hex(value) }]);
  const header = '5e005301 0000012c 000001e0';
  const address = '20010db8000100000000000000000100 00000258 00000384';
  assert.is(inside(`${header} 0005 0018 ${address}`)[0]?.addresses.length, 1);
  for (const bad of [
    '', '5e', header.slice(0, 20), `${header} 0005`, `${header} 0005 ffff`, `${header} 0005 0019 ${address}`,
    `${header} 0005 0018 ${address} 0005 00`, `${header} 0005 001c ${address} 000d ffff`,
    '5e005301 00000003 00000002',
  ]) assert.equal(inside(bad), [], bad);
  const deep = `${header}${' 0003 fff0'.repeat(1000)}`;
  assert.equal(inside(deep), []);
  // What lies inside an address is not followed into its depth.
  assert.is(inside(`${header} 0005 0028 ${address} 0003 000c ${header}`)[0]?.addresses.length, 1);
});

test('addresses and prefixes that nobody can have are left out', () => {
  const na = (address: string, preferred = 600, valid = 900): number => {
    const value = hex(`5e005301 00000000 00000000 0005 0018 ${address}
      ${preferred.toString(16).padStart(8, '0')} ${valid.toString(16).padStart(8, '0')}`);
    return associationsOf([{ code: OPTION.nonTemporary, value }])[0]?.addresses.length ?? -1;
  };
  assert.is(na('20010db8000100000000000000000100'), 1);
  assert.is(na('20010db8000100000000000000000100', 901, 900), 0);
  for (const address of [
    '00000000000000000000000000000000', '00000000000000000000000000000001', 'fe800000000000000000000000000001',
    'ff020000000000000000000000000001', '00000000000000000000ffff0a000001',
  ]) assert.is(na(address), 0, address);
  const pd = (length: string, network = '20010db8800000000000000000000000'): number => {
    const value = hex(`5e005301 00000000 00000000 001a 0019 00000258 00000384 ${length} ${network}`);
    return associationsOf([{ code: OPTION.delegation, value }])[0]?.prefixes.length ?? -1;
  };
  assert.equal(['38', '80', '00', '81', 'ff'].map((length) => pd(length)), [1, 1, 0, 0, 0]);
  assert.equal([pd('38', 'ff'.repeat(16)), pd('38', '00'.repeat(16)), pd('0a', `fe80${'00'.repeat(14)}`)], [0, 0, 0]);
  // Option 67 with one byte too many (CVE-2026-56114) is not ours to read.
  const excluded = hex(`5e005301 00000000 00000000 001a 002e 00000258 00000384 38 20010db8800000000000000000000000
    0043 0011 40 ${'00'.repeat(16)}`);
  assert.is(associationsOf([{ code: OPTION.delegation, value: excluded }])[0]?.prefixes.length, 1);
});

test('a status inside an address takes it away', () => {
  const value = hex(`5e005301 00000000 00000000 0005 001e 20010db8000100000000000000000100 00000258 00000384
    000d 0002 0004`);
  assert.equal(associationsOf([{ code: OPTION.nonTemporary, value }])[0]?.addresses, []);
});

test('status codes', () => {
  assert.is(statusOf([]), STATUS.success);
  assert.is(statusOf([{ code: OPTION.statusCode, value: hex('0004 6e6f') }]), STATUS.notOnLink);
  assert.is(statusOf([{ code: OPTION.statusCode, value: hex('00') }]), STATUS.unspecified);
});

test('lists of servers and names', () => {
  const good = '20010db8000000000000000000000053';
  assert.equal(addressesOf(hex(`${good} ${'00'.repeat(16)} ${'00'.repeat(15)}01 ff02${'00'.repeat(13)}01 20`))
    .map(String), ['2001:db8::53']);
  assert.equal(domainsOf(hex('0361 2f62 00')), []);
  assert.equal(domainsOf(hex('c000')), []);
  assert.equal(domainsOf(undefined), []);
  assert.equal(ntpServersOf(hex(`0001 0010 ${good} 0002 0010 ff05${'00'.repeat(13)}01 0003 0005 036e747000`)),
    ['2001:db8::53', 'ntp']);
  assert.equal(ntpServersOf(hex('0001 00ff')), []);
  assert.equal(ntpServersOf(hex('0001 0004 c0000201')), []);
});

test('numbers, names and options of no length', () => {
  assert.equal(u16Bytes(1, 0xffff), hex('0001ffff'));
  assert.is(u32Of(hex('000102')), undefined);
  assert.equal(encodeHostname('lab'), hex('036c6162'));
  assert.equal(encodeHostname('lab.example'), hex('036c6162 076578616d706c65 00'));
  assert.is(encodeHostname('-'), undefined);
  assert.equal(decodeOptions(encodeOptions([{ code: 14, value: new Uint8Array(0) }])).length, 1);
});

test('the longest message is read in no time', () => {
  const bytes = new Uint8Array(65_532);
  bytes[0] = 7;
  const before = performance.now();
  readAll(bytes); // 16,382 options of code 0 and no length
  assert.ok(performance.now() - before < 1000);
});

test('public corpora are read or refused', () => {
  const path = '../shared/corpora/dhcp6';
  for (const name of existsSync(path) ? readdirSync(path) : []) {
    const bytes = new Uint8Array(readFileSync(`${path}/${name}`));
    // Some begin with the headers of a whole packet, some with the message.
    for (let at = 0; at < Math.min(80, bytes.length); at++) assertTotal(readAll, bytes.slice(at));
  }
});

test.run();
