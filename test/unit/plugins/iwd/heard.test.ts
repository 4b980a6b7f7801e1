/** What the kernel heard, by name: WPS of any access point, the place of the best. */

import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { networksOf, oweTwinsOf } from '../../../../plugins/iwd/heard.ts';
import type { HeardAccessPoint } from '../../../../src/netlink/genl/nl80211-air.ts';

/** WPS: version 1.0, configured; with `selected` a registrar that was selected by push button. */
const wps = (isSelected: boolean): number[] => {
  const selected = isSelected ? [0x10, 0x41, 0, 1, 1, 0x10, 0x12, 0, 2, 0, 4] : [];
  const attributes = [0x10, 0x4a, 0, 1, 0x10, 0x10, 0x44, 0, 1, 2, ...selected];
  return [221, 4 + attributes.length, 0, 0x50, 0xf2, 4, ...attributes];
};

const named = (name: string): number[] => [0, name.length, ...Buffer.from(name)];

function accessPoint(last: number, signalDbm: number, elements: readonly number[]): HeardAccessPoint {
  const bssid = Uint8Array.of(2, 0, 0, 0, 0, last);
  return { bssid, frequencyMhz: 2407 + 5 * last, signalDbm, elements: Uint8Array.from(elements) };
}

const best = (last: string, frequencyMhz: number) => ({ bssid: `02:00:00:00:00:${last}`, frequencyMhz });

test('the best access point of a name, and what any of them offers', () => {
  const networks = networksOf([
    accessPoint(1, -70, [...named('A'), ...wps(true)]), accessPoint(2, -50, [...named('A'), ...wps(false)]),
    accessPoint(3, -60, named('B')), accessPoint(4, -60, []),
  ]);
  assert.equal([...networks], [
    ['41', { hasWps: true, isAdvertising: true, isWpsOpen: true, best: best('02', 2417) }],
    ['42', { hasWps: false, isAdvertising: false, isWpsOpen: false, best: best('03', 2422) }],
  ]);
});

test('a nameless half of a pair for OWE is known by its address', () => {
  const pair = [221, 4, 0x50, 0x6f, 0x9a, 0x1c];
  const heard = [accessPoint(1, -50, [0, 0, ...pair]), accessPoint(2, -50, [0, 0]), accessPoint(3, -50, named('A'))];
  assert.equal([...oweTwinsOf(heard)], ['02:00:00:00:00:01']);
});

test('whatever is in the air is read', () => {
  fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 80 })), (all) => {
    const heard = all.map((elements, index) => ({ ...accessPoint(index & 0xff, -50, []), elements }));
    assert.ok(networksOf(heard).size <= all.length);
    assert.ok(oweTwinsOf(heard).size <= all.length);
  }));
});

test.run();
