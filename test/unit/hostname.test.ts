/** Which names of a lease are fit to be the host's. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { namesOf } from '../../src/hostname.ts';

const ROWS: readonly [string | undefined, string | undefined][] = [
  ['box', 'box'],
  ['box.lan.test', 'box'],
  ['<hostname>', undefined],
  ['-box', undefined],
  ['bo x', undefined],
  ['b\u00f6x', undefined],
  ['', undefined],
  ['x'.repeat(64), undefined],
  ['x'.repeat(63), 'x'.repeat(63)],
  [undefined, undefined],
];

for (const [given, host] of ROWS) {
  test(`host name ${given}`, () => assert.is(namesOf({ hostname: given, domainName: undefined }).host, host));
}

test('a domain that the kernel would not take is left out', () => {
  assert.is(namesOf({ hostname: undefined, domainName: 'lan.test' }).domain, 'lan.test');
  assert.is(namesOf({ hostname: undefined, domainName: 'x'.repeat(65) }).domain, undefined);
  assert.equal(namesOf(undefined), {});
});

test.run();
