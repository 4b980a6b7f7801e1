/** Loggers: levels, the switch of debug output, where lines go. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { debugFiles, logger, setLogSink } from '../../../src/shared/log.ts';

const lines: string[] = [];
setLogSink((level, line) => void lines.push(`${level} ${line}`));

test.before.each(() => {
  lines.length = 0;
  debugFiles([]);
});

test('levels, and arguments in the manner of printf', () => {
  const log = logger('src/one.ts');
  log.error('%s failed: %d', 'eth0', 5);
  log.warn('odd');
  log.info('%j', { a: 1 });
  log.debug('not now');
  assert.equal(lines, ['error eth0 failed: 5', 'warn odd', 'info {"a":1}']);
});

test('debug output is switched by file and begins with it', () => {
  const [one, two] = [logger('src/one.ts'), logger('plugins/two/two.ts')];
  debugFiles(['plugins/*.ts']);
  assert.not(one.debugging);
  assert.ok(two.debugging);
  one.debug('no');
  two.debug('yes %s', 1);
  debugFiles(['src/one.ts', 'nothing']);
  one.debug('now');
  two.debug('no more');
  assert.equal(lines, ['debug plugins/two/two.ts: yes 1', 'debug src/one.ts: now']);
});

test('a logger made later knows the patterns', () => {
  debugFiles(['*']);
  assert.ok(logger('src/late.ts').debugging);
  debugFiles([]);
  assert.not(logger('src/later.ts').debugging);
});

test('arguments are not formatted while debug output is off', () => {
  const log = logger('src/one.ts');
  const costly = {
    toString(): string {
      throw new Error('formatted');
    },
  };
  log.debug('%s', costly);
  assert.equal(lines, []);
});

test('the sink before comes back', () => {
  const seen: string[] = [];
  const before = setLogSink((_level, line) => void seen.push(line));
  logger('src/one.ts').info('there');
  setLogSink(before);
  logger('src/one.ts').info('here');
  assert.equal(seen, ['there']);
  assert.equal(lines, ['info here']);
});

test.run();
