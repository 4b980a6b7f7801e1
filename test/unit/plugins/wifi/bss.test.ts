/** Access points as wpa_supplicant tells of them, and the networks they make. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { AccessPoints, bestOf, keyManagementsOf, strengthOf } from '../../../../plugins/wifi/access-points.ts';
import { type Bss, parseBss } from '../../../../plugins/wifi/bss.ts';
import { variant, type Variant } from '../../../../src/dbus/signature.ts';

function properties(entries: Record<string, Variant>): Map<string, Variant> {
  return new Map(Object.entries({
    SSID: variant('ay', Buffer.from('home')),
    BSSID: variant('ay', Uint8Array.of(2, 0, 0, 0, 0, 1)),
    Mode: variant('s', 'infrastructure'),
    Frequency: variant('q', 2437),
    Signal: variant('n', -55),
    Privacy: variant('b', true),
    RSN: variant('a{sv}', new Map([['KeyMgmt', variant('as', ['wpa-psk'])]])),
    ...entries,
  }));
}

function parsed(path: string, entries: Record<string, Variant> = {}): Bss {
  const bss = parseBss(path, properties(entries));
  if (bss === undefined) throw new Error('it is none');
  return bss;
}

test('an access point', () => {
  const { group, security, signalDbm, frequencyMhz, keyManagements } = parsed('/1');
  assert.equal({ group, security, signalDbm, frequencyMhz, keyManagements }, {
    group: '686f6d65_managed_psk', security: 'psk', signalDbm: -55, frequencyMhz: 2437, keyManagements: ['wpa-psk'],
  });
});

test('SAE that only the element names', () => {
  const IEs = variant('ay', Buffer.from('30140100000fac040100000fac040100000fac080000', 'hex'));
  assert.equal(parsed('/1', { IEs }).keyManagements, ['wpa-psk', 'sae']);
});

test('what never is a network', () => {
  assert.is(parseBss('/1', properties({ Mode: variant('s', 'ad-hoc') })), undefined);
  assert.is(parseBss('/1', properties({ SSID: variant('ay', new Uint8Array(33)) })), undefined);
  const twin = { SSID: variant('ay', new Uint8Array()), IEs: variant('ay', Buffer.from('dd04506f9a1c', 'hex')) };
  assert.is(parseBss('/1', properties(twin)), undefined);
});

test('properties of the wrong type count as absent', () => {
  const odd = Object.fromEntries(
    ['SSID', 'BSSID', 'Frequency', 'Signal', 'Privacy', 'RSN', 'WPA', 'IEs'].map((key) => [key, variant('s', 'odd')]),
  );
  assert.is(parsed('/1', odd).group, 'hidden_managed_none');
  assert.is(parsed('/1', odd).signalDbm, -90);
});

test('two access points are one network, as strong as the better one', () => {
  const points = new AccessPoints();
  assert.equal(points.update('/1', parsed('/1')), [{ appeared: '686f6d65_managed_psk' }]);
  const second = parsed('/2', { Signal: variant('n', -40), RSN: variant('a{sv}', new Map([
    ['KeyMgmt', variant('as', ['sae'])],
  ])) });
  assert.equal(points.update('/2', second), [{ changed: '686f6d65_managed_psk' }]);
  const members = points.groups.get('686f6d65_managed_psk') ?? new Map<string, Bss>();
  assert.is(bestOf(members)?.path, '/2');
  assert.equal([...keyManagementsOf(members)], ['wpa-psk', 'sae']);
  assert.equal(points.update('/2', undefined), [{ changed: '686f6d65_managed_psk' }]);
  assert.equal(points.update('/1', undefined), [{ vanished: '686f6d65_managed_psk' }]);
  assert.is(points.groups.size, 0);
});

test('an access point that changes its security moves', () => {
  const points = new AccessPoints();
  points.update('/1', parsed('/1'));
  const open = parsed('/1', { Privacy: variant('b', false), RSN: variant('a{sv}', new Map()) });
  assert.equal(points.update('/1', open), [
    { vanished: '686f6d65_managed_psk' }, { appeared: '686f6d65_managed_none' },
  ]);
  assert.equal(points.clear(), ['686f6d65_managed_none']);
});

test('strength in percent', () => {
  assert.equal([-130, -100, -50, -20, 0].map(strengthOf), [0, 20, 70, 100, 100]);
});

test.run();
