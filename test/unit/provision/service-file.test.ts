/**
 * Provisioning files: what each key takes, what is said about the rest with its line, and that no
 * text whatever keeps the good parts from coming out.
 */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatComplaint } from '../../../src/provision/key-table.ts';
import { isEntryFor, parseServiceFile, type Target } from '../../../src/provision/service-file.ts';
import { SERVICE_KEYS } from '../../../src/provision/service-keys.ts';

const SAMPLE = `[global]
Name = Lab
Description = Everything in the lab

[service_wired]
Type = ethernet
IPv4 = 192.0.2.2/255.255.255.0/192.0.2.1
IPv6 = 2001:db8::2/64/2001:db8::1
IPv6.Privacy = preferred
MAC = 00:00:5E:00:53:01
Nameservers = 192.0.2.1, 2001:db8::53#dns.example
SearchDomains = lab.test,example.org
Domain = lab.test
Timeservers = ntp.lab.test, 192.0.2.9
mDNS = true

[service_home]
Type = wifi
SSID = 686F6D65
Passphrase = correct horse \x20
`;

test('a file is read key by key', () => {
  const { entries, complaints } = parseServiceFile(SAMPLE);
  assert.equal(complaints, []);
  const [wired, home] = entries;
  assert.is(wired?.ident, 'service_wired');
  const { IPv4, IPv6, ...others } = wired?.keys ?? {};
  assert.equal(shown(IPv4), { method: 'fixed', address: '192.0.2.2', prefixLength: 24, gateway: '192.0.2.1' });
  assert.equal(shown(IPv6), { method: 'fixed', address: '2001:db8::2', prefixLength: 64, gateway: '2001:db8::1' });
  assert.equal(others, {
    Type: 'ethernet',
    'IPv6.Privacy': 'prefered',
    MAC: '00:00:5e:00:53:01',
    Nameservers: ['192.0.2.1', '2001:db8::53#dns.example'],
    SearchDomains: ['lab.test', 'example.org'],
    Domain: 'lab.test',
    Timeservers: ['ntp.lab.test', '192.0.2.9'],
    mDNS: true,
  });
  assert.equal(home?.wifi, { ssid: '686f6d65', security: 'psk' });
  assert.is(home?.keys.Passphrase, 'correct horse  ', 'blanks at its end belong to it');
});

/** A value of a key in an ethernet group → what is read, undefined for a mistake. */
const VALUES: readonly (readonly [key: string, text: string, value: unknown])[] = [
  ['IPv4', 'off', { method: 'off' }],
  ['IPv4', 'dhcp', { method: 'dhcp' }],
  ['IPv4', 'auto', { method: 'dhcp' }],
  ['IPv4', '192.0.2.2/24', { method: 'fixed', address: '192.0.2.2', prefixLength: 24 }],
  ['IPv4', '192.0.2.2 / 255.255.255.0', { method: 'fixed', address: '192.0.2.2', prefixLength: 24 }],
  ['IPv4', '192.0.2.2/32/198.51.100.1', {
    method: 'fixed', address: '192.0.2.2', prefixLength: 32, gateway: '198.51.100.1',
  }],
  ['IPv4', 'DHCP', undefined],
  ['IPv4', '192.0.2.2', undefined],
  ['IPv4', '192.0.2.2/33', undefined],
  ['IPv4', '192.0.2.2/0', undefined],
  ['IPv4', '192.0.2.2/255.0.255.0', undefined],
  ['IPv4', '192.0.2.2/24/', undefined],
  ['IPv4', '192.0.2.2/24/2001:db8::1', undefined],
  ['IPv4', '192.0.2.2/24/192.0.2.1/x', undefined],
  ['IPv4', '192.0.2.256/24', undefined],
  ['IPv4', '0.0.0.0/24', undefined],
  ['IPv4', '224.0.0.1/24', undefined],
  ['IPv4', '2001:db8::2/64', undefined],
  ['IPv6', 'auto', { method: 'auto' }],
  ['IPv6', 'dhcp', { method: 'auto' }],
  ['IPv6', 'off', { method: 'off' }],
  ['IPv6', '2001:db8::2/64', { method: 'fixed', address: '2001:db8::2', prefixLength: 64 }],
  ['IPv6', '2001:db8::2/129', undefined],
  ['IPv6', '2001:db8::2/0', undefined],
  ['IPv6', '192.0.2.2/24', undefined],
  ['IPv6.Privacy', 'prefered', 'prefered'],
  ['IPv6.Privacy', 'enabled', 'enabled'],
  ['IPv6.Privacy', 'yes', undefined],
  ['mDNS', '1', true],
  ['mDNS', 'yes', undefined],
  ['Domain', 'lab.test.', 'lab.test.'],
  ['Domain', '-lab.test', undefined],
  ['Domain', 'two words', undefined],
  ['AutoConnect', 'false', false],
  ['Proxy.Method', 'direct', 'direct'],
  ['Proxy.Method', 'socks', undefined],
];

for (const [key, text, value] of VALUES) {
  test(`${key}=${text} ${value === undefined ? 'is a mistake' : 'is read'}`, () => {
    const { entries, complaints } = parseServiceFile(`[service_a]\nType=ethernet\n${key}=${text}\n`);
    const keys: Readonly<Record<string, unknown>> = entries[0]?.keys ?? {};
    assert.equal(shown(keys[key]), value);
    const kinds = complaints.map(({ line, kind }) => `${line} ${kind}`);
    assert.equal(kinds, value === undefined ? ['3 mistake'] : []);
  });
}

/** Files → complaints as a log has them. */
const COMPLAINTS: readonly (readonly [text: string, ...complaints: string[]])[] = [
  ['', 'f.config: nothing can be provisioned: there is no group [service_NAME]'],
  ['[global]\nname=x\n[service_a]\nType=gadget', 'f.config:2: unknown key name in [global]: Name may be meant'],
  [
    '[service_a]\nType=ethernet\nNameserver=192.0.2.1\nMTU=1400',
    'f.config:3: unknown key Nameserver in [service_a]: Nameservers may be meant',
    'f.config:4: unknown key MTU in [service_a]',
  ],
  ['[service_a]\nIPv4=off', 'f.config:1: [service_a] is left out: Type must be there, one of ethernet, wifi, gadget'],
  [
    '[service_a]\nType=vpn',
    'f.config:1: [service_a] is left out',
    'f.config:2: Type=vpn: one of ethernet, wifi, gadget wanted',
  ],
  [
    '[service_a]\nType=ethernet\nMAC=00:00:5e',
    'f.config:1: [service_a] is left out',
    'f.config:3: MAC=00:00:5e: a hardware address such as 00:00:5e:00:53:01 wanted',
  ],
  [
    '[wired]\nType=ethernet\n[service_b]\nType=ethernet',
    'f.config:1: [wired] is left out: [global] or [service_NAME] wanted',
  ],
  [
    '[service_a]\nType=ethernet\nNameservers=192.0.2.1, x, 192.0.2.2',
    'f.config:3: Nameservers=x: a list of IP addresses wanted',
  ],
  [
    'Type=ethernet\n[service_a]\nType=ethernet\nnonsense\nIPv4=off\nIPv4=dhcp\n[open\nMAC=x\n',
    'f.config:1: Type=ethernet: a key outside of any group',
    'f.config:4: nonsense: neither a group, nor key=value, nor a comment',
    'f.config:6: IPv4=dhcp: given twice, this one counts',
    'f.config:7: [open: not a group',
    'f.config:8: MAC=x: a key outside of any group',
  ],
  [
    '[service_a]\nType=ethernet\nPassphrase=secret\nMAC=00:00:5e:00:53:01\nDeviceName=eth0',
    'f.config:3: Passphrase in [service_a] has no effect with Type=ethernet',
    'f.config:5: DeviceName in [service_a] does not count beside MAC',
  ],
  ['[service_a]\nType=wifi', 'f.config:1: [service_a] is left out: SSID or a Name of at most 32 bytes must be there'],
  [
    '[service_a]\nType=wifi\nName=x\nPassphrase=short',
    'f.config:4: Passphrase of [service_a]: 8 to 63 characters or 64 hexadecimal digits wanted',
  ],
  [
    '[service_a]\nType=wifi\nName=x\nSecurity=wep\nPassphrase=abcd',
    'f.config:5: Passphrase of [service_a]: 5 or 13 characters, or 10 or 26 hexadecimal digits wanted',
  ],
  [
    '[service_a]\nType=wifi\nName=x\nSecurity=none\nPassphrase=12345678',
    'f.config:4: Security=none in [service_a]: psk is used',
  ],
  [
    '[service_a]\nType=wifi\nName=x\nEAP=tls\nClientCertFile=cert.pem',
    'f.config:4: EAP=tls in [service_a]: ClientCertFile wanted with it',
    'f.config:4: EAP=tls in [service_a]: PrivateKeyFile wanted with it',
    'f.config:4: EAP=tls in [service_a]: PrivateKeyPassphrase wanted with it',
    'f.config:5: ClientCertFile=cert.pem: an absolute path wanted',
  ],
  ['[service_a]\nType=wifi\nName=x\nEAP=peap', 'f.config:4: EAP=peap in [service_a]: Phase2 wanted with it'],
  [
    '[service_a]\nType=wifi\nName=x\nSecurity=ieee8021x',
    'f.config:1: Security=ieee8021x in [service_a]: EAP wanted with it',
  ],
  [
    '[service_a]\nType=ethernet\nProxy.Method=manual\nProxy.URL=http://p.test/x.pac',
    'f.config:3: Proxy.Method=manual in [service_a]: Proxy.Servers wanted with it',
    'f.config:4: Proxy.URL in [service_a] has no effect without Proxy.Method=auto',
  ],
];

for (const [text, ...wanted] of COMPLAINTS) {
  test(`complaints about ${JSON.stringify(text)}`, () => {
    const { complaints } = parseServiceFile(text);
    assert.equal(complaints.map((complaint) => formatComplaint('f.config', complaint)), wanted);
  });
}

test('secrets are in no complaint', () => {
  const text = '[service_a]\nType=wifi\nName=x\nPassphrase=\nPrivateKeyPassphrase=\n';
  const { complaints } = parseServiceFile(text);
  assert.ok(complaints.some((complaint) => complaint.text === 'Passphrase=***: a text wanted'));
  const short = parseServiceFile('[service_a]\nType=wifi\nName=x\nPassphrase=geheim\n');
  assert.not.match(JSON.stringify(short.complaints), /geheim/);
});

const WIRED: Target = { type: 'ethernet', hardwareAddress: '00005e005301', interfaceName: 'eth0' };
const RADIO: Target = {
  type: 'wifi', hardwareAddress: '00005e005302', interfaceName: 'wlan0', wifi: { ssid: '78', security: 'psk' },
};

/** Keys of a group → whether it is for the target. */
const MATCHES: readonly (readonly [keys: string, target: Target, isFor: boolean])[] = [
  ['Type=ethernet', WIRED, true],
  ['Type=gadget', WIRED, false],
  ['Type=ethernet\nMAC=00:00:5E:00:53:01', WIRED, true],
  ['Type=ethernet\nMAC=00:00:5E:00:53:02', WIRED, false],
  ['Type=ethernet\nDeviceName=eth0', WIRED, true],
  ['Type=ethernet\nDeviceName=eth1', WIRED, false],
  ['Type=ethernet\nDeviceName=eth1\nMAC=00:00:5e:00:53:01', WIRED, true],
  ['Type=wifi\nName=x\nPassphrase=12345678', RADIO, true],
  ['Type=wifi\nSSID=78\nPassphrase=12345678', RADIO, true],
  ['Type=wifi\nSSID=79\nName=x\nPassphrase=12345678', RADIO, false],
  ['Type=wifi\nName=x', RADIO, false],
  ['Type=wifi\nName=x\nPassphrase=12345678\nDeviceName=wlan1', RADIO, false],
];

for (const [keys, target, isFor] of MATCHES) {
  test(`${keys.replaceAll('\n', ' ')} ${isFor ? 'is' : 'is not'} for ${target.interfaceName}`, () => {
    const [entry] = parseServiceFile(`[service_a]\n${keys}\n`).entries;
    assert.is(entry !== undefined && isEntryFor(entry, target), isFor);
  });
}

const key = fc.constantFrom(...Object.keys(SERVICE_KEYS), 'Nonsense', '__proto__', 'constructor');
const value = fc.oneof(fc.string(), fc.constantFrom('wifi', 'ethernet', '192.0.2.2/24', 'tls', 'true', ''));
const line = fc.oneof(
  fc.string(),
  fc.constantFrom('[service_a]', '[global]', '[service_b', '[service_]', '[__proto__]', '# x', ''),
  fc.tuple(key, value).map(([name, text]) => `${name}=${text}`),
);

test('any text is read, and its groups that are right come out whatever stands before and behind', () => {
  fc.assert(
    fc.property(fc.array(line), fc.array(line), (before, after) => {
      const good = '[service_good]\nType=ethernet\nDeviceName=eth0\n';
      const text = `${before.join('\n')}\n${good}[service_other]\n${after.join('\n')}\n`;
      const { entries, complaints } = parseServiceFile(text);
      const isRedefined = text.indexOf('[service_good]') !== text.lastIndexOf('[service_good]');
      const found = entries.find(({ ident }) => ident === 'service_good');
      if (!isRedefined) assert.equal(found?.keys, { Type: 'ethernet', DeviceName: 'eth0' });
      const lines = text.split('\n').length;
      for (const { line: at, text: what } of complaints) {
        assert.ok(at >= 0 && at <= lines && what !== '');
      }
    }),
  );
});

/** Contents that are long in one way or another. */
const LONG: readonly string[] = [
  `[service_a]\n${'x\n'.repeat(200_000)}`,
  Array.from({ length: 50_000 }, (_, index) => `[service_${index}]\nX${index}=1`).join('\n'),
  `[service_${'a'.repeat(500_000)}]`,
  ...Object.keys(SERVICE_KEYS).flatMap((name) =>
    ['a', '1.', '::1/', 'a://a', ' ,', '\\', '00:'].map(
      (part) => `[service_a]\nType=ethernet\n${name}=${part.repeat(60_000)} \u0001\n`,
    ),
  ),
];

test('time and complaints are in proportion to the file, whatever is in it', () => {
  for (const text of LONG) {
    const since = performance.now();
    const { complaints } = parseServiceFile(text);
    assert.ok(complaints.length <= 1000);
    assert.ok(complaints.every(({ text: each }) => each.length < 1000));
    assert.ok(performance.now() - since < 5000, text.slice(0, 60));
  }
});

test.run();

/** Values with addresses as texts. */
function shown(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value, (_, each) => plain(each)));
}

function plain(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'family' in value ? String(value) : value;
}
