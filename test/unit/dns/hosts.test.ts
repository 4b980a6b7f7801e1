/** The hosts file, reverse names, and the names this machine answers itself. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { parseHosts } from '../../../src/dns/hosts.ts';
import { answerLocally } from '../../../src/dns/local-names.ts';
import { reverseName, reverseZone } from '../../../src/dns/reverse-name.ts';
import { parseIpAddress, type IpAddress } from '../../../src/shared/ipaddress.ts';

const HOSTS = parseHosts(`
127.0.0.1\tlocalhost
192.0.2.1 nas.home.test  nas # the attic
2001:db8::1 NAS
192.0.2.1   nas
192.0.2.300 wrong
nonsense
192.0.2.9
192.0.2.8 bad..name good esc\\. .
`);

function ip(text: string): IpAddress {
  const address = parseIpAddress(text);
  if (address === undefined) throw new Error(text);
  return address;
}

test('a line is an address and names', () => {
  assert.equal(HOSTS.addresses.get('nas')?.map(String), ['192.0.2.1', '2001:db8::1']);
  assert.equal([...HOSTS.addresses.keys()], ['localhost', 'nas.home.test', 'nas', 'good']);
  assert.is(HOSTS.names.get('1.2.0.192.in-addr.arpa'), 'nas.home.test');
  assert.is(HOSTS.names.get(reverseName(ip('2001:db8::1'))), 'nas');
});

test('reverse names and zones', () => {
  assert.is(reverseName(ip('192.0.2.1')), '1.2.0.192.in-addr.arpa');
  assert.is(reverseName(ip('2001:db8::1')), `1.${'0.'.repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa`);
  assert.is(reverseZone({ address: ip('10.77.0.0'), prefixLength: 20 }), '77.10.in-addr.arpa');
  assert.is(reverseZone({ address: ip('fd00:1::'), prefixLength: 32 }), '1.0.0.0.0.0.d.f.ip6.arpa');
});

test('what the machine knows itself', () => {
  const count = (name: string, type: number): number | undefined => answerLocally(name, type, HOSTS)?.answerCount;
  assert.is(count('nas', 1), 1);
  assert.is(count('NAS.home.test', 28), 0);
  assert.is(count('x.y.LOCALHOST', 28), 1);
  assert.is(count('1.0.0.127.in-addr.arpa', 12), 1);
  assert.is(count('1.2.0.192.in-addr.arpa', 12), 1);
  assert.is(count('9.2.0.192.in-addr.arpa', 12), undefined);
  assert.is(count('notlocalhost', 1), undefined);
  assert.is(answerLocally('a.onion', 1, HOSTS)?.rcode, 3);
});

test('any text is a hosts file', () => {
  fc.assert(fc.property(fc.string({ maxLength: 200 }), (text) => {
    for (const name of parseHosts(`192.0.2.1 ${text}`).addresses.keys()) {
      assert.is(answerLocally(name, 1, parseHosts(`192.0.2.1 ${text}`))?.answerCount, 1);
    }
  }), { numRuns: 1000 });
});

if (existsSync('../shared/corpora/etc-hosts')) {
  test('the corpora are hosts files', () => {
    for (const file of readdirSync('../shared/corpora/etc-hosts')) {
      parseHosts(readFileSync(`../shared/corpora/etc-hosts/${file}`, 'latin1'));
    }
  });
}

test.run();
