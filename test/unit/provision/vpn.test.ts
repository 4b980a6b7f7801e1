/**
 * Options, values and files of VPNs: what is right is taken, what is wrong is named with key, value and
 * what would be right, secrets are not repeated, and no text whatever breaks a parser.
 */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { vpnKey, VPN_KEYS, vpnValueProblem } from '../../../src/provision/vpn-keys.ts';
import { parseVpnConfig } from '../../../src/provision/vpn-config.ts';
import { programDirective } from '../../../src/provision/ovpn.ts';
import { importVpn } from '../../../src/provision/vpn-import.ts';
import { formatVpnRoute, parseVpnRoute, parseWireguardKey } from '../../../src/provision/vpn-values.ts';
import { DecodeError } from '../../../src/shared/errors.ts';
import { KeyFile, parseKeyFile } from '../../../src/shared/keyfile.ts';

const KEY = 'yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=';

/** type, key, value, what the problem says or undefined. */
const VALUES: readonly (readonly [string, string, string, RegExp | undefined])[] = [
  ['openvpn', 'OpenVPN.Port', '1194', undefined],
  ['openvpn', 'OpenVPN.Port', '70000', /OpenVPN\.Port has a wrong value "70000": a port from 0 to 65535/],
  ['openvpn', 'OpenVPN.CACert', 'ca.pem', /absolute path/],
  ['openvpn', 'OpenVPN.AuthUserPass', '-', undefined],
  ['openvpn', 'OpenVPN.RemoteCertTls', 'both', /one of client, server/],
  ['openvpn', 'OpenVPN.Prto', 'udp', /OpenVPN\.Prto is no option of openvpn: it has /],
  ['openvpn', 'OpenVPN.proto', 'udp', /OpenVPN\.Proto is meant/],
  ['openvpn', 'Whatever', 'x', undefined],
  ['openvpn', 'OpenVPN.Auth', 'SHA1\nup /bin/evil', /without line breaks/],
  ['openvpn', 'OpenVPN.Proto', 'udp\nup /bin/evil', /udp.*tcp-client/],
  ['vpnc', 'VPNC.IKE.DHGroup', 'dh2', undefined],
  ['pptp', 'PPTP.RefusePAP', 'true', undefined], // an old spelling
  ['pptp', 'PPPD.RequirMPPE', 'yes', undefined],
  ['l2tp', 'PPPD.ReqMPPE', 'maybe', /true or false/],
  ['wireguard', 'WireGuard.PrivateKey', 'c2VjcmV0', /a wrong value \*\*\*: 32 bytes/],
  ['wireguard', 'WireGuard.Peer.two.AllowedIPs', '10.0.0.0/8, fd00::/64', undefined],
  ['wireguard', 'WireGuard.Peer.two.Nothing', 'x', /no option/],
  ['wireguard', 'WireGuard.AllowedIPs', '10.0.0.0/33', /"10\.0\.0\.0\/33"/],
];

for (const [type, key, value, problem] of VALUES) {
  test(`${type} ${key}=${JSON.stringify(value)} is ${problem === undefined ? 'right' : 'wrong'}`, () => {
    const found = vpnValueProblem(type, key, value);
    if (problem === undefined) assert.is(found, undefined);
    else assert.match(found ?? '', problem);
  });
}

test('every key is found under its own name, whatever a text is', () => {
  for (const [type, table] of Object.entries(VPN_KEYS)) {
    for (const key of Object.keys(table)) assert.is(vpnKey(type, key), table[key]);
  }
  fc.assert(
    fc.property(fc.string(), fc.string(), (key, value) => {
      for (const type of Object.keys(VPN_KEYS)) vpnValueProblem(type, key, value);
    }),
  );
});

test('routes read back as they are stored', () => {
  for (const text of ['10.0.0.0/8', '192.168.5.0/255.255.255.0/10.1.0.1', 'fd00::/64', 'fd00::/64/fd00::1']) {
    const route = parseVpnRoute(text);
    assert.ok(route, text);
    assert.equal(parseVpnRoute(formatVpnRoute(route)), route);
  }
  for (const text of ['', '10.0.0.0', '10.0.0.0/33', '10.0.0.0/255.0.255.0', '10.0.0.0/8/fd00::1', 'x/8']) {
    assert.is(parseVpnRoute(text), undefined, text);
  }
  assert.is(parseWireguardKey(KEY)?.length, 32);
  assert.is(parseWireguardKey(`${KEY.slice(0, -2)}l=`), undefined, 'bits that nobody can have written');
});

test('a provisioning file gives connections and names what is wrong', () => {
  const problems: string[] = [];
  const text = `[global]\nName=x\nNope=1\n[service_x]\n[provider_a]\nType=WireGuard\nHost=h\nWireGuard.PrivateKey=bad
[peer_a_1]\nPublicKey=${KEY}\n[provider_b]\nType=openvpn
[provider_c]\nType=openvpn\nHost=c\nNetworks=10.0.0.0/8,x/y\n`;
  const found = parseVpnConfig(parseKeyFile(text), 'file', (problem) => problems.push(problem));
  assert.equal(
    found.map(({ ident, type }) => [ident, type]),
    [
      ['provider_a', 'wireguard'],
      ['provider_c', 'openvpn'],
    ],
  );
  assert.equal([...(found[0]?.settings ?? [])], [['WireGuard.Peer.a_1.PublicKey', KEY]]);
  assert.equal(found[1]?.routes.length, 1);
  assert.is(problems.length, 5, problems.join('\n'));
  assert.not.match(problems.join(), /"bad"/);
});

test('imports end with a connection or a DecodeError', () => {
  const words = fc.constantFrom(
    '[Interface]',
    '[Peer]',
    'Endpoint = h:1',
    'remote h 1',
    '<ca>',
    '</ca>',
    'up x',
    '"',
    '\\',
    '#',
    '=',
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(words, fc.string())), (lines) => {
      try {
        importVpn(lines.join('\n'));
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
      }
    }),
  );
  fc.assert(
    fc.property(fc.string(), (text) => {
      let file = new KeyFile();
      try {
        file = parseKeyFile(`[provider_x]\n${text}`);
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
      }
      parseVpnConfig(file, 'x', () => undefined);
    }),
  );
});

test('what an .ovpn says inline becomes files, and what runs programs is refused', () => {
  const vpn = importVpn(
    'client\nremote h 1195 tcp\nremote g\n<ca>\nA\nB\n</ca>\ntls-auth ta.key 1\nredirect-gateway def1\n',
  );
  assert.is(vpn.files.get('OpenVPN.CACert'), 'A\nB\n');
  assert.equal(
    [vpn.settings.get('Host'), vpn.settings.get('OpenVPN.TLSAuthDir'), vpn.isSplitRouting],
    ['h', '1', false],
  );
  assert.is(vpn.remarks.length, 1);
  for (const line of ['up x', 'plugin x', 'config y', 'down z', 'tls-verify c']) {
    assert.throws(() => importVpn(`remote h\n${line}`), /would run/);
  }
  assert.throws(() => importVpn('remote h\n<ca>\nA'), /no end/);
});

test('a configuration cannot hide what it would run', () => {
  const harmless = 'client\nremote h 1194\nsetenv CLIENT_CERT 0\nsetenv opt block-outside-dns\n# up x\n;down x\nca /up';
  assert.is(programDirective(harmless), undefined);
  const hidden: readonly (readonly [string, string])[] = [
    ['up /bin/evil', 'up'],
    ['\t  up\t/bin/evil', 'up'],
    ['--up /bin/evil', 'up'],
    ['"up" /bin/evil', 'up'],
    ["'up'/bin/evil", 'up'],
    ['"up"/bin/evil', 'up'],
    ['u\\p /bin/evil', 'up'],
    ['\\ up /bin/evil', 'up'],
    ['\uFEFFup /bin/evil', 'up'],
    ['\u00EF\u00BB\u00BFup /bin/evil', 'up'],
    ['\u000bup /bin/evil', 'up'],
    ['remote h\r\nup /bin/evil\r\n', 'up'],
    ['setenv opt up /bin/evil', 'up'],
    ['setenv opt setenv "opt" plugin x.so', 'plugin'],
    ['<connection>\nremote h\nroute-up x\n</connection>', 'route-up'],
    ['setenv LD_PRELOAD /tmp/x.so', 'setenv LD_PRELOAD'],
    ['setenv NODE_OPTIONS --require=/tmp/x.js', 'setenv NODE_OPTIONS'],
    ['log /etc/cron.d/x', 'log'],
    ['status /etc/passwd 1', 'status'],
    ['chroot /tmp/x', 'chroot'],
    ['providers evil', 'providers'],
    ['remote h\0', 'a NUL byte'],
  ];
  for (const [text, directive] of hidden) assert.is(programDirective(text), directive, JSON.stringify(text));
});

test('odd files are read as they are meant, or refused by line', () => {
  const plain = 'client\nremote h 1195 tcp-client\n<ca>\nA\nB\n</ca>\nauth-user-pass\n';
  const wanted = importVpn(plain);
  for (const [what, text] of [
    ['DOS line ends', plain.replaceAll('\n', '\r\n')],
    ['old Macintosh line ends', plain.replaceAll('\n', '\r')],
    ['a mark of byte order', `\uFEFF${plain}`],
    ['both', `\uFEFF${plain.replaceAll('\n', '\r\n')}`],
    ['indents and comments', plain.replace('remote', '  \tremote').replace('<ca>', '# a comment\n;another\n<ca>')],
  ] as const) {
    assert.equal([...importVpn(text).settings], [...wanted.settings], what);
    assert.equal([...importVpn(text).files], [...wanted.files], what);
  }
  const inline = importVpn('remote h\n<auth-user-pass>\nalice\nwonder\n</auth-user-pass>\n');
  assert.is(inline.files.get('OpenVPN.AuthUserPass'), 'alice\nwonder\n');
  assert.not.ok([...inline.settings.values()].join().includes('wonder'), 'a secret is no setting');
  const noise = Buffer.from(Array.from({ length: 4096 }, (_, index) => (index * 131) % 256)).toString('latin1');
  assert.throws(() => importVpn(noise), (error: unknown) => error instanceof DecodeError);
  assert.throws(() => importVpn(`remote h\n${noise}`), /line \d+: not a text/);
  assert.throws(() => importVpn('x'.repeat((1 << 20) + 1)), /more than a mebibyte/);
  const many = performance.now();
  importVpn(`remote h\n${'remote g\n'.repeat(100_000)}`);
  importVpn(`remote h\n${'"'.repeat(500_000)}\n${'<a>\n</a>\n'.repeat(20_000)}`);
  assert.ok(performance.now() - many < 60_000, 'in a time that grows with the file');
  const keys = `[Interface]\nPrivateKey=${KEY}\nAddress=10.0.0.2\n`;
  const wireguard = `${keys}[Peer]\nPublicKey=${KEY}\nAllowedIPs=0.0.0.0/0\nEndpoint=h:1\n`;
  for (const text of [`\uFEFF${wireguard}`, wireguard.replaceAll('\n', '\r\n'), wireguard.toUpperCase()]) {
    assert.is(importVpn(text).settings.get('WireGuard.EndpointPort'), '1', JSON.stringify(text));
  }
});

test.run();
