/**
 * Settings as ConnMan 1.41 leaves them for Wi-Fi (facts of its storage; keys in its order): networks of
 * every protection are connected without a question, and written back so that ConnMan reads them.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { KeyFile } from '../../../../src/shared/keyfile.ts';
import { groupOf, wifiBench, wifiIdentifier } from '../../../helpers/wifi-bench.ts';
import { withScope } from '../../../helpers/with-scope.ts';

type Security = 'none' | 'wep' | 'psk';

/** A settings file, with a static address so that connecting ends in `ready`. */
function settings(ssid: string, security: Security, lines: readonly string[]): [string, string] {
  const identifier = wifiIdentifier(groupOf(ssid, security));
  const hex = Buffer.from(ssid).toString('hex');
  return [`${identifier}/settings`, [
    `[${identifier}]`, `Name=${ssid}`, `SSID=${hex}`, 'Frequency=2412', 'Favorite=true', 'AutoConnect=false',
    'Modified=2025-03-01T10:00:00Z', ...lines, 'IPv4.method=manual', 'IPv4.netmask_prefixlen=24',
    'IPv4.local_address=192.0.2.10', 'IPv4.gateway=192.0.2.1', 'IPv6.method=off', 'IPv6.privacy=disabled',
    'Nameservers=192.0.2.53;', '',
  ].join('\n')];
}

// g_strescape of `pass"w\ord ä`, its backslashes escaped once more by the key file.
const ESCAPED = String.raw`pass\\"w\\\\ord \\303\\244`;
const FILES = Object.fromEntries([
  settings('plain', 'psk', ['Passphrase=rigsecret']),
  settings('odd', 'psk', [`Passphrase=${ESCAPED}`]),
  settings('raw', 'psk', [`Passphrase=${'0a'.repeat(32)}`]),
  settings('old', 'wep', ['Passphrase=0102030405']),
  settings('open', 'none', []),
  settings('Käfé', 'psk', ['Passphrase=rigsecret']),
  settings('shy', 'psk', ['Passphrase=rigsecret', 'Hidden=true']),
]);
const PSK = { keyManagements: ['wpa-psk'] };
const AIR = {
  plain: { ssid: 'plain', ...PSK, secret: 'rigsecret' },
  odd: { ssid: 'odd', ...PSK, secret: 'pass"w\\ord ä' },
  raw: { ssid: 'raw', ...PSK },
  old: { ssid: 'old', isPrivate: true },
  open: { ssid: 'open' },
  utf8: { ssid: 'Käfé', keyManagements: ['wpa-psk', 'sae'], secret: 'rigsecret' },
  shy: { ssid: 'shy', ...PSK, secret: 'rigsecret', isHidden: true },
};

test('every network is connected without a question', withScope(async (context) => {
  const bench = await wifiBench(context, AIR, { files: FILES });
  await bench.settled();
  await context.clock.advance(3_000);
  await bench.settled();
  for (const file of Object.keys(FILES)) {
    const [, group = ''] = /^wifi_02000000000a_(.*)\/settings$/.exec(file) ?? [];
    await bench.service(group).Connect();
    await bench.settled();
    assert.equal(bench.state(group), ['ready', undefined], file);
  }
  assert.equal(bench.agent.heard, []);
  const wep = bench.supplicant.blocks.find((block) => block.has('wep_key0'))?.get('wep_key0')?.as('ay');
  assert.equal(wep, Uint8Array.of(1, 2, 3, 4, 5));
}));

test('what is written back has what ConnMan wrote, secrets as it escapes them', withScope(async (context) => {
  const bench = await wifiBench(context, AIR, { files: FILES });
  const group = groupOf('odd', 'psk');
  const name = `${wifiIdentifier(group)}/settings`;
  await bench.service(group).Connect();
  await bench.settled();
  bench.core.sleep.begin();
  const [before, after] = [FILES[name] ?? '', bench.files.get(name) ?? ''].map((text) => KeyFile.parse(text));
  const keys = (file: KeyFile | undefined): Record<string, string | undefined> =>
    Object.fromEntries((file?.keys(wifiIdentifier(group)) ?? []).map((key) => [
      key, file?.get(wifiIdentifier(group), key),
    ]));
  const { Modified, ...rest } = keys(after);
  assert.ok(Modified !== undefined);
  const { Modified: _, ...expected } = keys(before);
  assert.equal(rest, expected);
  assert.ok(bench.files.get(name)?.includes(`Passphrase=${ESCAPED}\n`));
}));

test.run();
