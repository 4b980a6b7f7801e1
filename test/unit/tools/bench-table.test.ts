/** The bench's arithmetic: medians, rounds that did not get there, and the ratio to the better peer. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatTable, median } from '../../../tools/bench/table.ts';

test('the median of odd and even counts', () => {
  assert.is(median([3, 1, 2]), 2);
  assert.is(median([4, 1, 3, 2]), 2.5);
  assert.is(median([]), undefined);
});

test('a round that did not get there counts as the slowest', () => {
  assert.is(median([1, undefined, 2]), 2);
  assert.is(median([undefined, 1, undefined]), undefined);
  assert.is(median([1, undefined]), undefined, 'half of them');
});

test('ours are compared with the better peer', () => {
  const table = formatTable([
    { heading: 'Ours 1', rounds: [{ 'online, ms': 30 }] },
    { heading: 'A', rounds: [{ 'online, ms': 200 }] },
    { heading: 'B', rounds: [{ 'online, ms': 20 }] },
    { heading: 'C', rounds: [{ 'online, ms': undefined }] },
  ]);
  assert.is(
    table,
    [
      '| median | Ours 1 | A | B | C | Ours : better peer |',
      '|---|---:|---:|---:|---:|---:|',
      '| online, ms | 30.0 | 200 | 20.0 | – | 1.50 |',
    ].join('\n'),
  );
});

test('alone there is nothing to compare with', () => {
  assert.is(formatTable([{ heading: 'Ours', rounds: [{ x: 1 }] }]), '| median | Ours |\n|---|---:|\n| x | 1 |');
});

test('a text stands where there is no figure, and rows come from the rounds that have them', () => {
  const table = formatTable([
    { heading: 'Ours', rounds: [{ a: 1.234 }, { b: 0 }, { a: 3.5 }] },
    { heading: 'A', rounds: [{ a: 'has none' }, { b: 2 }] },
  ]);
  assert.is(table, '| median | Ours | A | Ours : better peer |\n|---|---:|---:|---:|\n'
    + '| a | 2.37 | has none | – |\n| b | 0 | 2 | 0.00 |');
});

test.run();
