/** main.conf: defaults, every key, what is reported, the rules that span keys. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkGeneral, GENERAL, generalOptions, type GeneralOptions } from '../../../src/daemon/main-conf.ts';
import { parseKeyFile } from '../../../src/shared/keyfile.ts';
import { setLogSink } from '../../../src/shared/log.ts';

const directory = mkdtempSync(join(tmpdir(), 'main-conf-'));
const lines: string[] = [];
setLogSink((level, line) => void lines.push(`${level} ${line}`));

test.before.each(() => void (lines.length = 0));
test.after(() => rmSync(directory, { recursive: true }));

/** The documented defaults, connman.conf(5). */
const DEFAULTS: GeneralOptions = {
  BackgroundScanning: true,
  UseGatewaysAsTimeservers: false,
  FallbackTimeservers: [],
  FallbackNameservers: [],
  DefaultAutoConnectTechnologies: ['wifi', 'ethernet', 'cellular'],
  DefaultFavoriteTechnologies: ['ethernet'],
  AlwaysConnectedTechnologies: [],
  PreferredTechnologies: [],
  NetworkInterfaceBlacklist: ['vmnet', 'vboxnet', 'virbr', 'ifb', 've-', 'vb-', 'ham'],
  ManagedInterfaces: [],
  InputRequestTimeout: 120,
  BrowserLaunchTimeout: 300,
  AllowHostnameUpdates: true,
  AllowDomainnameUpdates: true,
  SingleConnectedTechnology: false,
  TetheringTechnologies: ['wifi', 'bluetooth', 'gadget'],
  PersistentTetheringMode: false,
  Enable6to4: false,
  DHCPClientIdentifier: 'mac',
  VendorClassID: undefined,
  OnlineCheckMode: 'one-shot',
  EnableOnlineCheck: true,
  EnableOnlineToReadyTransition: false,
  OnlineCheckIPv4URL: 'http://ipv4.connman.net/online/status.html',
  OnlineCheckIPv6URL: 'http://ipv6.connman.net/online/status.html',
  OnlineCheckConnectTimeout: 0,
  OnlineCheckInitialInterval: 1,
  OnlineCheckMaxInterval: 12,
  OnlineCheckIntervalStyle: 'geometric',
  OnlineCheckFailuresThreshold: 6,
  OnlineCheckSuccessesThreshold: 6,
  AutoConnectRoamingServices: false,
  AddressConflictDetection: false,
  Localtime: '/etc/localtime',
  RegdomFollowsTimezone: false,
  ResolvConf: undefined,
  DNSProxyListen: undefined,
  DNSProxyStopRebinding: false,
  AutoResetFailureTimeout: 0,
  IgnoreInvalidKey: false,
  FavoriteMaxRetries: 2,
  MACAddressPolicy: 'permanent',
};

function check(body: string): { options: GeneralOptions; problems: string[] } {
  const problems: string[] = [];
  const file = parseKeyFile(`[General]\n${body}\n`);
  return { options: checkGeneral(file, (problem) => problems.push(problem)), problems };
}

function write(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

test('a missing file means the defaults, without a word', () => {
  assert.equal(generalOptions(join(directory, 'missing.conf')), DEFAULTS);
  assert.equal(lines, []);
});

test('an empty file means the same', () => {
  const path = write('empty.conf', '');
  assert.equal(generalOptions(path), DEFAULTS);
  assert.ok(lines.every((line) => line.startsWith('info ')));
});

test('a file that is none counts as missing, and is reported', () => {
  const path = write('broken.conf', '[General]\nnonsense\n');
  assert.equal(generalOptions(path), DEFAULTS);
  assert.is(lines.length, 1);
  assert.match(lines[0] ?? '', `error Parsing ${path} failed: line 2: neither a group`);
  assert.equal(generalOptions(directory), DEFAULTS);
  assert.match(lines[1] ?? '', `error Parsing ${directory} failed: not a plain file`);
});

test('unknown groups, unknown keys and wrong values are warned about by name', () => {
  const path = write('odd.conf', '[General]\nNonsense=1\nInputRequestTimeout=soon\n[Wifi]\nx=1\n');
  assert.equal(generalOptions(path), DEFAULTS);
  assert.equal(lines.filter((line) => line.startsWith('warn ')), [
    `warn Unknown group Wifi in ${path}`,
    `warn Unknown option Nonsense in ${path}`,
    `warn Option InputRequestTimeout has a wrong value "soon": whole seconds, at least 0 wanted in ${path}`,
  ]);
});

test('the result is frozen', () => {
  assert.ok(Object.isFrozen(generalOptions(join(directory, 'missing.conf'))));
  assert.ok(Object.isFrozen(check('').options));
});

/** Line of the file → the value it gives. */
const VALUES: Readonly<Record<string, unknown>> = {
  'BackgroundScanning=false': false,
  'UseGatewaysAsTimeservers=true': true,
  'FallbackTimeservers = a.example, 192.0.2.1': ['a.example', '192.0.2.1'],
  'DefaultAutoConnectTechnologies=ethernet': ['ethernet'],
  'DefaultFavoriteTechnologies=': [],
  'AlwaysConnectedTechnologies=ethernet,wifi': ['ethernet', 'wifi'],
  'PreferredTechnologies=wifi,ethernet,vpn,gps,system,p2p': ['wifi', 'ethernet', 'vpn', 'gps', 'system', 'p2p'],
  'NetworkInterfaceBlacklist=ppp,ap': ['ppp', 'ap'],
  'ManagedInterfaces=veth*,br0': ['veth*', 'br0'],
  'InputRequestTimeout=0': 0,
  'BrowserLaunchTimeout=60': 60,
  'AllowHostnameUpdates=false': false,
  'AllowDomainnameUpdates=0': false,
  'SingleConnectedTechnology=1': true,
  'TetheringTechnologies=wifi': ['wifi'],
  'PersistentTetheringMode=true ': true,
  'Enable6to4=true': true,
  'VendorClassID=ConnMan test': 'ConnMan test',
  'OnlineCheckIPv4URL=http://192.0.2.1/': 'http://192.0.2.1/',
  'OnlineCheckIPv6URL=http://[::1]/': 'http://[::1]/',
  'OnlineCheckConnectTimeout=2.5': 2.5,
  'OnlineCheckIntervalStyle=fibonacci': 'fibonacci',
  'OnlineCheckMaxInterval=1': 1,
  'OnlineCheckFailuresThreshold=1': 1,
  'OnlineCheckSuccessesThreshold=2': 2,
  'AutoConnectRoamingServices=true': true,
  'AddressConflictDetection=true': true,
  'Localtime=/tmp/localtime': '/tmp/localtime',
  'RegdomFollowsTimezone=true': true,
  'ResolvConf=/dev/null': '/dev/null',
  'ResolvConf=': '',
  'DNSProxyListen=127.0.0.1:5353': '127.0.0.1:5353',
  'AutoResetFailureTimeout=30': 30,
  'IgnoreInvalidKey=true': true,
  'FavoriteMaxRetries=-1': -1,
};

for (const [line, value] of Object.entries(VALUES)) {
  test(line, () => {
    const { options, problems } = check(line);
    assert.equal(problems, []);
    const key = line.slice(0, line.indexOf('=')).trim();
    assert.equal(Object.entries(options).find(([name]) => name === key), [key, value]);
  });
}

test('fallback nameservers are addresses; others are dropped one by one', () => {
  const { options, problems } = check('FallbackNameservers=192.0.2.1,dns.example,2001:db8::1');
  assert.equal(options.FallbackNameservers.map(String), ['192.0.2.1', '2001:db8::1']);
  assert.equal(problems, ['Option FallbackNameservers has a wrong value "dns.example": a list of IP addresses wanted']);
});

test('an empty element cannot blacklist every interface', () => {
  assert.equal(check('NetworkInterfaceBlacklist=ppp,,ap, ').options.NetworkInterfaceBlacklist, ['ppp', 'ap']);
});

/** Lines of the file → mode. */
const MODES: Readonly<Record<string, GeneralOptions['OnlineCheckMode']>> = {
  'OnlineCheckMode=none': 'none',
  'OnlineCheckMode=continuous': 'continuous',
  'EnableOnlineCheck=false': 'none',
  'EnableOnlineCheck=true': 'one-shot',
  'EnableOnlineToReadyTransition=true': 'continuous',
  'EnableOnlineCheck=false\nEnableOnlineToReadyTransition=true': 'none',
  'OnlineCheckMode=one-shot\nEnableOnlineCheck=false': 'one-shot',
  'OnlineCheckMode=one-shot\nEnableOnlineToReadyTransition=true': 'one-shot',
  'OnlineCheckMode=sometimes\nEnableOnlineToReadyTransition=true': 'continuous',
  'OnlineCheckMode=sometimes\nEnableOnlineCheck=false': 'none',
};

for (const [body, mode] of Object.entries(MODES)) {
  test(`${body.replace('\n', ', ')} is ${mode}`, () => {
    const { options, problems } = check(body);
    assert.is(options.OnlineCheckMode, mode);
    assert.is(problems.some((problem) => problem.includes('deprecated')), body.includes('Enable'));
    assert.is(problems.some((problem) => problem.includes('"sometimes"')), body.includes('sometimes'));
  });
}

test('the ends of the interval series are checked together', () => {
  const { options, problems } = check('OnlineCheckInitialInterval=5\nOnlineCheckMaxInterval=4');
  assert.equal([options.OnlineCheckInitialInterval, options.OnlineCheckMaxInterval], [1, 12]);
  assert.equal(problems, ['Option OnlineCheckInitialInterval is 5, past OnlineCheckMaxInterval 4: 1 and 12 are used']);
  assert.equal(check('OnlineCheckInitialInterval=12').problems, []);
  assert.equal(check('OnlineCheckInitialInterval=13').options.OnlineCheckInitialInterval, 1);
});

test('the start of the log tells how the online check is set up', () => {
  generalOptions(write('check.conf', '[General]\nOnlineCheckMode=continuous\nOnlineCheckConnectTimeout=1.5\n'));
  assert.equal(lines, [
    'info Online check mode "continuous"',
    'info Online check IPv4 URL "http://ipv4.connman.net/online/status.html", ' +
      'IPv6 URL "http://ipv6.connman.net/online/status.html"',
    'info Online check interval style "geometric", range [1, 12]',
    'info Online check connect timeout 1.5 s',
    'info Online check thresholds: 6 failures, 6 successes',
  ]);
  lines.length = 0;
  generalOptions(write('none.conf', '[General]\nOnlineCheckMode=none\n'));
  assert.equal(lines, ['info Online check mode "none"']);
});

test('every key has a line of documentation', () => {
  for (const [key, { about, parse }] of Object.entries(GENERAL)) {
    assert.ok(about.length > 10 && parse.wants !== '', key);
  }
});

test.run();
