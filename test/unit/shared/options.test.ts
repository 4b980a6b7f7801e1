/** Option tables: values, defaults, reports, the reference text. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseKeyFile } from '../../../src/shared/keyfile.ts';
import {
  addressList, boolean, formatReference, fractionalSeconds, integer, oneOf, parse, seconds, someOf, strictBoolean,
  text, textList, type OptionTable, type ValueType,
} from '../../../src/shared/options.ts';

const TABLE = {
  Flag: { parse: boolean, default: true, about: 'a flag' },
  Seconds: { parse: seconds, default: 120, about: 'a time' },
  Servers: { parse: addressList, default: [], about: 'some servers' },
  Style: { parse: oneOf(['round', 'square']), default: 'round', about: 'a shape' },
  File: { parse: text, default: undefined, about: 'a file' },
  Secret: { parse: integer(5), default: undefined, secret: true, about: 'a secret' },
  Old: { parse: boolean, default: false, deprecated: 'set Flag', about: 'an old flag' },
} as const satisfies OptionTable;

function read(body: string): { options: ReturnType<typeof parse<typeof TABLE>>; problems: string[] } {
  const problems: string[] = [];
  const file = parseKeyFile(`[General]\n${body}\n`);
  return { options: parse(TABLE, file, 'General', (problem) => problems.push(problem)), problems };
}

test('an empty group gives the defaults, frozen', () => {
  const { options, problems } = read('');
  assert.equal(options, {
    Flag: true, Seconds: 120, Servers: [], Style: 'round', File: undefined, Secret: undefined, Old: false,
  });
  assert.equal(problems, []);
  assert.ok(Object.isFrozen(options));
  assert.equal(parse(TABLE, parseKeyFile(''), 'General', () => assert.unreachable()), options);
});

test('values win over defaults', () => {
  const { options, problems } = read('Flag = 0\nSeconds=0\nServers=192.0.2.1, ::1 ,\nStyle=square\nFile=\nSecret=5');
  assert.equal(problems, []);
  assert.is(options.Flag, false);
  assert.is(options.Seconds, 0);
  assert.equal(options.Servers.map(String), ['192.0.2.1', '::1']);
  assert.is(options.Style, 'square');
  assert.is(options.File, '');
  assert.is(options.Secret, 5);
});

test('wrong values are reported and have their defaults', () => {
  const { options, problems } = read('Seconds=-3\nStyle=oval\nServers=192.0.2.1,nobody,::1\nFlag=maybe\nSecret=4');
  assert.equal(problems, [
    'Option Flag has a wrong value "maybe": true or false wanted',
    'Option Seconds has a wrong value "-3": whole seconds, at least 0 wanted',
    'Option Servers has a wrong value "nobody": a list of IP addresses wanted',
    'Option Style has a wrong value "oval": one of round, square wanted',
    'Option Secret has a wrong value ***: a whole number, at least 5 wanted',
  ]);
  assert.is(options.Flag, false);
  assert.is(options.Seconds, 120);
  assert.is(options.Style, 'round');
  assert.equal(options.Servers.map(String), ['192.0.2.1', '::1']);
  assert.is(options.Secret, undefined);
});

test('unknown and deprecated options are reported', () => {
  const { options, problems } = read('Nonsense=1\nOld=true\n__proto__=1\ntoString=2');
  assert.equal(problems, [
    'Unknown option Nonsense',
    'Unknown option __proto__',
    'Unknown option toString',
    'Option Old is deprecated: set Flag',
  ]);
  assert.is(options.Old, true);
});

/** Value type, text, value read, parts found wrong. */
type Reading = readonly [type: ValueType<unknown>, text: string, value: unknown, wrong?: readonly string[]];

const READINGS: readonly Reading[] = [
  [strictBoolean, 'true', true],
  [strictBoolean, '1', true],
  [strictBoolean, 'false', false],
  [strictBoolean, '0', false],
  [strictBoolean, 'True', undefined, ['True']],
  [strictBoolean, '', undefined, ['']],
  [boolean, 'yes', false, ['yes']],
  [boolean, '1', true],
  [integer(1, 5), '5', 5],
  [integer(1, 5), '+1', 1],
  [integer(1, 5), '6', undefined, ['6']],
  [integer(1, 5), '0', undefined, ['0']],
  [integer(-1), '-1', -1],
  [integer(-1), '-0', 0],
  [integer(0), '1e3', undefined, ['1e3']],
  [integer(0), '0x10', undefined, ['0x10']],
  [integer(0), '', undefined, ['']],
  [integer(0), '2147483648', undefined, ['2147483648']],
  [fractionalSeconds, '0.5', 0.5],
  [fractionalSeconds, '.5', 0.5],
  [fractionalSeconds, '10.', 10],
  [fractionalSeconds, '-1', undefined, ['-1']],
  [fractionalSeconds, '.', undefined, ['.']],
  [fractionalSeconds, 'Infinity', undefined, ['Infinity']],
  [fractionalSeconds, '86401', undefined, ['86401']],
  [textList, 'a, b ,,c', ['a', 'b', 'c']],
  [textList, '', []],
  [someOf(['a', 'b']), 'b,c,a', ['b', 'a'], ['c']],
  [someOf(['a', 'b']), '', []],
  [addressList, '010.0.0.1', [], ['010.0.0.1']],
];

for (const [type, given, value, wrong = []] of READINGS) {
  test(`${JSON.stringify(given)} where ${type.wants} is wanted`, () => {
    const found: string[] = [];
    const list = given.split(',').map((element) => element.trim()).filter((element) => element !== '');
    assert.equal(type.read({ text: given, list }, (part) => found.push(part)), value);
    assert.equal(found, wrong);
  });
}

test('the reference names every option with values, default and effect', () => {
  assert.match(formatReference(TABLE), 'Seconds\n    a time\n    whole seconds, at least 0; default 120\n');
  assert.match(formatReference(TABLE), 'Servers\n    some servers\n    a list of IP addresses; empty by default\n');
  assert.match(formatReference(TABLE), 'File\n    a file\n    a text; not set by default\n');
});

test.run();
