/**
 * Options of router advertisements as the kernel hands them on: RFC 8106 and RFC 8910, and what a
 * hostile router may send.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeNdOptions, decodeNdUserOptions } from '../../../src/netlink/nduseropt/codec.ts';
import { DecodeError } from '../../../src/shared/errors.ts';
import { assertHardened, decodeAll, hex, message, plain } from './captures.ts';

const NAMESERVERS = '1905 0000 00000708 20010db8000000000000000000000001 20010db8000000000000000000000002';
const DOMAINS = '1f04 0000 ffffffff 07 6578616d706c65 03 636f6d 00 03 6c616e 00 000000 000000';
const PORTAL = '2503 68747470733a2f2f706f7274616c2f 00000000 000000';

test('name servers, search domains and the portal are read; the rest is kept', () => {
  assert.equal(decodeNdOptions(hex(`${NAMESERVERS} ${DOMAINS} ${PORTAL} 2601 000001020304`)).map(plain), [
    { kind: 'nameservers', lifetimeSec: 1800, addresses: ['2001:db8::1', '2001:db8::2'] },
    { kind: 'searchDomains', lifetimeSec: 0xffff_ffff, domains: ['example.com', 'lan'] },
    { kind: 'captivePortal', url: 'https://portal/' },
    { kind: 'other', type: 38, body: '00:00:01:02:03:04' },
  ]);
});

test('options that lie are refused', () => {
  const lies = [
    '1900', // no length
    '1905 0000', // shorter than it says
    '1902 0000 00000000 0011223344556677', // half an address
    '1f02 0000 00000000 40 61616161616161', // a label of 64 bytes
    '1f02 0000 00000000 0a 61616161616161', // a label past the end
    '1f02 0000 00000000 07 61616161616161', // no end of the name
    '1f02 0000 00000000 03 610a62 00 000000', // a newline
    '1f02 0000 00000000 03 c3bc62 00 000000', // not ASCII
    '2501 68 0a 00000000', // a newline
  ];
  const isExpected = (error: unknown): boolean => error instanceof DecodeError;
  for (const lie of lies) assert.throws(() => decodeNdOptions(hex(lie)), isExpected, lie);
});

test('names may not be longer than 253 characters', () => {
  const label = `3f ${'61'.repeat(63)} `;
  const option = (labels: string): string => {
    const body = `0000 00000000 ${labels} 00`.replace(/\s/g, '');
    const units = Math.ceil((body.length / 2 + 2) / 8);
    return `1f${units.toString(16).padStart(2, '0')}${body.padEnd(2 * (8 * units - 2), '0')}`;
  };
  assert.is(decodeNdOptions(hex(option(label.repeat(3)))).length, 1);
  assert.throws(() => decodeNdOptions(hex(option(label.repeat(4)))), (error: unknown) => error instanceof DecodeError);
});

// linux/rtnetlink.h, struct nduseroptmsg: AF_INET6, 40 bytes of options, ifindex 3, type 134; NDUSEROPT_SRCADDR.
const MESSAGE = message(68, 0, 0, hex(
  `0a00 2800 03000000 86 00 0000 00000000 ${NAMESERVERS} 1400 0100 fe800000000000000000000000000001`,
));

test('a message tells the link and the router', () => {
  assert.equal(decodeAll([MESSAGE], decodeNdUserOptions).map(plain), [{
    ifindex: 3,
    router: 'fe80::1',
    options: [{ kind: 'nameservers', lifetimeSec: 1800, addresses: ['2001:db8::1', '2001:db8::2'] }],
  }]);
});

test('messages stand truncation, flipped bits and noise', () => {
  assertHardened(decodeNdUserOptions, MESSAGE);
  const domains = message(68, 0, 0, hex(`0a00 2000 03000000 86 00 0000 00000000 ${DOMAINS}`));
  assert.is(decodeAll([domains], decodeNdUserOptions).length, 1);
  assertHardened(decodeNdUserOptions, domains);
});

test.run();
