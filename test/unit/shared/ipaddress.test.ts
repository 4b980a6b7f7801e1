/** Addresses: text forms of RFC 4291 and RFC 5952, classes, prefixes. Node's own parser is the judge. */

import fc from 'fast-check';
import { isIP, isIPv4, isIPv6 } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  ANY_IPV4, ANY_IPV6, IpAddress, netmaskOfPrefixLength, parseIpAddress, parseIpv4, parseIpv6, prefixLengthOfNetmask,
} from '../../../src/shared/ipaddress.ts';

/** The address, which is one. */
function ip(text: string): IpAddress {
  const address = parseIpAddress(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return address;
}

/** RFC 4291, 2.2 and RFC 5952, 1, 2, 4 and 5. */
const TEXTS: readonly (readonly [given: string, canonical: string])[] = [
  ['192.0.2.1', '192.0.2.1'],
  ['0.0.0.0', '0.0.0.0'],
  ['255.255.255.255', '255.255.255.255'],
  ['ABCD:EF01:2345:6789:ABCD:EF01:2345:6789', 'abcd:ef01:2345:6789:abcd:ef01:2345:6789'],
  ['2001:DB8:0:0:8:800:200C:417A', '2001:db8::8:800:200c:417a'],
  ['FF01::101', 'ff01::101'],
  ['0:0:0:0:0:0:0:1', '::1'],
  ['::', '::'],
  ['0:0:0:0:0:0:13.1.68.3', '::d01:4403'],
  ['::FFFF:129.144.52.38', '::ffff:129.144.52.38'],
  ['::ffff:c000:0201', '::ffff:192.0.2.1'],
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['2001:0db8::0001', '2001:db8::1'],
  ['2001:db8:aaaa:bbbb:cccc:dddd:0:1', '2001:db8:aaaa:bbbb:cccc:dddd:0:1'],
  ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
  ['2001:db8::', '2001:db8::'],
  ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
  ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
  ['fe80::1', 'fe80::1'],
];

for (const [given, canonical] of TEXTS) {
  test(`${given} is ${canonical}`, () => {
    assert.is(ip(given).toString(), canonical);
    assert.ok(ip(given).equals(ip(canonical)));
    assert.is(ip(given).family, canonical.includes(':') ? 6 : 4);
  });
}

const NONE = [
  '', ' ', '1', '1.2.3', '1.2.3.4.5', '1.2.3.256', '1.2.3.-1', '01.2.3.4', '010.1.1.1', '1.2.3.4 ', ' 1.2.3.4',
  '1..3.4', '0x7f.0.0.1', '1.2.3.4/24', '１.2.3.4', ':', ':::', '1::2::3', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9',
  '1:2:3:4:5:6:7:8::',
  '::1:2:3:4:5:6:7:8', 'g::', '12345::', '::1%eth0', '::1.2.3', '::1.2.3.256', '1.2.3.4::', '1:2:3:4:5:6:7:1.2.3.4',
  '::ffff:01.2.3.4', '[::1]', '::1 ', ' ::1', '1:', ':1', '1:2:3:4:5:6:7:', `::${'0'.repeat(100)}1`,
];

for (const text of NONE) {
  test(`${JSON.stringify(text.slice(0, 40))} is no address`, () => assert.is(parseIpAddress(text), undefined));
}

test('each family takes only its own', () => {
  assert.is(parseIpv4('::1'), undefined);
  assert.is(parseIpv6('1.2.3.4'), undefined);
});

test("agrees with Node's parser on near misses", () => {
  const words = ['0', '1', '12', '255', '256', 'ffff', 'F', ':', '::', '.', '1.2.3.4', '00', 'g', '%', ' '];
  const pieces = fc.constantFrom(...words);
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 18 }), (parts) => {
      const text = parts.join('');
      if (text.includes('%')) return assert.is(parseIpAddress(text), undefined);
      return assert.is(parseIpAddress(text)?.family ?? 0, isIP(text), text);
    }),
    { numRuns: 2000 },
  );
});

test('any bytes make a text that reads back', () => {
  const size = fc.constantFrom(4, 16);
  const bytes = size.chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));
  const sparse = fc.uint8Array({ minLength: 16, maxLength: 16, max: 1 });
  fc.assert(
    fc.property(fc.oneof(bytes, sparse), (raw) => {
      const address = new IpAddress(raw);
      const text = address.toString();
      assert.ok(raw.length === 4 ? isIPv4(text) : isIPv6(text), text);
      assert.equal(parseIpAddress(text)?.bytes, raw);
      assert.is(text, text.toLowerCase());
    }),
  );
});

test('an address is a copy of 4 or 16 bytes', () => {
  // A Buffer, too, whose own `slice` does not copy.
  for (const bytes of [Uint8Array.from([1, 2, 3, 4]), Buffer.from([1, 2, 3, 4])]) {
    const address = new IpAddress(bytes);
    bytes[0] = 9;
    assert.is(address.toString(), '1.2.3.4');
  }
  for (const length of [0, 3, 5, 15, 17]) assert.throws(() => new IpAddress(new Uint8Array(length)), /an address of/);
});

test('equality knows families', () => {
  assert.not(ip('1.2.3.4').equals(ip('::ffff:1.2.3.4')));
  assert.not(ip('1.2.3.4').equals(undefined));
  assert.not(ANY_IPV4.equals(ANY_IPV6));
});

const CLASSES = ['isUnspecified', 'isLoopback', 'isLinkLocal', 'isMulticast', 'isBroadcast'] as const;

const CLASSIFIED: Readonly<Record<string, (typeof CLASSES)[number] | undefined>> = {
  '0.0.0.0': 'isUnspecified',
  '::': 'isUnspecified',
  '127.0.0.1': 'isLoopback',
  '127.255.255.255': 'isLoopback',
  '::1': 'isLoopback',
  '::2': undefined,
  '169.254.0.1': 'isLinkLocal',
  '169.253.0.1': undefined,
  'fe80::1': 'isLinkLocal',
  'febf::1': 'isLinkLocal',
  'fec0::1': undefined,
  '224.0.0.1': 'isMulticast',
  '239.255.255.255': 'isMulticast',
  '240.0.0.1': undefined,
  'ff02::1': 'isMulticast',
  '255.255.255.255': 'isBroadcast',
  '10.0.0.1': undefined,
  '2001:db8::1': undefined,
};

for (const [text, expected] of Object.entries(CLASSIFIED)) {
  test(`${text} is ${expected ?? 'nothing special'}`, () => {
    const found = CLASSES.filter((name) => ip(text)[name]);
    assert.equal(found, expected === undefined ? [] : [expected]);
  });
}

test('networks, broadcast addresses and shared prefixes', () => {
  assert.is(ip('10.1.2.3').network(20).toString(), '10.1.0.0');
  assert.is(ip('10.1.2.3').broadcast(20).toString(), '10.1.15.255');
  assert.is(ip('10.1.2.3').network(0).toString(), '0.0.0.0');
  assert.is(ip('10.1.2.3').broadcast(32).toString(), '10.1.2.3');
  assert.is(ip('2001:db8::ffff').network(121).toString(), '2001:db8::ff80');
  assert.ok(ip('10.1.2.3').sharesPrefix(ip('10.1.15.9'), 20));
  assert.not(ip('10.1.2.3').sharesPrefix(ip('10.1.16.9'), 20));
  assert.ok(ip('10.1.2.3').sharesPrefix(ip('10.1.2.3'), 32));
  assert.ok(ip('10.1.2.3').sharesPrefix(ip('99.1.2.3'), 0));
  assert.not(ip('10.1.2.3').sharesPrefix(ip('::'), 0));
  assert.ok(ip('fe80::1').sharesPrefix(ip('fe80::1'), 128));
  assert.not(ip('fe80::1').sharesPrefix(ip('fe80::2'), 127));
});

test('netmasks and prefix lengths', () => {
  for (let length = 0; length <= 32; length++) {
    assert.is(prefixLengthOfNetmask(netmaskOfPrefixLength(length)), length);
  }
  assert.is(netmaskOfPrefixLength(20).toString(), '255.255.240.0');
  assert.is(prefixLengthOfNetmask(ip('255.0.255.0')), undefined);
  assert.is(prefixLengthOfNetmask(ip('0.0.0.1')), undefined);
  assert.is(prefixLengthOfNetmask(ip('ffff:ffff::')), 32);
});

test.run();
