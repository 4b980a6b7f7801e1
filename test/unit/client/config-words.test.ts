/** The words of `config`: what they mean together, and that no words break the reader. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfig } from '../../../src/client/commands/config-words.ts';
import { toJson } from '../../../src/client/values.ts';

function read(line: string): unknown {
  const { settings, unknown, wrong, isRemoval } = parseConfig(line.split(' '));
  const values = Object.fromEntries(settings.map(({ property, value }) => [property, toJson(value)]));
  const complaints = { ...(unknown.length > 0 && { unknown }), ...(wrong.length > 0 && { wrong }) };
  return { ...values, ...complaints, ...(isRemoval && { isRemoval }) };
}

test('a list ends where the next option begins', () => {
  assert.equal(read('--nameservers a b --domains c --autoconnect on --timeservers'), {
    'Nameservers.Configuration': ['a', 'b'],
    'Domains.Configuration': ['c'],
    AutoConnect: true,
    'Timeservers.Configuration': [],
  });
  assert.equal(read('nameservers domains'), { 'Nameservers.Configuration': ['domains'] });
});

test('an address may bring its prefix', () => {
  const ipv4 = { Method: 'manual', Address: '192.0.2.7', Netmask: '255.255.255.128', Gateway: '192.0.2.1' };
  assert.equal(read('--ipv4 manual 192.0.2.7/25 192.0.2.1 --mdns no'), {
    'IPv4.Configuration': ipv4,
    'mDNS.Configuration': false,
  });
  assert.equal(read('--ipv4 manual 192.0.2.7/33'), { wrong: ['192.0.2.7/33'] });
  assert.equal(read('--ipv4 manual 0.0.0.0/0'), {
    'IPv4.Configuration': { Method: 'manual', Address: '0.0.0.0', Netmask: '0.0.0.0' },
  });
});

test('what means nothing is named', () => {
  assert.equal(read('--foo --mdns maybe --remove'), { unknown: ['--foo', '--mdns'], isRemoval: true });
  const ipv6 = { Address: 'fd00::1', Method: 'manual' };
  assert.equal(read('--ipv6 manual fd00::1'), { 'IPv6.Configuration': ipv6 });
  for (const bad of ['300', '64x', '-1', '']) {
    assert.equal(parseConfig(['--ipv6', 'manual', 'fd00::1', bad]).wrong, [bad]);
  }
});

test('every spelling of exclude', () => {
  for (const word of ['--excludes', '--exclude', 'excludes', 'exclude']) {
    assert.equal(read(`--proxy manual http://p ${word} a b --mdns on`), {
      'Proxy.Configuration': { Servers: ['http://p'], Excludes: ['a', 'b'], Method: 'manual' },
      'mDNS.Configuration': true,
    });
  }
});

test('any words are read, each once', () => {
  const word = fc.oneof(
    fc.constantFrom('--ipv4', 'ipv6', '--proxy', 'manual', 'auto', '--nameservers', '--remove', 'on', '--excludes'),
    fc.constantFrom('constructor', '__proto__', '--toString', '1.2.3.4/24'),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(word), (words) => {
      const { settings, unknown, wrong } = parseConfig(words);
      assert.ok(settings.length + unknown.length + wrong.length <= 2 * words.length);
      for (const { property } of settings) assert.match(property, /^(AutoConnect|\w+\.Configuration)$/);
    }),
  );
});

test.run();
