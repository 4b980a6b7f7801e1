/** The daemons' command lines: what ConnMan's options mean. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CONNMAND, parseConnmand, parseVpnd, VPND, type ConnmandOptions } from '../../../src/daemon/command-line.ts';
import { formatHelp, UsageError } from '../../../src/shared/command-line.ts';

const NOTHING: ConnmandOptions = {
  action: 'run',
  isForeground: false,
  config: undefined,
  debug: undefined,
  plugin: undefined,
  noplugin: undefined,
  devices: [],
  noDevices: [],
  wifiDriver: 'nl80211,wext',
  hasDnsProxy: true,
  isReleasedOnExit: false,
};

const CASES: Readonly<Record<string, Partial<ConnmandOptions>>> = {
  '': {},
  '-n': { isForeground: true },
  '--nodaemon -r': { isForeground: true, hasDnsProxy: false },
  '--nodnsproxy': { hasDnsProxy: false },
  '--nobacktrace': {},
  '-v': { action: 'version' },
  '--version': { action: 'version' },
  '-h -v': { action: 'help' },
  '-c /tmp/main.conf': { config: '/tmp/main.conf' },
  '--config=/a --config=/b': { config: '/b' },
  '-d': { debug: '*' },
  '-d src/service.c:plugins/* -n': { debug: 'src/service.c:plugins/*', isForeground: true },
  '-d a -d b': { debug: 'a,b' },
  '-d a --debug --debug=b': { debug: '*,b' },
  '-i eth0,wlan*': { devices: ['eth0', 'wlan*'] },
  '-i eth0 -i eth1': { devices: ['eth1'] },
  '--nodevice veth*,,docker?': { noDevices: ['veth*', 'docker?'] },
  '-p ethernet,wifi:loopback': { plugin: ['ethernet', 'wifi', 'loopback'] },
  '-p a -p b': { plugin: ['b'] },
  '-P a -P b:c': { noplugin: ['a', 'b', 'c'] },
  '-W wext': { wifiDriver: 'wext' },
  '--release-on-exit': { isReleasedOnExit: true },
};

for (const [line, difference] of Object.entries(CASES)) {
  test(`connmand ${line}`, () => {
    assert.equal(parseConnmand(line === '' ? [] : line.split(' ')), { ...NOTHING, ...difference });
  });
}

test('the VPN daemon has fewer options, and the last one counts', () => {
  const common = { action: 'run', isForeground: false, config: undefined, debug: undefined };
  assert.equal(parseVpnd(['-d', 'a', '-d', 'b', '-P', 'openvpn', '-P', 'vpnc,pptp', '-p', '*']), {
    ...common,
    debug: 'b',
    plugin: ['*'],
    noplugin: ['vpnc', 'pptp'],
  });
  assert.is(parseVpnd(['-d', 'a', '-d']).debug, '*');
  assert.is(parseVpnd(['-n', '-v']).action, 'version');
  for (const option of ['-i', '-I', '-W', '-r', '--nobacktrace', '--release-on-exit']) {
    assert.throws(() => parseVpnd([option, 'x']), `Unknown option ${option}`);
  }
});

test('an unknown option is told apart from what is wrong with us', () => {
  assert.throws(
    () => parseConnmand(['--x']),
    (error: unknown) => error instanceof UsageError && error.message === 'Unknown option --x',
  );
});

test("every letter of ConnMan's daemons is there once", () => {
  const letters = (table: typeof CONNMAND | typeof VPND): string =>
    Object.values(table).flatMap((option) => ('short' in option ? [option.short] : [])).sort().join('');
  assert.is(letters(CONNMAND), 'IPWcdhinprv');
  assert.is(letters(VPND), 'Pcdhnpv');
  assert.match(formatHelp(CONNMAND, 'connmand'), /^ {2}-i, --device=DEV,\.\.\. /m);
});

test.run();
