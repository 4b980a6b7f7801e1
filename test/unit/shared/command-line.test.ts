/** Command lines as GLib reads them. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatHelp, parseCommandLine, UsageError, type CommandLineTable } from '../../../src/shared/command-line.ts';

const TABLE = {
  config: { short: 'c', argument: 'required', placeholder: 'FILE', about: 'a file' },
  debug: { short: 'd', argument: 'optional', about: 'debug' },
  nodaemon: { short: 'n', about: 'stay' },
  nobacktrace: { about: 'nothing' },
} as const satisfies CommandLineTable;

type Expected = readonly [config: string[], debug: (string | undefined)[], nodaemon: boolean, words: string[]];

const CASES: Readonly<Record<string, Expected>> = {
  '': [[], [], false, []],
  '-n': [[], [], true, []],
  '-c a': [['a'], [], false, []],
  '-ca': [['a'], [], false, []],
  '-nc a': [['a'], [], true, []],
  '-nca': [['a'], [], true, []],
  '--config a --config=b': [['a', 'b'], [], false, []],
  '--config=': [[''], [], false, []],
  '--config=a=b': [['a=b'], [], false, []],
  '-c -n': [['-n'], [], false, []],
  '-d': [[], [undefined], false, []],
  '-d -n': [[], [undefined], true, []],
  '-dn': [[], [undefined], true, []],
  '-d x -n': [[], ['x'], true, []],
  '-nd x': [[], ['x'], true, []],
  '--debug x': [[], ['x'], false, []],
  '--debug=x --debug': [[], ['x', undefined], false, []],
  '--debug --nodaemon': [[], [undefined], true, []],
  'a -n b': [[], [], true, ['a', 'b']],
  '- -n': [[], [], true, ['-']],
  '-- -n --x': [[], [], false, ['-n', '--x']],
};

for (const [line, [config, debug, nodaemon, words]] of Object.entries(CASES)) {
  test(`reads "${line}"`, () => {
    const read = parseCommandLine(TABLE, line === '' ? [] : line.split(' '));
    assert.equal(read.options, { config, debug, nodaemon, nobacktrace: false });
    assert.equal(read.words, words);
  });
}

const REFUSED: Readonly<Record<string, string>> = {
  '--x': 'Unknown option --x',
  '--x=1': 'Unknown option --x=1',
  '-x': 'Unknown option -x',
  '-nx': 'Unknown option -x',
  '--nodaemon=1': 'Unknown option --nodaemon=1',
  '--__proto__': 'Unknown option --__proto__',
  '--toString': 'Unknown option --toString',
  '-c': 'Missing argument for -c',
  '--config': 'Missing argument for --config',
};

for (const [line, message] of Object.entries(REFUSED)) {
  test(`refuses "${line}"`, () => {
    assert.throws(
      () => parseCommandLine(TABLE, line.split(' ')),
      (error: unknown) => error instanceof UsageError && error.message === message,
    );
  });
}

test('help shows every option', () => {
  assert.is(
    formatHelp(TABLE, 'program'),
    [
      'Usage: program [OPTION]…',
      '',
      '  -c, --config=FILE    a file',
      '  -d, --debug[=VALUE]  debug',
      '  -n, --nodaemon       stay',
      '      --nobacktrace    nothing',
      '',
    ].join('\n'),
  );
});

test.run();
