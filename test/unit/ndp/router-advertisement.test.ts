/** The codec of router discovery: captures, each option well and badly formed, and whatever bytes may come. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  decodeRouterAdvertisement, encodeRouterSolicitation, type RouterAdvertisement,
} from '../../../src/ndp/router-advertisement.ts';
import { DecodeError } from '../../../src/shared/errors.ts';
import { assertHardened, assertTotal, hex, readVector } from '../dhcp/battery.ts';
import { advertisement, nameserverOption, prefixOption, routeOption, searchDomainOption } from './advertise.ts';

function options(text: string): RouterAdvertisement {
  return decodeRouterAdvertisement(advertisement({ options: text }));
}

const prefixes = ({ prefixes: all }: RouterAdvertisement): string[] => all.map(({ prefix, validSec, preferredSec }) => (
  `${prefix.address}/${prefix.prefixLength} ${validSec} ${preferredSec}`
));

test('radvd', () => {
  const heard = decodeRouterAdvertisement(readVector('ndp-advertisement-radvd'));
  assert.equal(
    [heard.hopLimit, heard.isManaged, heard.isOtherConfig, heard.preference, heard.lifetimeSec, heard.mtu],
    [64, false, true, 'high', 1800, 1400],
  );
  assert.equal(prefixes(heard), ['2001:db8:1::/64 3600 1200']);
  assert.equal(heard.routes.map(({ destination, preference, lifetimeSec }) => (
    `${destination.address}/${destination.prefixLength} ${preference} ${lifetimeSec}`
  )), ['2001:db8:2::/48 low 900']);
  assert.equal(heard.nameservers.map(({ address, lifetimeSec }) => `${address} ${lifetimeSec}`),
    ['2001:db8:1::53 300', '2001:db8:1::54 300']);
  assert.equal(heard.searchDomains, [
    { name: 'example.org', lifetimeSec: 600 }, { name: 'lab.example.org', lifetimeSec: 600 },
  ]);
});

test('dnsmasq', () => {
  const heard = decodeRouterAdvertisement(readVector('ndp-advertisement-dnsmasq'));
  assert.equal([heard.isManaged, heard.isOtherConfig, heard.preference], [true, true, 'medium']);
  assert.equal(heard.prefixes.map(({ isOnLink, isAutonomous }) => [isOnLink, isAutonomous]), [[true, false]]);
});

test('our solicitation is what it was on the wire', () => {
  const sent = readVector('ndp-solicitation');
  sent.fill(0, 2, 4); // the checksum, which the kernel fills in
  assert.equal(encodeRouterSolicitation(hex('02005e005301')), sent);
  assert.is(encodeRouterSolicitation(new Uint8Array(20)).length, 32, 'InfiniBand');
});

test('whatever is cut, flipped or random decodes or is refused', () => {
  assertHardened(decodeRouterAdvertisement, readVector('ndp-advertisement-radvd'));
});

test('what breaks the framing spoils the message (RFC 4861, 6.1.2)', () => {
  const refused = (bytes: Uint8Array): void => {
    assert.throws(() => decodeRouterAdvertisement(bytes), (error: unknown) => error instanceof DecodeError);
  };
  refused(advertisement({ options: '0300' }));
  refused(advertisement({ options: '0502 0000 00000578' }));
  refused(advertisement({ options: '05' }));
  refused(hex('8601 0000 40000708 00000000 00000000'));
  refused(hex('8500 0000 40000708 00000000 00000000'));
  refused(advertisement().slice(0, 15));
});

test('a malformed option spoils itself alone', () => {
  const good = prefixOption('20010db800010000', 600);
  for (const bad of [
    '0303 40c0 00000258 00000258 00000000 20010db8 00010000', // too short
    prefixOption('20010db800020000', 600).replace('0304 40', '0304 81'), // 129 bits
    prefixOption('20010db800020000', 600, 601), // preferred for longer than valid
    prefixOption('fe80000000000000', 600), prefixOption('ff02000000000000', 600),
    '0501 0000 000004ff', '0502 0000 00000578 00000000 00000000',
    '1902 0000 00000258 20010db8 00000000', // half an address
    '1801 40 00 00000258', // 64 bits in no bytes
    '1802 41 00 00000258 20010db800000000', '1803 81 00 00000258 20010db8000000000000000000000000',
    routeOption('20010db8', 32, 600, 0x10), // the reserved preference
    '1f02 0000 00000258 ff65 7861 6d70 6c65', '1f02 0000 00000258 0361 2f62 0000 0000', // lying, odd characters
    '1f02 0000 00000258 c008 0000 0000 0000', // a pointer to itself
    '1f01 0000 00000258', '1f02 0000 00000258 0361 6263 0361 6263', // no name, no end
    '2502 6a61 7661 7363 7269 7074 3a0a 3c3e', // odd characters
    'ff01 0102 03040506', '0101 02005e005302',
  ]) {
    const heard = options(`${bad} ${good}`);
    assert.equal(prefixes(heard), ['2001:db8:1::/64 600 600'], bad);
    assert.equal(
      [heard.routes, heard.nameservers, heard.searchDomains, heard.mtu, heard.captivePortal],
      [[], [], [], undefined, undefined], bad,
    );
  }
});

test('servers that can be nobody are left out', () => {
  const heard = options(`${nameserverOption(0x53, 60)} ${nameserverOption(0, 60).replace('20010db8', '00000000')}
    ${nameserverOption(1, 60).replace('20010db8', '00000000')}
    ${nameserverOption(1, 60).replace('20010db8', 'ff020000')}`);
  assert.equal(heard.nameservers.map(({ address }) => String(address)), ['2001:db8::53']);
});

test('lifetimes without end, and of nothing', () => {
  const heard = options(`${prefixOption('20010db800010000', Infinity)} ${nameserverOption(0x53, Infinity)}
    ${searchDomainOption('example.org', 0)} ${routeOption('20010db8', 32, Infinity)}`);
  assert.equal(prefixes(heard), ['2001:db8:1::/64 Infinity Infinity']);
  assert.is(heard.nameservers[0]?.lifetimeSec, Infinity);
  assert.is(heard.routes[0]?.lifetimeSec, Infinity);
  assert.equal(heard.searchDomains, [{ name: 'example.org', lifetimeSec: 0 }]);
});

test('host bits are not part of a prefix', () => {
  assert.equal(prefixes(options(prefixOption('20010db800010000', 60).replace(/0000000000000000$/, '0000000000000001'))),
    ['2001:db8:1::/64 60 60']);
  const [route] = options('1802 1d 08 0000003c 20010dbf 00000000').routes;
  const { destination, preference } = route ?? {};
  assert.is(`${destination?.address}/${destination?.prefixLength} ${preference}`, '2001:db8::/29 high');
});

test('preferences, of the header and of an option for everything (RFC 4191, 3.1)', () => {
  const preferenceOf = (flags: number): string => decodeRouterAdvertisement(advertisement({ flags })).preference;
  assert.equal([0x00, 0x08, 0x18, 0x10].map(preferenceOf), ['medium', 'high', 'low', 'medium']);
  const heard = options('1801 00 18 00000e10');
  assert.equal([heard.preference, heard.lifetimeSec, heard.routes], ['low', 3600, []]);
});

test('a captive portal, and that there is none (RFC 8910)', () => {
  const portal = (url: string): string | undefined => {
    const units = Math.ceil((2 + url.length) / 8);
    const text = Buffer.from(url).toString('hex').padEnd(16 * units - 4, '0');
    return options(`25${units.toString(16).padStart(2, '0')}${text}`).captivePortal;
  };
  assert.is(portal('https://portal.example.org/api'), 'https://portal.example.org/api');
  assert.is(portal('urn:ietf:params:capport:unrestricted'), undefined);
  assert.is(portal('portal'), undefined);
});

test('hop limit 0 says nothing', () => {
  assert.is(decodeRouterAdvertisement(advertisement({ hopLimit: 0 })).hopLimit, undefined);
});

test('public corpora decode or are refused', () => {
  const path = '../shared/corpora/ndisc';
  for (const name of existsSync(path) ? readdirSync(path) : []) {
    const bytes = new Uint8Array(readFileSync(`${path}/${name}`));
    for (let at = 0; at < Math.min(80, bytes.length); at++) assertTotal(decodeRouterAdvertisement, bytes.slice(at));
  }
});

test.run();
