/** The functions of proxy auto-configuration files: Netscape's examples, and what scripts get wrong. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { addressFunctions } from '../../../src/confined/pac/address-functions.ts';
import { pacFunctions } from '../../../src/confined/pac/functions.ts';
import { timeFunctions } from '../../../src/confined/pac/time-functions.ts';

type Functions = Readonly<Record<string, (...words: unknown[]) => unknown>>;
type Row = readonly [name: string, words: readonly unknown[], expected: unknown];

function check(functions: Functions, rows: readonly Row[]): void {
  for (const [name, words, expected] of rows) {
    assert.equal(functions[name]?.(...words), expected, `${name}(${words.map((word) => String(word)).join(', ')})`);
  }
}

test('host names', () => check(pacFunctions(), [
  ['isPlainHostName', ['www'], true],
  ['isPlainHostName', ['www.example'], false],
  ['dnsDomainIs', ['www.netscape.com', '.netscape.com'], true],
  ['dnsDomainIs', ['WWW.Netscape.COM', '.netscape.com'], true],
  ['dnsDomainIs', ['www', '.netscape.com'], false],
  ['dnsDomainIs', ['www.mcom.com', '.netscape.com'], false],
  ['localHostOrDomainIs', ['www.netscape.com', 'www.netscape.com'], true],
  ['localHostOrDomainIs', ['www', 'www.netscape.com'], true],
  ['localHostOrDomainIs', ['www.mcom.com', 'www.netscape.com'], false],
  ['localHostOrDomainIs', ['home.netscape.com', 'www.netscape.com'], false],
  ['dnsDomainLevels', ['www'], 0],
  ['dnsDomainLevels', ['www.netscape.com'], 2],
  ['shExpMatch', ['http://home.netscape.com/people/ari/index.html', '*/ari/*'], true],
  ['shExpMatch', ['http://home.netscape.com/people/montulli/index.html', '*/ari/*'], false],
  ['shExpMatch', ['a.b', 'a?b'], true],
  ['shExpMatch', ['a.b', 'a.b.c'], false],
  ['shExpMatch', ['(x)', '(x)'], true],
  ['shExpMatch', ['', '**'], true],
  ['shExpMatch', ['abcab', '*ab'], true],
  ['shExpMatch', [undefined, 'undefined'], true],
]));

test('a shell expression costs no more than its lengths multiplied', () => {
  const started = performance.now();
  assert.is(pacFunctions()['shExpMatch']?.('a'.repeat(5000), `${'*a'.repeat(500)}*b`), false);
  assert.ok(performance.now() - started < 2000);
});

test('a shell expression is what the equal regular expression is', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?', '.'), maxLength: 12 });
  fc.assert(fc.property(word.map((text) => text.replace(/[*?]/g, 'a')), word, (text, pattern) => {
    const equal = new RegExp(`^${pattern.replace(/\./g, '\\.').replace(/\*/g, '.*').replace(/\?/g, '.')}$`);
    return pacFunctions()['shExpMatch']?.(text, pattern) === equal.test(text);
  }), { numRuns: 2000 });
});

const NAMES: Readonly<Record<string, readonly string[]>> = {
  'home.example': ['198.51.100.7', '2001:db8::7'],
  'six.example': ['2001:db8::6'],
  'odd.example': ['not an address', '192.0.2.1'],
};

test('addresses', () => {
  const asked: string[] = [];
  const functions = addressFunctions(['2001:db8::1', '10.1.2.3'], (host) => {
    asked.push(host);
    return NAMES[host] ?? [];
  });
  check(functions, [
    ['isResolvable', ['home.example'], true],
    ['isResolvable', ['six.example'], false],
    ['isResolvableEx', ['six.example'], true],
    ['isResolvable', ['none.example'], false],
    ['dnsResolve', ['home.example'], '198.51.100.7'],
    ['dnsResolve', ['none.example'], null],
    ['dnsResolveEx', ['home.example'], '198.51.100.7;2001:db8::7'],
    ['dnsResolve', ['odd.example'], '192.0.2.1'],
    ['myIpAddress', [], '10.1.2.3'],
    ['myIpAddressEx', [], '2001:db8::1;10.1.2.3'],
    ['isInNet', ['198.95.249.79', '198.95.249.79', '255.255.255.255'], true],
    ['isInNet', ['198.95.6.8', '198.95.0.0', '255.255.0.0'], true],
    ['isInNet', ['home.example', '198.51.100.0', '255.255.255.0'], true],
    ['isInNet', ['none.example', '0.0.0.0', '0.0.0.0'], false],
    ['isInNet', ['198.95.6.8', 'x', '255.255.0.0'], false],
    ['isInNetEx', ['2001:db8::7', '2001:db8::/32'], true],
    ['isInNetEx', ['2001:db8::7', '2001:db8/32'], true],
    ['isInNetEx', ['10.0.0.1;2001:db8::7', '2001:db8::/32'], true],
    ['isInNetEx', ['10.0.0.1', '10.0.0.0/33'], false],
    ['isInNetEx', ['10.0.0.1', '10.0.0.0'], false],
    ['sortIpAddressList', ['10.2.3.9;2001:4898:28:3::2;::1;127.0.0.1;::9'],
      '::1;::9;2001:4898:28:3::2;10.2.3.9;127.0.0.1'],
    ['sortIpAddressList', ['10.2.3.9;x'], false],
    ['convert_addr', ['104.16.41.2'], 1745889538],
    ['convert_addr', ['x'], 0],
  ]);
  assert.equal(asked, ['home.example', 'six.example', 'none.example', 'odd.example'], 'each name once');
});

test('no more than so many names are asked for', () => {
  let asked = 0;
  const functions = addressFunctions([], () => [`10.0.0.${asked++}`]);
  for (let index = 0; index < 1000; index++) functions['isResolvable']?.(`${index}.example`);
  assert.is(asked, 32);
  check(functions, [['myIpAddress', [], '127.0.0.1'], ['dnsResolve', ['0.example'], '10.0.0.0']]);
});

/** A Saturday. */
const AT = new Date(Date.UTC(2026, 0, 31, 23, 30, 5));

test('times', () => check(timeFunctions(() => AT), [
  ['weekdayRange', ['SAT', 'GMT'], true],
  ['weekdayRange', ['MON', 'FRI', 'GMT'], false],
  ['weekdayRange', ['FRI', 'MON', 'GMT'], true],
  ['weekdayRange', ['SUN', 'FRI', 'GMT'], false],
  ['weekdayRange', ['DAY', 'GMT'], false],
  ['dateRange', [31, 'GMT'], true],
  ['dateRange', [1, 30, 'GMT'], false],
  ['dateRange', [30, 2, 'GMT'], true],
  ['dateRange', ['JAN', 'GMT'], true],
  ['dateRange', ['FEB', 'DEC', 'GMT'], false],
  ['dateRange', ['NOV', 'FEB', 'GMT'], true],
  ['dateRange', [2026, 'GMT'], true],
  ['dateRange', [2020, 2025, 'GMT'], false],
  ['dateRange', [2027, 2025, 'GMT'], false],
  ['dateRange', [24, 'DEC', 31, 'JAN', 'GMT'], true],
  ['dateRange', [1, 'FEB', 24, 'DEC', 'GMT'], false],
  ['dateRange', ['JAN', 2026, 'MAR', 2026, 'GMT'], true],
  ['dateRange', [1, 'JUN', 1995, 15, 'AUG', 1995, 'GMT'], false],
  ['dateRange', [1, 'JUN', 1995, 15, 'AUG', 2026, 'GMT'], true],
  ['dateRange', ['DAY', 'GMT'], false],
  ['dateRange', [1, 2, 3, 'GMT'], false],
  ['dateRange', ['GMT'], false],
  ['timeRange', [23, 'GMT'], true],
  ['timeRange', [22, 'GMT'], false],
  ['timeRange', [22, 23, 'GMT'], false],
  ['timeRange', [22, 30, 23, 30, 'GMT'], false],
  ['timeRange', [23, 30, 23, 31, 'GMT'], true],
  ['timeRange', [23, 0, 1, 0, 'GMT'], true],
  ['timeRange', [0, 0, 0, 0, 0, 30, 'GMT'], false],
  ['timeRange', [23, 30, 5, 23, 30, 5, 'GMT'], true],
  ['timeRange', ['x', 'GMT'], false],
  ['timeRange', [1, 2, 3, 'GMT'], false],
]));

test('without GMT the local time counts', () => {
  const noon = new Date(2026, 5, 10, 12, 0, 0);
  check(timeFunctions(() => noon), [
    ['timeRange', [12], true],
    ['dateRange', [10, 'JUN'], false],
    ['dateRange', [10, 'JUN', 10, 'JUN'], true],
    ['weekdayRange', ['WED'], true],
  ]);
});

test('no argument makes them throw', () => {
  const all = { ...pacFunctions(), ...addressFunctions(['10.0.0.1'], () => []), ...timeFunctions(() => AT) };
  fc.assert(fc.property(fc.constantFrom(...Object.values(all)), fc.array(fc.oneof(
    fc.string(), fc.integer(), fc.constant(undefined), fc.constant(null), fc.double(), fc.array(fc.string()),
  ), { maxLength: 8 }), (run, words) => {
    run(...words);
  }), { numRuns: 3000 });
});

test.run();
