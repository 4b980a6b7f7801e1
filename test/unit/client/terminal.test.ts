/** The views of the terminal: figures, tables, and what the kernel's files say. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseRoutes4, parseRoutes6, parseTraffic } from '../../../src/client/terminal/links.ts';
import { formatOverview } from '../../../src/client/terminal/overview.ts';
import { formatServiceTable } from '../../../src/client/terminal/service-table.ts';
import { displayWidth } from '../../../src/client/text.ts';
import { formatRate, signalBars, sparkline } from '../../../src/client/terminal/style.ts';
import { formatWifiLine, formatWifiTable, wifiNetworks } from '../../../src/client/terminal/wifi-view.ts';
import { SERVICES } from '../../helpers/fake-connman-objects.ts';

test('figures as pictures', () => {
  const bars = ['····', '▂···', '▂···', '▂▄··', '▂▄▆·', '▂▄▆█', '▂▄▆█'];
  assert.equal([0, 1, 25, 26, 75, 100, 255].map(signalBars), bars);
  assert.is(sparkline([0, 50, 100]), '▁▅█');
  assert.is(sparkline([0, 0]), '▁▁');
  const rates = ['0 B/s', '999 B/s', '1.0 kB/s', '123 kB/s', '9900 GB/s'];
  assert.equal([0, 999, 1000, 123_456, 9.9e12].map(formatRate), rates);
});

test('Wi-Fi networks: those in use first, then the strongest; every name as one word in a pipe', () => {
  const networks = wifiNetworks(SERVICES);
  assert.ok(networks.length >= 2);
  assert.is(networks[0]?.name, 'Home Müller');
  const rest = networks.slice(1).map(({ strength }) => strength);
  assert.equal(rest, rest.toSorted((one, other) => other - one));
  const past = new Map([[networks[0]?.identifier ?? '', [0, 50, 100]]]);
  const table = formatWifiTable(networks, past, { hasColours: false, columns: 80 });
  assert.match(table, /^●  70 ▂▄▆· +▁▅█ psk wps +Home Müller\n/);
  assert.match(table, /\(hidden\)/);
  assert.not.match(table, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
  assert.is(formatWifiTable([], new Map(), { hasColours: false, columns: 80 }), 'no Wi-Fi networks\n');
  for (const name of ['plain', 'two words', 'a\nline', '"', '', '\u202e', 'Müller']) {
    const network = { identifier: 'wifi_x', name, strength: 7, security: ['psk', 'wps'], state: 'idle' };
    const line = formatWifiLine(network, (text) => text);
    const word = line.slice('wifi_x 7 psk,wps idle '.length, -1);
    assert.is(word.startsWith('"') ? JSON.parse(word) : word, name);
    assert.is(line.split('\n').length, 2);
  }
});

test('no name breaks the table, and colours are asked for', () => {
  const plain = formatServiceTable(SERVICES, { hasColours: false, columns: 100 });
  assert.not.match(plain, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
  assert.is(plain.trimEnd().split('\n').length, SERVICES.length);
  assert.match(formatServiceTable(SERVICES, { hasColours: true, columns: 100 }), /\x1b\[32m\*AO/);
  assert.is(formatServiceTable([], { hasColours: false, columns: 80 }), 'no services\n');
});

test('no line is wider than the terminal, in colour neither', () => {
  for (let columns = 30; columns <= 160; columns++) {
    const plain = formatServiceTable(SERVICES, { hasColours: false, columns });
    for (const line of plain.split('\n')) assert.ok(displayWidth(line) <= columns, `${columns}: ${line}`);
    const painted = formatServiceTable(SERVICES, { hasColours: true, columns });
    assert.is(painted.replace(/\x1b\[\d*m/g, '').replace(/ +$/gm, ''), plain.replace(/ +$/gm, ''));
  }
});

test('an identifier stands behind its service, below where several have its name, or not at all', () => {
  const lines = (columns: number): string[] =>
    formatServiceTable(SERVICES, { hasColours: false, columns }).trimEnd().split('\n');
  const wired = ['ethernet_020000000000_cable', 'ethernet_020000000001_cable'];
  const behind = lines(120).filter((line) => / Wired /.test(line)).map((line) => line.split(' ').at(-1));
  assert.equal(behind, wired);
  assert.equal(lines(40).filter((line) => line.startsWith('    ethernet')).map((line) => line.trim()), wired);
  assert.not.match(lines(40).join('\n'), 'wifi_0200000000aa_48');
});

test('routes and traffic of proc(5)', () => {
  const route4 = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t01004D0A\t0003\t0\t0\t20\t00000000\t0\t0\t0
eth0\t00004D0A\t00000000\t0001\t0\t0\t0\t00F0FFFF\t0\t0\t0\n`;
  assert.equal(parseRoutes4(route4), [{ link: 'eth0', gateway: '10.77.0.1', metric: 20 }]);
  const route6 = `${'0'.repeat(32)} 00 ${'0'.repeat(32)} 00 fe80000000000000020000fffe000001 00000400 1 0 00000003 eth0
${'0'.repeat(32)} 00 ${'0'.repeat(32)} 00 ${'0'.repeat(32)} ffffffff 1 0 00200200 lo\n`;
  assert.equal(parseRoutes6(route6), [{ link: 'eth0', gateway: 'fe80::200:ff:fe00:1', metric: 1024 }]);
  const traffic = `Inter-|   Receive             |  Transmit
 face |bytes    packets errs drop |bytes    packets errs drop
  eth0: 1000       7    0    0    0     0  0   0      200       3    0    0    0     0   0    0\n`;
  assert.equal(parseTraffic(traffic), [{ name: 'eth0', receivedBytes: 1000, sentBytes: 200 }]);
});

test('any text is read', () => {
  const line = fc.oneof(fc.string(), fc.constantFrom('eth0', '\t', ' ', '00000000', '0'.repeat(32), '00', '\n', ':'));
  fc.assert(
    fc.property(fc.array(line).map((parts) => parts.join('')), (text) => {
      for (const parse of [parseRoutes4, parseRoutes6, parseTraffic]) assert.ok(Array.isArray(parse(text)));
    }),
  );
});

test('the overview says what is there', () => {
  const text = formatOverview(
    {
      state: 'online',
      isOffline: false,
      services: SERVICES,
      routes: [{ link: 'wlan0', gateway: '192.0.2.1', metric: 0 }],
      nameservers: ['192.0.2.53'],
      links: [{ name: 'wlan0', addresses: ['192.0.2.7/24'], receivedBytes: 0, sentBytes: 0 }],
      rates: new Map([['wlan0', { received: [0, 1000], sent: [0, 0] }]]),
    },
    { hasColours: false, columns: 100 },
  );
  const wanted = `● online by Home Müller
  route      192.0.2.1 on wlan0
  DNS        192.0.2.53
  wlan0      ↓ 1.0 kB/s ▁█ ↑    0 B/s ▁▁, 192.0.2.7/24
\n`;
  assert.is(text.slice(0, wanted.length), wanted);
});

test.run();
