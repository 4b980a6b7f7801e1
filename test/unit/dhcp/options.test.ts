/** What option values mean, by the examples of the RFCs, and what is not believed. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  classlessRoutesOf,
  domainNameOf,
  hostAddressesOf,
  hostAddressOf,
  hostnameOf,
  u16Of,
  u32Bytes,
  u32Of,
  urlOf,
} from '../../../src/dhcp/options.ts';
import { searchDomainsOf } from '../../../src/dhcp/search-domains.ts';
import { hex } from './battery.ts';

const text = (value: string): Uint8Array => Uint8Array.from(Buffer.from(value, 'latin1'));

test('numbers have their exact length', () => {
  assert.is(u32Of(hex('00000e10')), 3600);
  assert.is(u32Of(hex('ffffffff')), 0xffff_ffff);
  assert.equal(u32Bytes(0xffff_ffff), hex('ffffffff'));
  for (const value of [undefined, '', '00', '000e10', '0000000e10']) {
    assert.is(u32Of(value === undefined ? value : hex(value)), undefined);
  }
  assert.is(u16Of(hex('05dc')), 1500);
  assert.is(u16Of(hex('dc')), undefined);
});

test('addresses that no host can have are left out', () => {
  const value = hex('c0000201 00000000 7f000001 e0000001 ffffffff f0000001 0a000001 0a00');
  assert.equal(hostAddressesOf(value).map(String), ['192.0.2.1', '10.0.0.1']);
  assert.equal(hostAddressesOf(undefined), []);
  assert.is(hostAddressOf(hex('c0000201c0000202')), undefined);
  assert.is(hostAddressOf(hex('7f000001')), undefined);
  assert.is(String(hostAddressOf(hex('c0000201'))), '192.0.2.1');
});

test('names are letters, digits and hyphens, nothing a shell or a file would notice', () => {
  assert.is(domainNameOf(text('example.org')), 'example.org');
  assert.is(domainNameOf(text('example.org.\0\0')), 'example.org');
  assert.is(domainNameOf(text('_tcp.example.org')), '_tcp.example.org');
  assert.is(hostnameOf(text('printer-1')), 'printer-1');
  assert.is(hostnameOf(text('bad_name')), undefined);
  const longest = `${'a.'.repeat(126)}b`;
  assert.is(domainNameOf(text(longest)), longest, '253 characters');
  const refused = [
    `${longest}c`, '', '.', 'a..b',
    '-a', 'a-', 'a b', 'a\nnameserver 192.0.2.1', '$(reboot)', 'a;b', 'a/b', 'ü.example',
    'a\0b', `${'a'.repeat(64)}.org`, `${'a.'.repeat(127)}org`,
  ];
  for (const name of refused) assert.is(domainNameOf(text(name)), undefined, name);
});

test('a URL is printable and has a scheme', () => {
  assert.is(urlOf(text('http://192.0.2.7/wpad.dat\n\0')), 'http://192.0.2.7/wpad.dat');
  for (const url of ['', '\n', 'wpad.dat', 'http://a b', 'http://a\nb', '://x', 'http:']) {
    assert.is(urlOf(text(url)), undefined, url);
  }
});

test('classless routes by the examples of RFC 3442', () => {
  const routes = (value: string): string[] | undefined => classlessRoutesOf(hex(value))
    ?.map(({ destination, gateway }) => `${destination.address}/${destination.prefixLength} ${gateway ?? 'link'}`);
  const gateway = 'c0000201';
  const examples = [
    ['00', '0.0.0.0/0'],
    ['080a', '10.0.0.0/8'],
    ['180a0000', '10.0.0.0/24'],
    ['100a11', '10.17.0.0/16'],
    ['180a1b81', '10.27.129.0/24'],
    ['190ae50080', '10.229.0.128/25'],
    ['200ac67a2f', '10.198.122.47/32'],
  ] as const;
  for (const [bytes, destination] of examples) {
    assert.equal(routes(bytes + gateway), [`${destination} 192.0.2.1`]);
  }
  assert.equal(routes(`080a00000000`), ['10.0.0.0/8 link']);
  assert.equal(routes(`140affff${gateway}`), ['10.255.240.0/20 192.0.2.1'], 'host bits go');
  assert.is(routes(examples.map(([bytes]) => bytes + gateway).join(''))?.length, 7);
});

test('malformed classless routes are none at all', () => {
  for (const value of ['', '21c00002000000c0000201', '18c00002', '18c00002c00002', '00e0000001', '00c000020118']) {
    assert.is(classlessRoutesOf(hex(value)), undefined, value);
  }
});

test('the search list of RFC 3397', () => {
  const value = text('\x03eng\x05apple\x03com\x00\x09marketing\xc0\x04');
  assert.equal(searchDomainsOf(value), ['eng.apple.com', 'marketing.apple.com']);
});

test('search lists that loop, overrun or name nothing are none', () => {
  const refused = [
    '', '\x00', '\x03eng', '\x03eng\x05app', '\xc0', '\xc0\x00', '\x01a\xc0\x00', '\x01a\xc0\x02', '\x01a\xc0\x63',
    '\x40a\x00', '\x80a\x00', '\x03a b\x00', '\x3f'.padEnd(64, 'a').repeat(4) + '\x00',
    // Each pointer leads back to a name that leads on to the pointer.
    '\x01a\x01b\xc0\x00', '\x01a\x00\x01b\xc0\x05',
  ];
  for (const value of refused) assert.is(searchDomainsOf(text(value)), undefined, JSON.stringify(value));
  assert.is(searchDomainsOf(undefined), undefined);
});

test('a long search list ends after 32 names', () => {
  assert.is(searchDomainsOf(text(`\x01a\x00${'\xc0\x00'.repeat(500)}`))?.length, 32);
});

test('no value makes a reader throw', () => {
  const readers = [
    u16Of, u32Of, hostAddressOf, hostAddressesOf, domainNameOf, hostnameOf, urlOf, classlessRoutesOf, searchDomainsOf,
  ];
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (value) => {
    for (const read of readers) read(value);
  }));
});

test.run();
