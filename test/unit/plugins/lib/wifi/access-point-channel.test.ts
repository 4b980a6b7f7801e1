/** On which frequency an access point is. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { chooseFrequency, freeFrequencies } from '../../../../../plugins/lib/wifi/access-point-channel.ts';

const FREQUENCIES = [
  { mhz: 2412, isFree: true }, { mhz: 2484, isFree: false }, { mhz: 5180, isFree: true }, { mhz: 5260, isFree: false },
];
const at = (wantedMhz: number, boundMhz?: number, frequencies = FREQUENCIES): number =>
  chooseFrequency({ wantedMhz, frequencies, boundMhz });

test('as wanted, where that is free; channel 1 where nothing is wanted', () => {
  assert.equal([at(5180), at(0), at(2412)], [5180, 2412, 2412]);
  assert.throws(() => at(5260), /no access point may be on 5260 MHz here/);
  assert.throws(() => at(2437), /2437 MHz/);
});

test('without channel 1 the first that is free', () => {
  assert.is(at(0, undefined, [{ mhz: 2412, isFree: false }, { mhz: 5180, isFree: true }]), 5180);
  assert.throws(() => at(0, undefined, [{ mhz: 2412, isFree: false }]), /on any frequency/);
});

test('where the radio is, if it can be in one place alone', () => {
  assert.is(at(2412, 5180), 5180);
  assert.throws(() => at(2412, 5260), /the radio is on 5260 MHz/);
});

test('a kernel that says nothing forbids nothing', () => {
  assert.equal([at(5260, undefined, []), at(0, undefined, []), at(0, 2437, [])], [5260, 2412, 2437]);
});

test('those that are free', () => {
  assert.equal(freeFrequencies(FREQUENCIES), [2412, 5180]);
});

test.run();
