/** Which scans are made when, and what agents are asked before a network is joined. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isAnswered, readAnswer, wantedFields, type Wanted } from '../../../../../plugins/lib/wifi/credentials.ts';
import { type KnownNetwork, planScans, type ScanReason } from '../../../../../plugins/lib/wifi/scan-plan.ts';
import { Variant } from '../../../../../src/dbus/signature.ts';

function plain(value: unknown): unknown {
  if (value instanceof Variant) return plain(value.value);
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, each]) => [key, plain(each)]));
  if (value instanceof Uint8Array) return Buffer.from(value).toString();
  return Array.isArray(value) ? value.map(plain) : value;
}

const network = (name: string, more: Partial<KnownNetwork> = {}): KnownNetwork => ({
  ssid: Buffer.from(name), frequencyMhz: 2412, isHidden: false, isAutoconnect: true, modified: new Date(0), ...more,
});

const plan = (reason: ScanReason, more: Partial<Parameters<typeof planScans>[1]> = {}): unknown =>
  plain(planScans(reason, { isConnected: false, maxScanSsids: 4, known: [], ...more }));

test('a user\'s scan is active, unless connected', () => {
  assert.equal(plan({ kind: 'user' }), [{ Type: 'active' }]);
  assert.equal(plan({ kind: 'user' }, { isConnected: true }), [{ Type: 'passive' }]);
  assert.equal(plan({ kind: 'user' }, { maxScanSsids: 0 }), [{ Type: 'passive' }]);
});

test('after power on known networks are looked for where they were, the newest first', () => {
  const known = [
    network('old'), network('manual', { isAutoconnect: false }), network('iwd', { frequencyMhz: 0 }),
    network('new', { modified: new Date(5), frequencyMhz: 5180 }), network('also', { modified: new Date(3) }),
  ];
  assert.equal(plan({ kind: 'start' }, { known, maxScanSsids: 2 }), [
    { Type: 'active', SSIDs: ['new', 'also'], Channels: [[5180, 0], [2412, 0]] },
  ]);
  assert.equal(plan({ kind: 'start' }), [{ Type: 'passive' }]);
});

test('hidden networks are called by name after a passive scan, so many at a time', () => {
  const known = ['a', 'b', 'c'].map((name) => network(name, { isHidden: true }));
  assert.equal(plan({ kind: 'background' }, { known, maxScanSsids: 2 }), [
    { Type: 'passive' }, { Type: 'active', SSIDs: ['a', 'b'] }, { Type: 'active', SSIDs: ['c'] },
  ]);
  assert.equal(plan({ kind: 'hidden', ssid: Buffer.from('x') }), [{ Type: 'active', SSIDs: ['x'] }]);
});

test('a group is looked for twice where it is, whatever its name', () => {
  const look = { Type: 'active', Channels: [[2437, 0]] };
  assert.equal(plan({ kind: 'group', frequencyMhz: 2437 }), [look, look]);
});

const WANTED: Wanted = {
  security: 'psk', isHidden: false, hasWps: false, needsIdentity: true,
  phase2: undefined, previousPassphrase: undefined,
};

test('a hidden network that has WPS and failed before: all fields in order', () => {
  const fields = wantedFields({ ...WANTED, isHidden: true, hasWps: true, previousPassphrase: 'wrong one' });
  assert.equal(fields, [
    { name: 'Name', type: 'string', requirement: 'mandatory', alternates: ['SSID'] },
    { name: 'SSID', type: 'ssid', requirement: 'alternate' },
    { name: 'Passphrase', type: 'psk', requirement: 'mandatory', alternates: ['WPS'] },
    { name: 'PreviousPassphrase', type: 'psk', requirement: 'informational', value: 'wrong one' },
    { name: 'WPS', type: 'wpspin', requirement: 'alternate' },
  ]);
});

test('802.1X asks who one is; one-time passwords are responses', () => {
  const enterprise: Wanted = { ...WANTED, security: 'ieee8021x' };
  const passphrase = { name: 'Passphrase', type: 'passphrase', requirement: 'mandatory' };
  assert.equal(wantedFields(enterprise), [{ name: 'Identity', type: 'string', requirement: 'mandatory' }, passphrase]);
  assert.is(wantedFields({ ...enterprise, phase2: 'EAP-GTC' })[1]?.type, 'response');
  assert.equal(wantedFields({ ...enterprise, needsIdentity: false }), [passphrase]);
  assert.equal(wantedFields({ ...WANTED, security: 'none' }), []);
});

test('those that are gone, where they were', () => {
  const missing = [network('home'), network('work', { modified: new Date(5), frequencyMhz: 5180 })];
  assert.equal(plan({ kind: 'search', missing }), [
    { Type: 'active', SSIDs: ['work', 'home'], Channels: [[5180, 0], [2412, 0]] },
  ]);
  assert.equal(plan({ kind: 'search', missing }, { maxScanSsids: 0 }), []);
});

test('before a join one name is called, each frequency once', () => {
  assert.equal(plan({ kind: 'join', ssid: Buffer.from('home'), frequenciesMhz: [2412, 5180, 2412] }), [
    { Type: 'active', SSIDs: ['home'], Channels: [[2412, 0], [5180, 0]] },
  ]);
});

test('answers', () => {
  const answer = readAnswer(new Map([['Name', 'café'], ['Passphrase', 'x']]));
  assert.equal(answer.ssid, Buffer.from('café'));
  assert.ok(isAnswered({ ...WANTED, isHidden: true }, answer));
  assert.not.ok(isAnswered(WANTED, readAnswer(new Map())));
  assert.ok(isAnswered({ ...WANTED, hasWps: true }, readAnswer(new Map([['WPS', '']]))));
  assert.throws(() => readAnswer(new Map([['Name', 'x'.repeat(33)]])), /Invalid arguments/);
  assert.throws(() => readAnswer(new Map([['SSID', new Uint8Array()]])), /Invalid arguments/);
});

test.run();
