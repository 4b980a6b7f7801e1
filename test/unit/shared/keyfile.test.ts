/**
 * Key files. What GLib makes of a text was recorded from GLib 2.74 (`GLib.KeyFile` with
 * KEEP_COMMENTS and KEEP_TRANSLATIONS), one case a row.
 */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ConnmanError, DecodeError } from '../../../src/shared/errors.ts';
import { isGroupName, isKeyName, KeyFile, parseKeyFile } from '../../../src/shared/keyfile.ts';

const SAMPLE = `# written by hand

[ethernet_a25c7ceab93d_cable]
Name=Wired
AutoConnect=true
# the address of last time
IPv4.DHCP.LastAddress=10.77.0.76
Domains=lab.test;example.org;

[other]
Tethering.Freq=2412
`;

test('reads groups and keys in the order of the file', () => {
  const file = parseKeyFile(SAMPLE);
  assert.equal(file.groups(), ['ethernet_a25c7ceab93d_cable', 'other']);
  assert.equal(file.keys('ethernet_a25c7ceab93d_cable'), ['Name', 'AutoConnect', 'IPv4.DHCP.LastAddress', 'Domains']);
  assert.is(file.get('ethernet_a25c7ceab93d_cable', 'Name'), 'Wired');
  assert.is(file.getBoolean('ethernet_a25c7ceab93d_cable', 'AutoConnect'), true);
  assert.is(file.getInteger('other', 'Tethering.Freq'), 2412);
  assert.equal(file.getList('ethernet_a25c7ceab93d_cable', 'Domains', ';'), ['lab.test', 'example.org']);
});

test('what is not there is undefined', () => {
  const file = parseKeyFile(SAMPLE);
  assert.is(file.get('other', 'Name'), undefined);
  assert.is(file.get('nowhere', 'Name'), undefined);
  assert.is(file.getBoolean('other', 'x'), undefined);
  assert.is(file.getInteger('other', 'x'), undefined);
  assert.is(file.getList('other', 'x', ';'), undefined);
  assert.equal(file.keys('nowhere'), []);
  assert.ok(file.hasGroup('other') && !file.hasGroup('nowhere'));
  assert.ok(file.has('other', 'Tethering.Freq') && !file.has('other', 'Name'));
});

test('writes back what it read', () => {
  assert.is(parseKeyFile(SAMPLE).toString(), SAMPLE);
});

test('changes leave comments and order alone', () => {
  const file = parseKeyFile(SAMPLE);
  file.setBoolean('ethernet_a25c7ceab93d_cable', 'AutoConnect', false);
  file.setInteger('new', 'Number', -5);
  file.remove('ethernet_a25c7ceab93d_cable', 'Name');
  file.remove('other');
  file.remove('nowhere');
  file.remove('nowhere', 'nothing');
  const expected = SAMPLE.replace('=true', '=false').replace('Name=Wired\n', '');
  assert.is(file.toString(), expected.replace('[other]\nTethering.Freq=2412', '[new]\nNumber=-5'));
});

test('what some editors put before a text is no part of it', () => {
  const file = parseKeyFile('\ufeff[g]\r\nk=v\r\n');
  assert.is(file.get('g', 'k'), 'v');
});

/** Text of group `g` → raw value of `k`, as string, as list at `;`, as boolean, as integer. */
const VALUES: readonly (readonly [
  line: string, raw: string, text: string, list: string[], boolean: boolean | undefined, integer: number | undefined,
])[] = [
  ['k=v', 'v', 'v', ['v'], undefined, undefined],
  ['  k  =  v  ', 'v  ', 'v  ', ['v  '], undefined, undefined],
  ['k=', '', '', [], undefined, undefined],
  ['k=a;b;;c', 'a;b;;c', 'a;b;;c', ['a', 'b', '', 'c'], undefined, undefined],
  ['k=a;b;', 'a;b;', 'a;b;', ['a', 'b'], undefined, undefined],
  ['k=;', ';', ';', [''], undefined, undefined],
  ['k=a=b', 'a=b', 'a=b', ['a=b'], undefined, undefined],
  ['k=a # b', 'a # b', 'a # b', ['a # b'], undefined, undefined],
  ['k=\\s\\ta\\nb\\\\', '\\s\\ta\\nb\\\\', ' \ta\nb\\', [' \ta\nb\\'], undefined, undefined],
  ['k=true', 'true', 'true', ['true'], true, undefined],
  ['k=1 ', '1 ', '1 ', ['1 '], true, 1],
  ['k=0', '0', '0', ['0'], false, 0],
  ['k=false\t', 'false\t', 'false\t', ['false\t'], false, undefined],
  ['k=TRUE', 'TRUE', 'TRUE', ['TRUE'], undefined, undefined],
  ['k=+7', '+7', '+7', ['+7'], undefined, 7],
  ['k=-5 x', '-5 x', '-5 x', ['-5 x'], undefined, -5],
  ['k=5x', '5x', '5x', ['5x'], undefined, undefined],
  ['k=0x1', '0x1', '0x1', ['0x1'], undefined, undefined],
  ['k=2147483647', '2147483647', '2147483647', ['2147483647'], undefined, 2147483647],
  ['k=2147483648', '2147483648', '2147483648', ['2147483648'], undefined, undefined],
  ['k=v\r', 'v', 'v', ['v'], undefined, undefined],
  ['k=a\nk=b', 'b', 'b', ['b'], undefined, undefined],
  ['k=a\n[h]\nx=1\n[g]\nk=b', 'b', 'b', ['b'], undefined, undefined],
  ['k=\u00a0v', '\u00a0v', '\u00a0v', ['\u00a0v'], undefined, undefined],
  ['k=\u000bv', '\u000bv', '\u000bv', ['\u000bv'], undefined, undefined],
];

for (const [line, raw, text, list, boolean, integer] of VALUES) {
  test(`value ${JSON.stringify(line)}`, () => {
    const file = parseKeyFile(`[g]\n${line}\n`);
    assert.is(file.getRaw('g', 'k'), raw);
    assert.is(file.get('g', 'k'), text);
    assert.equal(file.getList('g', 'k', ';'), list);
    assert.is(file.getBoolean('g', 'k'), boolean);
    assert.is(file.getInteger('g', 'k'), integer);
  });
}

test('a backslash that begins no escape stands for itself', () => {
  const file = parseKeyFile('[g]\na=x\\qy\nb=x\\\nc=a\\;b\n');
  assert.is(file.get('g', 'a'), 'x\\qy');
  assert.is(file.get('g', 'b'), 'x\\');
  assert.is(file.get('g', 'c'), 'a\\;b');
  assert.equal(file.getList('g', 'c', ';'), ['a;b']);
  assert.equal(file.getList('g', 'c', ','), ['a\\;b']);
});

test('keys may have a locale, and any other character but = and brackets', () => {
  const file = parseKeyFile('[g]\nName[de_DE.UTF-8]=Kabel\nRand Source=x\n');
  assert.is(file.get('g', 'Name[de_DE.UTF-8]'), 'Kabel');
  assert.is(file.get('g', 'Rand Source'), 'x');
});

const BROKEN: Readonly<Record<string, string>> = {
  'k=v\n': 'line 1: a key outside of any group at offset 0',
  '#\n\nk=v\n': 'line 3: a key outside of any group at offset 3',
  '[g]\nword\n': 'line 2: neither a group, nor key=value, nor a comment at offset 4',
  '[g]\n=v\n': 'line 2: neither a group, nor key=value, nor a comment at offset 4',
  '[g]\nk[=v\n': 'line 2: not a key at offset 4',
  '[g]\n[]\n': 'line 2: not a group at offset 4',
  '[g\n': 'line 1: not a group at offset 0',
  '[g] x\n': 'line 1: not a group at offset 0',
  '[g[h]]\n': 'line 1: not a group at offset 0',
  '[g\u0001]\n': 'line 1: not a group at offset 0',
  '\u0000\u0001\u0002': 'line 1: a key outside of any group at offset 0',
};

for (const [text, message] of Object.entries(BROKEN)) {
  test(`refuses ${JSON.stringify(text)}`, () => {
    const isExpected = (error: unknown): boolean => error instanceof DecodeError && error.message === message;
    assert.throws(() => parseKeyFile(text), isExpected);
  });
}

test('an empty file is a key file', () => {
  assert.equal(parseKeyFile('').groups(), []);
  assert.is(parseKeyFile('').toString(), '');
  assert.is(parseKeyFile('\n[a]\n').toString(), '\n[a]\n');
});

test('names that the format cannot hold are refused', () => {
  const file = new KeyFile();
  const refused = (action: () => void): void =>
    assert.throws(action, (error: unknown) => error instanceof ConnmanError && error.code === 'InvalidArguments');
  for (const key of ['', ' a', 'a ', 'a=b', 'a\nb', '#a', 'a[', 'a\u007f']) refused(() => file.set('g', key, 'v'));
  for (const group of ['', 'a]', '[a', 'a\nb', 'a\tb']) refused(() => file.set(group, 'k', 'v'));
  refused(() => file.setRaw('g', 'k', 'a\nb'));
  refused(() => file.setRaw('g', 'k', 'a\rb'));
  for (const number of [1.5, Number.NaN, 2 ** 31, -(2 ** 31) - 1]) refused(() => file.setInteger('g', 'k', number));
  assert.equal(file.groups(), []);
});

test('names of JavaScript itself are names like any other', () => {
  const file = parseKeyFile('[__proto__]\nconstructor=1\n__proto__=2\n');
  assert.is(file.get('__proto__', '__proto__'), '2');
  assert.is(file.get('__proto__', 'toString'), undefined);
  assert.is(file.get('constructor', 'name'), undefined);
});

const anyText = fc.string({ unit: fc.constantFrom(...' \t\n\r\\;,s=[#é€') });

test('what is set reads back, before and after a trip through text', () => {
  const names = fc.string({ unit: fc.constantFrom('a', 'B', '.', ' ', '_', '-'), minLength: 1, maxLength: 6 });
  const groups = names.filter(isGroupName);
  const keys = names.filter(isKeyName);
  const entry = fc.record({ group: groups, key: keys, value: anyText, list: fc.array(anyText, { maxLength: 4 }) });
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 6 }), (entries) => {
      const file = new KeyFile();
      const wanted = new Map<string, string | string[]>();
      for (const { group, key, value, list } of entries) {
        file.set(group, `${key}.s`, value);
        file.setList(group, `${key}.l`, list, ';');
        wanted.set(`${group}\0${key}.s`, value).set(`${group}\0${key}.l`, list);
      }
      const again = parseKeyFile(file.toString());
      assert.is(again.toString(), file.toString());
      for (const [name, value] of wanted) {
        const [group = '', key = ''] = name.split('\0');
        if (typeof value === 'string') assert.is(again.get(group, key), value);
        else assert.equal(again.getList(group, key, ';'), value);
      }
    }),
  );
});

test('any text is a key file or a DecodeError, and stays what it is', () => {
  const pieces = fc.constantFrom('[a]\n', 'key', ...'[b]=\n \t#\\;1\r\f\v\0');
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => {
      let file: KeyFile;
      try {
        file = parseKeyFile(parts.join(''));
      } catch (error) {
        assert.instance(error, DecodeError);
        return;
      }
      const text = file.toString();
      assert.is(parseKeyFile(text).toString(), text);
    }),
    { numRuns: 2000 },
  );
});

test('a large hostile file takes time in proportion', () => {
  const hostile = [
    '[g]\n'.repeat(250_000),
    `[g]\nk=${'\\'.repeat(1_000_000)}`,
    `[g]\n${'k=v\n'.repeat(250_000)}x`,
    `[g]\nk${' '.repeat(1_000_000)}x=v`,
    `[g]\nk=${'\r'.repeat(1_000_000)}x`,
    ' '.repeat(1_000_000),
  ];
  for (const text of hostile) {
    const started = performance.now();
    try {
      const file = parseKeyFile(text);
      file.get('g', 'k');
      file.getList('g', 'k', ';');
    } catch (error) {
      assert.instance(error, DecodeError);
    }
    assert.ok(performance.now() - started < 3000);
  }
});

test('with a listener mistakes are left out, and the lines of the rest are known', () => {
  const mistakes: string[] = [];
  const text = 'x=1\n[g]\na=1\nwhat\n=2\na=3\n[h\nb=4\n[g]\nc=5\n';
  const file = parseKeyFile(text, (line, what, content) => void mistakes.push(`${line} ${content}: ${what}`));
  assert.equal(mistakes, [
    '1 x=1: a key outside of any group',
    '4 what: neither a group, nor key=value, nor a comment',
    '5 =2: neither a group, nor key=value, nor a comment',
    '6 a=3: given twice, this one counts',
    '7 [h: not a group',
    '8 b=4: a key outside of any group',
  ]);
  assert.equal([file.get('g', 'a'), file.get('g', 'c'), file.groups()], ['3', '5', ['g']]);
  assert.is(file.lineOf('g'), 9);
  assert.equal(['a', 'c', 'b'].map((key) => file.lineOf('g', key)), [6, 10, undefined]);
});

test('any text is read with a listener, and a right one as without', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const mistakes: string[] = [];
      const file = parseKeyFile(text, (_, what) => void mistakes.push(what));
      if (mistakes.length === 0) assert.is(file.toString(), parseKeyFile(text).toString());
    }),
  );
});

test.run();
