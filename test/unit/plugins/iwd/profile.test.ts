/** Profiles of iwd.network(5): their names, what 802.1X becomes, and that no secret of ours is in them. */

import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatProfile, profileName, secretOf } from '../../../../plugins/iwd/profile.ts';
import { ConnmanError } from '../../../../src/shared/errors.ts';

const SETTINGS = ['[Settings]', 'AutoConnect=false'];
const textOf = (lines: readonly string[]): string => [...lines, ''].join('\n');
const USER = { identity: 'me', caCertFile: '/ca.pem' };

test('a name of plain characters is its own, any other in digits', () => {
  assert.is(profileName(Buffer.from('My net_1-2'), 'psk'), 'My net_1-2.psk');
  assert.is(profileName(Buffer.from('café'), 'open'), '=636166c3a9.open');
  assert.is(profileName(Buffer.from('a/../b'), '8021x'), '=612f2e2e2f62.8021x');
  fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 32 }), (ssid) => {
    assert.match(profileName(ssid, 'psk'), /^[A-Za-z0-9 _=-]+\.psk$/);
  }));
});

test('a hidden network', () => {
  assert.is(formatProfile({ isHidden: true }), textOf([...SETTINGS, 'Hidden=true']));
});

test('PEAP, with who we are outside and inside', () => {
  const eap = { ...USER, method: 'peap', anonymousIdentity: 'anyone', phase2: 'MSCHAPV2', domainMatch: 'a.example' };
  assert.is(formatProfile({ isHidden: false, eap }), textOf([
    '[Security]', 'EAP-Method=PEAP', 'EAP-Identity=anyone', 'EAP-PEAP-CACert=/ca.pem',
    'EAP-PEAP-ServerDomainMask=a.example', 'EAP-PEAP-Phase2-Method=MSCHAPV2', 'EAP-PEAP-Phase2-Identity=me', '',
    ...SETTINGS,
  ]));
});

test('TTLS: plain words are of the tunnel, others of EAP', () => {
  const innerOf = (phase2: string): string | undefined =>
    /Phase2-Method=(.*)/.exec(formatProfile({ isHidden: false, eap: { ...USER, method: 'ttls', phase2 } }))?.[1];
  assert.equal(['PAP', 'CHAP', 'mschap', 'MSCHAPV2', 'EAP-MSCHAPV2', 'GTC'].map(innerOf), [
    'Tunneled-PAP', 'Tunneled-CHAP', 'Tunneled-MSCHAP', 'Tunneled-MSCHAPv2', 'MSCHAPV2', 'GTC',
  ]);
});

test('TLS and PWD', () => {
  const tls = {
    ...USER, method: 'tls', clientCertFile: '/me.pem', privateKeyFile: '/me.key', privateKeyPassphrase: 'secret',
    domainSuffixMatch: 'example',
  };
  assert.is(formatProfile({ isHidden: false, eap: tls }), textOf([
    '[Security]', 'EAP-Method=TLS', 'EAP-Identity=me', 'EAP-TLS-CACert=/ca.pem',
    'EAP-TLS-ServerDomainMask=example;*.example', 'EAP-TLS-ClientCert=/me.pem', 'EAP-TLS-ClientKey=/me.key', '',
    ...SETTINGS,
  ]));
  assert.is(formatProfile({ isHidden: false, eap: { method: 'pwd', identity: 'me' } }), textOf([
    '[Security]', 'EAP-Method=PWD', 'EAP-Identity=me', '', ...SETTINGS,
  ]));
});

test('what iwd cannot check is refused', () => {
  for (const more of [{ subjectMatch: 'x' }, { altSubjectMatch: 'x' }, { method: 'fast' }]) {
    assert.throws(
      () => formatProfile({ isHidden: false, eap: { method: 'peap', ...more } }),
      (error: unknown) => error instanceof ConnmanError && error.code === 'NotSupported',
    );
  }
});

test('a value is one line, whatever is in it', () => {
  fc.assert(fc.property(fc.string(), (identity) => {
    const lines = formatProfile({ isHidden: false, eap: { method: 'pwd', identity } }).split('\n');
    assert.is(lines.length, 7);
    assert.ok(lines[2]?.startsWith('EAP-Identity='));
  }));
});

test('the secret that iwd keeps', () => {
  assert.is(secretOf('[Security]\nPreSharedKey=00ff\nPassphrase=\\srig \\\\\n'), ' rig \\');
  assert.is(secretOf('[Security]\nPreSharedKey=00ff\n'), '00ff');
  assert.is(secretOf('[Settings]\nHidden=true\n'), undefined);
});

test.run();
