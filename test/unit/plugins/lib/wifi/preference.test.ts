/** Which access points are liked, and by what address we are known: pure functions. */

import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { addressFor, newAddressKey } from '../../../../../plugins/lib/wifi/own-address.ts';
import { isWithin, type Preference, restrictionOf } from '../../../../../plugins/lib/wifi/preference.ts';
import { formatHex } from '../../../../../src/shared/bytes.ts';

const point = (last: number, frequencyMhz: number) => ({ address: Uint8Array.of(2, 0, 0, 0, 0, last), frequencyMhz });
const SLOW = point(1, 2412);
const FAST = point(2, 5500);
const NEW = point(3, 6135);
const ALL = [SLOW, FAST, NEW];

const within = (preference: Partial<Preference>, heard = ALL): number[] => {
  const restriction = restrictionOf({ band: undefined, bssid: undefined, ...preference }, heard);
  return heard.filter((each) => isWithin(restriction, each)).map(({ frequencyMhz }) => frequencyMhz);
};

test('a band, an access point, nothing', () => {
  assert.equal(within({}), [2412, 5500, 6135]);
  assert.equal(['2.4', '5', '6'].map((band) => within({ band })), [[2412], [5500], [6135]]);
  assert.equal(within({ bssid: '02:00:00:00:00:03' }), [6135]);
});

test('an access point counts before a band; neither counts where it is not heard', () => {
  assert.equal(within({ band: '5', bssid: '02:00:00:00:00:01' }), [2412]);
  assert.equal(within({ band: '5', bssid: '02:00:00:00:00:09' }), [5500]);
  assert.equal(within({ band: '5' }, [SLOW]), [2412]);
  assert.equal(within({ band: '60' }), [2412, 5500, 6135]);
});

test('every channel of a band is in it, and none of another', () => {
  const heard = [2412, 2472, 2484, 5180, 5320, 5500, 5720, 5745, 5885, 5955, 7115].map((mhz) => point(1, mhz));
  assert.equal(within({ band: '2.4' }, heard), [2412, 2472, 2484]);
  assert.equal(within({ band: '5' }, heard), [5180, 5320, 5500, 5720, 5745, 5885]);
  assert.equal(within({ band: '6' }, heard), [5955, 7115]);
});

const KEY = new Uint8Array(32).fill(7);
const PERMANENT = Uint8Array.of(0, 0x11, 0x22, 0x33, 0x44, 0x55);

test('an address is of one station, stays, and depends on key, radio and network', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 32 }), (ssid) => {
    const address = addressFor({ key: KEY, ssid, permanent: PERMANENT });
    assert.equal(address, addressFor({ key: KEY, ssid, permanent: PERMANENT }));
    assert.is(address.length, 6);
    assert.is((address[0] ?? 0) & 3, 2, 'locally administered and no group');
  }));
  const made = [
    { key: KEY, ssid: Buffer.from('one'), permanent: PERMANENT },
    { key: KEY, ssid: Buffer.from('two'), permanent: PERMANENT },
    { key: new Uint8Array(32), ssid: Buffer.from('one'), permanent: PERMANENT },
    { key: KEY, ssid: Buffer.from('one'), permanent: new Uint8Array(6) },
  ].map((parts) => formatHex(addressFor(parts)));
  assert.is(new Set(made).size, 4);
});

test('keys are long and never the same', () => {
  const keys = [newAddressKey(), newAddressKey()];
  assert.ok(keys.every((key) => /^[0-9a-f]{64}$/.test(key)));
  assert.is.not(keys[0], keys[1]);
});

test.run();
