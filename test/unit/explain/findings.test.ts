/**
 * What explanations make of a moment: situations that need radios, portals, other hosts or patience,
 * as plain snapshots, and that every sentence can be filled.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Cause, Step } from '../../../src/explain/finding.ts';
import { findingsOf } from '../../../src/explain/findings.ts';
import { CAUSES, sentencesOf, STEPS } from '../../../src/explain/sentences.ts';
import type { CheckView, ServiceView, Snapshot, TechnologyView } from '../../../src/explain/snapshot.ts';
import { parseIpAddress, type IpAddress } from '../../../src/shared/ipaddress.ts';

const ip = (text: string): IpAddress => {
  const address = parseIpAddress(text);
  if (address === undefined) throw new Error(text);
  return address;
};

const SERVICE: ServiceView = {
  identifier: 'wifi_0_1_managed_psk',
  type: 'wifi',
  name: 'home',
  order: 0,
  state: 'ready',
  error: undefined,
  strength: 50,
  isFavorite: true,
  isAutoconnect: true,
  isIgnored: false,
  isConfigurable: true,
  isReachable: true,
  interfaceName: 'wlan0',
  isDefault: true,
  isNeverDefault: false,
  isChecked: true,
  provisionedBy: undefined,
  ipv4Method: 'dhcp',
  hasStaticAddress: false,
  isLinkLocalOff: false,
  metered: 'guess-no',
  goneAddresses: [],
  isDefaultRouteGone: false,
  ipv4: { method: 'dhcp', address: ip('192.0.2.7'), prefixLength: 24, gateway: ip('192.0.2.1') },
  ipv6: undefined,
  nameservers: ['192.0.2.53'],
  progress: { isProbing: false, unanswered: 0 },
  failure: undefined,
  asking: undefined,
  conflict: undefined,
  check: undefined,
  gatewayState: undefined,
  dhcpInMs: 1_800_000,
};

const TECHNOLOGY: TechnologyView = {
  type: 'wifi',
  isPowered: true,
  isWanted: true,
  switches: undefined,
  devices: [{ name: 'wlan0', isUp: true, hasCarrier: false, networks: 1 }],
  tethering: { isOn: false, isWanted: false, failure: undefined },
};

function snapshot(service: Partial<ServiceView>, technology: Partial<TechnologyView> = {}): Snapshot {
  return {
    isOffline: false,
    checkMode: 'one-shot',
    isSingleConnection: false,
    preferred: [],
    ignored: [],
    technologies: [{ ...TECHNOLOGY, ...technology }],
    services: [{ ...SERVICE, ...service }],
  };
}

const check = (outcome: CheckView['outcome'], more: Partial<CheckView> = {}): Partial<ServiceView> => ({
  check: {
    url: 'http://status.example/',
    outcome,
    standing: 'unknown',
    address: '198.51.100.7',
    nextInMs: 3000,
    ...more,
  },
});
const failed = (reason: 'dns' | 'tls' | 'status' | 'connectTimeout', detail: string): CheckView['outcome'] => {
  return { kind: 'failed', reason, detail };
};
const CONFLICT = {
  address: ip('192.0.2.7'),
  hardwareAddress: Uint8Array.of(2, 0, 0, 0, 0, 9),
  at: new Date(0),
  isResolved: false,
};
const UP: Partial<ServiceView> = { state: 'configuration', ipv4: undefined };
const OFF = { isPowered: false, isWanted: true } as const;
const switches = (isSoftBlocked: boolean, isHardBlocked: boolean) => ({
  switches: { isSoftBlocked, isHardBlocked },
});

const SITUATIONS: readonly (readonly [Snapshot, Cause, Step, RegExp])[] = [
  [
    snapshot({}, { ...OFF, ...switches(true, true) }),
    'hardBlocked',
    'turnOnSwitch',
    /switch or by the firmware.*Turn on/,
  ],
  [snapshot({}, { ...OFF, ...switches(true, false) }), 'softBlocked', 'enable', /rfkill.*connmanctl enable wifi/],
  [snapshot({}, { devices: [] }), 'noDevice', 'addInterface', /no interface.*driver/],
  [
    snapshot({}, { devices: [{ name: 'wlan0', isUp: true, hasCarrier: false, networks: 0 }] }),
    'noNetwork',
    'scan',
    /No network.*connmanctl scan wifi/,
  ],
  [
    snapshot({}, { tethering: { isOn: true, isWanted: true, failure: undefined } }),
    'tethered', 'nothing', /tethering is on\.$/,
  ],
  [
    snapshot({}, { tethering: { isOn: false, isWanted: false, failure: 'no access point may be on 5260 MHz here' } }),
    'tetheringFailed', 'tether', /off: no access point may be on 5260 MHz here\. .*connmanctl tether wifi on/,
  ],
  [
    snapshot({}, { tethering: { isOn: false, isWanted: true, failure: undefined } }),
    'tetheredBefore', 'tether', /PersistentTetheringMode/,
  ],
  [
    snapshot({ state: 'association', asking: 'input' }),
    'waitingForAgent',
    'answer',
    /waits for a user.*Answer the agent/,
  ],
  [snapshot({ state: 'association' }), 'joining', 'wait', /being joined/],
  [
    snapshot({ state: 'failure', error: 'invalid-key' }),
    'wrongKey',
    'giveKey',
    /passphrase was refused.*connect wifi_0/,
  ],
  [snapshot({ state: 'failure', error: 'blocked' }), 'refusedByNetwork', 'connect', /network refuses/],
  [
    snapshot({ state: 'failure', error: 'connect-failed', failure: 'no answer', asking: 'retry' }),
    'failed',
    'answer',
    /failed \(connect-failed\): no answer\. Answer the agent/,
  ],
  [
    snapshot({ ...UP, progress: { isProbing: false, unanswered: 2, lost: 'expired' }, dhcpInMs: 8000 }),
    'leaseLost',
    'askServer',
    /lease was lost \(expired\).*again in 8 s/,
  ],
  [
    snapshot({ ...UP, conflict: CONFLICT }),
    'conflict',
    'findOther',
    /192\.0\.2\.7 belongs to .* 02:00:00:00:00:09\. Another/,
  ],
  [snapshot({ ...UP, conflict: CONFLICT, ipv4Method: 'manual' }), 'conflict', 'chooseAddress', /Choose an address/],
  [snapshot({ ...UP, progress: { isProbing: true, unanswered: 0 } }), 'probing', 'wait', /asked whether they have/],
  [
    snapshot({
      ipv4: undefined,
      ipv6: { method: 'auto', address: ip('2001:db8::7'), prefixLength: 64, privacy: 'disabled' },
    }),
    'ipv6Only',
    'askServer',
    /IPv6 alone/,
  ],
  [
    snapshot({ ipv4: { method: 'auto', address: ip('169.254.1.1'), prefixLength: 16 } }),
    'linkLocal',
    'askServer',
    /own link alone/,
  ],
  [snapshot({ type: 'vpn', state: 'idle' }), 'neverByItself', 'connect', /VPN does not connect by itself/],
  [
    snapshot({ state: 'idle', isFavorite: false }),
    'neverConnected',
    'connect',
    /never was.*connmanctl connect wifi_0/,
  ],
  [snapshot({ state: 'idle', isReachable: false }), 'deviceOff', 'enable', /wifi is off.*connmanctl enable wifi/],
  [snapshot({}), 'connected', 'renew', /192\.0\.2\.7 \(dhcp\)\. The lease is renewed in 30 min/],
  [snapshot({}), 'checking', 'wait', /for the first time/],
  [
    snapshot({ isNeverDefault: true, isDefault: false }),
    'neverDefault',
    'allowDefault',
    /NeverDefault.*--never-default=no/,
  ],
  [snapshot({ isChecked: false }), 'checkOffHere', 'checkHere', /turned off.*--online-check=yes/],
  [
    snapshot(check({ kind: 'portal', url: 'http://login.example/' })),
    'portal',
    'logIn',
    /portal answered instead of http:\/\/status.*Log in at http:\/\/login\.example\/; it is checked again in 3 s/,
  ],
  [
    snapshot(check(failed('dns', 'resolving status.example: noSuchName'))),
    'noSuchName',
    'checkNameservers',
    /192\.0\.2\.53 say that the host of http:\/\/status\.example\/ has no address/,
  ],
  [
    snapshot(check(failed('dns', 'resolving status.example: refused'))),
    'nameserversRefuse',
    'checkNameservers',
    /refuse/,
  ],
  [
    snapshot(check(failed('connectTimeout', 'none'), { address: '10.0.0.1' })),
    'lyingDns',
    'checkNameservers',
    /lead http:\/\/status\.example\/ to 10\.0\.0\.1/,
  ],
  [
    snapshot(check(failed('connectTimeout', 'no connection'))),
    'noReply',
    'checkAgain',
    /198\.51\.100\.7 gave no reply/,
  ],
  [
    snapshot({ ...check(failed('connectTimeout', 'none')), gatewayState: 'failed' }),
    'gatewaySilent',
    'checkGateway',
    /gateway 192\.0\.2\.1 does not answer/,
  ],
  [snapshot(check(failed('tls', 'expired'))), 'untrusted', 'checkAgain', /no trusted certificate \(expired\)/],
  [
    snapshot(check(failed('status', 'HTTP status 404'), { nextInMs: undefined })),
    'strangeReply',
    'checkAgain',
    /HTTP status 404\)\. It is checked again when it becomes the default/,
  ],
  [
    snapshot({ state: 'configuration', ipv4: undefined, progress: { isProbing: false, unanswered: 4 },
      isLinkLocalOff: true }),
    'noDhcpAnswerAtAll',
    'askServer',
    /answered 4 request\(s\), and LinkLocal is disabled/,
  ],
  [snapshot({ metered: 'yes' }), 'metered', 'unmeter', /Metered is set.*--metered no/],
  [snapshot({ metered: 'guess-yes' }), 'probablyMetered', 'unmeter', /probably costs/],
  [snapshot({ goneAddresses: ['192.0.2.7'] }), 'addressGone', 'reapply', /192\.0\.2\.7 is not on wlan0.*reapply wlan0/],
  [snapshot({ isDefaultRouteGone: true }), 'defaultRouteGone', 'reapply', /no default route to 192\.0\.2\.1/],
];

for (const [moment, cause, next, says] of SITUATIONS) {
  test(`${cause}: ${next}`, () => {
    const finding = findingsOf(moment).find((each) => each.cause === cause);
    if (finding === undefined)
      throw new Error(
        findingsOf(moment)
          .map((each) => each.cause)
          .join(),
      );
    assert.is(finding.next, next);
    assert.match(sentencesOf(finding), says);
    assert.not.match(sentencesOf(finding), /[{}]/);
  });
}

test('what is asked about alone is told', () => {
  const moment = snapshot({});
  assert.equal(
    new Set(findingsOf(moment, { service: SERVICE.identifier }).map(({ subject }) => subject)),
    new Set([SERVICE.identifier]),
  );
  assert.equal(findingsOf(moment, { technology: 'ethernet' }), []);
});

test('every sentence is one, with a full stop', () => {
  for (const text of [...Object.values(CAUSES), ...Object.values(STEPS)]) {
    if (text !== '') assert.match(text, /^[A-Z].*[.?]$/);
  }
});

test.run();
