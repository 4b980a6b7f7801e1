/** What is read of beacons: real elements, and anything else without harm. */

import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseElements } from '../../../../../plugins/lib/wifi/elements.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');

// IEEE 802.11-2020, 9.4.2.24.1, example of an RSN element, with the key managements changed.
const RSN_PSK_SAE = '3018 0100 000fac04 0100 000fac04 0200 000fac02 000fac08 0000';

test('the key managements of an RSN element', () => {
  assert.equal(parseElements(bytes(`00026162 ${RSN_PSK_SAE}`)).keyManagementSuites, [2, 8]);
});

test('whether management frames are protected, and that nothing is said of it', () => {
  const protectionOf = (capabilities: string): string =>
    parseElements(bytes(RSN_PSK_SAE.replace(/^3018(.*) 0000$/, `30${capabilities ? '18' : '16'}$1${capabilities}`)))
      .frameProtection;
  assert.equal(['0000', '8000', 'c000', ''].map(protectionOf), ['none', 'optional', 'required', 'none']);
});

test('suites of others are left out, a count that lies ends the reading', () => {
  assert.equal(parseElements(bytes('3014 0100 000fac04 0100 000fac04 0100 0050f202 0000')).keyManagementSuites, []);
  assert.equal(parseElements(bytes('3012 0100 000fac04 ffff 000fac04 0100 000fac02')).keyManagementSuites, []);
});

const WPS = (attributes: string): string => {
  const body = `0050f204${attributes.replaceAll(/\s/g, '')}`;
  return `dd${(body.length / 2).toString(16).padStart(2, '0')}${body}`;
};

test('an access point whose button was pushed', () => {
  assert.equal(parseElements(bytes(WPS('104a000110 1044000102 1041000101 101200020004'))).wps, {
    isConfigured: true, hasPushButton: true, hasPin: false, isAdvertising: true,
  });
});

test('one that has WPS, and one that says it has not', () => {
  assert.equal(parseElements(bytes(WPS('104a000110 1044000102'))).wps, {
    isConfigured: true, hasPushButton: true, hasPin: true, isAdvertising: false,
  });
  assert.is(parseElements(bytes(WPS('104a000110 1044000100'))).wps, undefined);
  assert.is(parseElements(bytes(WPS('1044000102'))).wps, undefined, 'without a version');
});

test('attributes over two elements are one list', () => {
  assert.ok(parseElements(bytes(WPS('104a000110 10') + WPS('44000102'))).wps);
});

test('a network with an encrypted twin', () => {
  assert.is(parseElements(bytes('dd04506f9a1c')).isOweTransition, true);
  assert.is(parseElements(bytes('dd04506f9a1d')).isOweTransition, false);
});

test('anything is read to its end', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (any) => {
    const { keyManagementSuites } = parseElements(any);
    assert.ok(keyManagementSuites.length <= any.length / 4);
  }));
  const whole = bytes(RSN_PSK_SAE + WPS('104a000110 1044000102 1041000101 101200020004'));
  for (let length = 0; length < whole.length; length++) parseElements(whole.subarray(0, length));
});

test.run();
