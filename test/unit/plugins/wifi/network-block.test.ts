/** What wpa_supplicant is asked to join: ConnMan's keys in ConnMan's order. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { stationBlock, type StationNetwork } from '../../../../plugins/wifi/network-block.ts';

function block(network: Partial<StationNetwork>): Record<string, unknown> {
  const whole = stationBlock({
    ssid: Buffer.from('n'), security: 'psk', keyManagements: new Set(['wpa-psk']),
    frameProtection: 'none', isOweTransition: false, secrets: {}, isBackgroundScanning: false, ...network,
  });
  return Object.fromEntries([...whole].map(([key, { value }]) => [key, value]));
}

const BASE = { scan_ssid: 1, mode: 0 };
const ssid = Buffer.from('n');

test('a passphrase', () => {
  const secrets = { passphrase: 'very secret' };
  const made = block({ secrets, isBackgroundScanning: true });
  assert.equal(made, {
    ...BASE, bgscan: 'simple:30:-65:300', psk: 'very secret', key_mgmt: 'WPA-PSK', ssid,
  });
  assert.equal(Object.keys(made), ['scan_ssid', 'bgscan', 'mode', 'psk', 'key_mgmt', 'ssid']);
});

test('a key instead of a passphrase is never offered to SAE', () => {
  const secrets = { passphrase: '0a'.repeat(32) };
  const made = block({ secrets, keyManagements: new Set(['sae', 'wpa-psk']) });
  assert.equal(made, { ...BASE, psk: Buffer.alloc(32, 10), key_mgmt: 'WPA-PSK', ssid });
});

test('SAE alone, and beside a passphrase', () => {
  const secrets = { passphrase: 'very secret' };
  assert.equal(block({ secrets, keyManagements: new Set(['sae']) }), {
    ...BASE, ieee80211w: 2, psk: 'very secret', key_mgmt: 'SAE', ssid,
  });
  assert.equal(block({ secrets, keyManagements: new Set(['wpa-psk', 'sae']) }), {
    ...BASE, ieee80211w: 1, psk: 'very secret', key_mgmt: 'SAE WPA-PSK', ssid,
  });
});

test('management frames are protected where that is offered', () => {
  const secrets = { passphrase: 'very secret' };
  const pmf = (network: Partial<StationNetwork>): unknown => block({ secrets, ...network })['ieee80211w'];
  assert.equal((['none', 'optional', 'required'] as const).map((frameProtection) => pmf({ frameProtection })), [
    undefined, 1, 2,
  ]);
  assert.is(pmf({ keyManagements: new Set(['wpa-psk-sha256']) }), 1);
  assert.is(pmf({ security: 'ieee8021x', keyManagements: new Set(['wpa-eap']), frameProtection: 'required' }), 2);
});

test('open, OWE and its transition', () => {
  const security = 'none';
  assert.equal(block({ security, keyManagements: new Set() }), { ...BASE, auth_alg: 'OPEN', key_mgmt: 'NONE', ssid });
  assert.equal(block({ security, keyManagements: new Set(['owe']) }), {
    ...BASE, ieee80211w: 2, key_mgmt: 'OWE', ssid,
  });
  assert.equal(block({ security, keyManagements: new Set(), isOweTransition: true }), {
    ...BASE, ieee80211w: 1, key_mgmt: 'OWE', ssid,
  });
});

test('WEP', () => {
  assert.equal(block({ security: 'wep', secrets: { passphrase: '0102030405' } }), {
    ...BASE, auth_alg: 'OPEN SHARED', wep_key0: Buffer.from([1, 2, 3, 4, 5]), wep_tx_keyidx: 0, key_mgmt: 'NONE', ssid,
  });
});

test('802.1X: PEAP, TTLS with GTC, TLS', () => {
  const security = 'ieee8021x';
  const keyManagements = new Set(['wpa-eap']);
  const peap = { method: 'peap', identity: 'me', phase2: 'MSCHAPV2', caCertFile: '/ca.pem', domainMatch: 'a.test' };
  assert.equal(block({ security, keyManagements, secrets: { passphrase: 'pw', eap: peap } }), {
    ...BASE, password: 'pw', ca_cert: '/ca.pem', phase2: 'auth=MSCHAPV2', eap: 'PEAP', identity: 'me',
    domain_match: 'a.test', key_mgmt: 'WPA-EAP', ssid,
  });
  const ttls = { method: 'ttls', identity: 'me', phase2: 'GTC' };
  assert.is(block({ security, keyManagements, secrets: { passphrase: 'pw', eap: ttls } })['phase2'], 'autheap=GTC');
  const tls = { method: 'tls', identity: 'me', clientCertFile: '/c', privateKeyFile: '/k', privateKeyPassphrase: 'kp' };
  assert.equal(block({ security, keyManagements, secrets: { passphrase: 'pw', eap: tls } }), {
    ...BASE, client_cert: '/c', private_key: '/k', private_key_passwd: 'kp', eap: 'TLS', identity: 'me',
    key_mgmt: 'WPA-EAP', ssid,
  });
});

test('802.1X with 192 bits has ciphers of its own', () => {
  const made = block({
    security: 'ieee8021x', keyManagements: new Set(['wpa-eap-suite-b-192']), frameProtection: 'required', secrets: {},
  });
  assert.equal(made, {
    ...BASE, ieee80211w: 2, pairwise: 'GCMP-256 CCMP', group: 'GCMP-256 CCMP TKIP',
    key_mgmt: 'WPA-EAP WPA-EAP-SUITE-B-192', ssid,
  });
});

test.run();
