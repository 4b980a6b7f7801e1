/** ConnMan's four words for what protects a network. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { securityOf } from '../../../../../plugins/lib/wifi/security.ts';
import { isHiddenSsid, ssidGroup, ssidText } from '../../../../../plugins/lib/wifi/ssid.ts';
import { passphraseComplaint, wepKey } from '../../../../../plugins/lib/wifi/secrets.ts';

test('the word for each protection', () => {
  const words = [
    [[], false, 'none'],
    [[], true, 'wep'],
    [['owe'], true, 'none'],
    [['wpa-psk'], true, 'psk'],
    [['wpa-psk-sha256'], true, 'psk'],
    [['wpa-ft-psk'], true, 'psk'],
    [['sae'], true, 'psk'],
    [['ft-sae'], true, 'psk'],
    [['sae-ext-key'], true, 'psk'],
    [['wpa-psk', 'sae'], true, 'psk'],
    [['wpa-eap'], true, 'ieee8021x'],
    [['wpa-ft-eap'], true, 'ieee8021x'],
    [['wpa-eap-suite-b-192'], true, 'ieee8021x'],
    [['wpa-fils-sha256'], true, 'ieee8021x'],
    [['wpa-psk', 'wpa-eap'], true, 'ieee8021x'],
    [['__proto__'], true, 'wep'],
  ] as const;
  for (const [keyManagements, isPrivate, word] of words) {
    assert.is(securityOf({ keyManagements, isPrivate }), word, `${keyManagements} ${isPrivate}`);
  }
});

test('names of any bytes', () => {
  assert.is(ssidText(Buffer.from('café')), 'café');
  assert.is(ssidText(Uint8Array.of(0x61, 0xff, 0x62)), 'a\u{fffd}b');
  assert.is(ssidGroup(Uint8Array.of(0xff, 0x0a)), 'ff0a');
  assert.is(ssidGroup(new Uint8Array(8)), 'hidden');
  assert.ok(isHiddenSsid(new Uint8Array()));
});

test('what a secret cannot be is said in a sentence', () => {
  assert.is(passphraseComplaint('psk', 'ok enough'), undefined);
  assert.is(passphraseComplaint('psk', 'f'.repeat(64)), undefined);
  assert.match(passphraseComplaint('psk', 'short') ?? '', /8 to 63 characters.*this one has 5/);
  assert.match(passphraseComplaint('psk', 'é'.repeat(32)) ?? '', /has 64$/);
  assert.match(passphraseComplaint('wep', '1234567890abc') ?? 'fine', /fine/);
  assert.match(passphraseComplaint('wep', '123456') ?? '', /WEP key/);
  assert.match(passphraseComplaint('none', 'x') ?? '', /open network/);
});

test('WEP keys in digits and characters', () => {
  assert.equal([...wepKey('0102030405')], [1, 2, 3, 4, 5]);
  assert.equal([...wepKey('abcde')], [...Buffer.from('abcde')]);
});

test.run();
