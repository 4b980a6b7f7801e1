/**
 * Valid and invalid names, paths and signatures, from the examples and rules of the specification.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DecodeError } from '../../../src/shared/errors.ts';
import { parseCompleteType, parseSignature } from '../../../src/dbus/complete-type.ts';
import { isBusName, isInterfaceName, isMemberName, isObjectPath } from '../../../src/dbus/names.ts';

const long = (length: number): string => `a.${'b'.repeat(length - 2)}`;

const CASES: [name: string, check: (text: string) => boolean, good: string[], bad: string[]][] = [
  [
    'object path', isObjectPath,
    ['/', '/a', '/com/example/MusicPlayer1', '/_1', `/${'a'.repeat(5000)}`],
    ['', 'a', '//', '/a/', '/a//b', '/a-b', '/a.b', '/é', '/a ', '/a\0'],
  ],
  [
    'interface name', isInterfaceName,
    ['a.b', 'org.freedesktop.DBus', '_a._1', 'net.connman.vpn.Agent', long(255)],
    ['', 'a', '.a.b', 'a..b', 'a.b.', 'a.1b', 'a-b.c', 'a.b/c', long(256), ':1.5'],
  ],
  ['member name', isMemberName, ['Get', '_a', 'a1', 'notify'], ['', '1a', 'a.b', 'a-b', 'é', 'a'.repeat(256)]],
  [
    'bus name', isBusName,
    ['a.b', 'com.example-x.y', '_7.a', ':1.5', ':1.5-3', ':a.b.c', long(255)],
    ['', 'a', ':1', '7.a', 'a.7', 'a..b', '.a', ':', ':1.', ':.1', 'a.b:c', long(256)],
  ],
];

for (const [name, check, good, bad] of CASES) {
  test(name, () => {
    for (const text of good) assert.ok(check(text), text);
    for (const text of bad) assert.not(check(text), text);
  });
}

test('signatures', () => {
  const good = ['', 'y', 'a{sv}', 'a(oa{sv})', '((((y))))', 'aaaay', 'a{oa{sa{sv}}}', 'sv', `${'a'.repeat(32)}y`];
  const bad = [
    'a', 'z', '()', '(', ')', '(i', 'i)', 'a{s}', 'a{vs}', 'a{(i)s}', '{ss}', 'a{sss}', 'a{ss', 'a{', 'aa', 'm', 'r',
    'e', '*', '?', `${'a'.repeat(33)}y`, `${'('.repeat(33)}y${')'.repeat(33)}`, 'y'.repeat(256), 'é', 's\0',
  ];
  for (const text of good) assert.is(parseSignature(text).map(({ signature }) => signature).join(''), text);
  for (const text of bad) {
    assert.throws(() => parseSignature(text), (error: unknown) => error instanceof DecodeError, text);
  }
  assert.is(parseSignature(`${'('.repeat(32)}y${')'.repeat(32)}`).length, 1);
  assert.is(parseSignature('y'.repeat(255)).length, 255);
  assert.throws(() => parseCompleteType('ii'), /not one complete type/);
  assert.throws(() => parseCompleteType(''), /not one complete type/);
});

test('strangers cannot grow the cache of signatures', () => {
  const before = process.memoryUsage().heapUsed;
  const letters = 'ybnqiuxtdsog';
  for (let count = 0; count < 100_000; count++) {
    let text = '';
    for (let rest = count; rest > 0; rest = Math.floor(rest / 12)) text += letters[rest % 12] ?? '';
    parseSignature(`${text}${text}${text}`);
  }
  assert.ok(process.memoryUsage().heapUsed - before < 64 * 0x10_0000);
});

test.run();
