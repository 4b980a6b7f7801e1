/**
 * What helpers say, read as untrusted: openvpn's management lines, the environments of scripts, pppd's
 * log, and rights looked up in passwd and group.
 */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readScriptTunnel } from '../../../vpn/plugins/lib/vpnc-script.ts';
import { COMMON_OPTIONS, optionsFile, PppdLog } from '../../../vpn/plugins/lib/pppd.ts';
import {
  answer,
  dynamicResponse,
  parseQuestion,
  ReportReader,
  staticResponse,
  type Report,
} from '../../../vpn/plugins/openvpn/management.ts';
import { readTunnel } from '../../../vpn/plugins/openvpn/tunnel.ts';
import { resolvePrivileges, withPrivileges } from '../../../vpn/privileges.ts';
import { Settings } from '../../../vpn/settings.ts';
import { Lines } from '../../../vpn/task.ts';

test('management lines are read, and answers cannot break out of theirs', () => {
  assert.equal(parseQuestion(">PASSWORD:Need 'Auth' username/password"), { kind: 'auth' });
  assert.equal(parseQuestion(">PASSWORD:Need 'Auth' username/password SC:1,PIN?"), {
    kind: 'auth',
    challenge: 'PIN?',
  });
  assert.equal(parseQuestion(">PASSWORD:Need 'Private Key' password"), { kind: 'key' });
  assert.equal(parseQuestion(">PASSWORD:Verification Failed: 'Auth'"), { kind: 'authRefused' });
  const dynamic = { state: 'id', username: 'user', text: 'Token: now?' };
  assert.equal(parseQuestion(">PASSWORD:Verification Failed: 'Auth' ['CRV1:R,E:id:dXNlcg==:Token: now?']"), {
    kind: 'authRefused',
    dynamic,
  });
  // management-notes.txt, "dynamic challenge"
  assert.is(dynamicResponse(dynamic, '8675309'), 'CRV1::id::8675309');
  assert.is(staticResponse('secret', '1234'), 'SCRV1:c2VjcmV0:MTIzNA==');
  assert.is(parseQuestion('>STATE:1,CONNECTED'), undefined);
  assert.is(answer('password', 'Auth', 'a "b\\ c\nup x'), 'password "Auth" "a\\ \\"b\\\\\\ cup\\ x"');
  fc.assert(
    fc.property(fc.string(), (text) => {
      parseQuestion(text);
      assert.not.match(answer('username', 'Auth', text), /[\n\r]/);
    }),
  );
});

test('reports of a tunnel are read over their lines', () => {
  const read = (...lines: string[]): Report[] => {
    const reader = new ReportReader();
    return lines.flatMap((line) => reader.read(line) ?? []);
  };
  const lines = ['>UPDOWN:UP', '>UPDOWN:ENV,dev=vpn0', '>UPDOWN:ENV,x=a=b,c', '>UPDOWN:ENV,odd', '>UPDOWN:ENV,END'];
  const up = { kind: 'up', environment: environment({ dev: 'vpn0', x: 'a=b,c' }) };
  assert.equal(read(...lines), [up]);
  assert.equal(read('>UPDOWN:DOWN', ...lines.slice(1), '>UPDOWN:ENV,END'), [], 'what goes is told by its end');
  assert.equal(read('>UPDOWN:UP', '>UPDOWN:UP', ...lines.slice(1)), [up]);
  // management-notes.txt, "state"
  const state = '>STATE:1795335975,CONNECTED,SUCCESS,10.66.0.2,10.77.0.1,1194,,,fd00::2';
  assert.equal(read(state, '>STATE:1,CONNECTING,,,,,,', '>HOLD:Waiting for hold release:0'), [
    { kind: 'connected', server: '10.77.0.1' },
    { kind: 'waiting' },
  ]);
  const some = fc.oneof(fc.string(), fc.constantFrom('>UPDOWN:UP', '>UPDOWN:ENV,END', '>STATE:,CONNECTED,,,'));
  fc.assert(fc.property(fc.array(some), (texts) => assert.ok(read(...texts).length <= texts.length)));
});

const environment = (entries: Record<string, string>): Map<string, string> => new Map(Object.entries(entries));

test("openvpn's environment is a tunnel", () => {
  const tunnel = readTunnel(
    environment({
      trusted_ip: '192.0.2.1',
      ifconfig_local: '10.8.0.6',
      ifconfig_remote: '10.8.0.5',
      foreign_option_2: 'dhcp-option DNS 10.8.0.2',
      foreign_option_10: 'dhcp-option DOMAIN b.test',
      foreign_option_1: 'dhcp-option DNS 10.8.0.1',
      route_network_1: '10.0.0.0',
      route_netmask_1: '255.0.0.0',
      route_gateway_1: '10.8.0.5',
      route_network_2: '10.1.0.0',
      route_gateway_2: 'x',
    }),
    'h',
  );
  assert.equal(tunnel?.nameservers, ['10.8.0.1', '10.8.0.2']);
  assert.equal([tunnel?.domain, tunnel?.gateway, tunnel?.routes.length], ['b.test', '192.0.2.1', 1]);
  assert.equal([String(tunnel?.addresses[0]?.peer), tunnel?.addresses[0]?.prefixLength], ['10.8.0.5', 32]);
  assert.is(readTunnel(environment({}), 'h'), undefined);
});

test("a script's environment is a tunnel", () => {
  const tunnel = readScriptTunnel(
    environment({
      VPNGATEWAY: '192.0.2.1',
      INTERNAL_IP4_ADDRESS: '10.0.0.2',
      INTERNAL_IP4_NETMASK: '255.255.255.0',
      INTERNAL_IP6_NETMASK: 'fd00::2/64',
      INTERNAL_IP4_DNS: '10.0.0.1 10.0.0.3',
      CISCO_DEF_DOMAIN: 'a.test b.test',
      CISCO_SPLIT_INC_0_ADDR: '10.5.0.0',
      CISCO_SPLIT_INC_0_MASK: '255.255.0.0',
      CISCO_SPLIT_INC_0_MASKLEN: '16',
      CISCO_IPV6_SPLIT_INC_0_ADDR: 'fd01::',
      CISCO_IPV6_SPLIT_INC_0_MASKLEN: '64',
    }),
    'h',
  );
  assert.equal(
    tunnel?.addresses.map((each) => `${each.address}/${each.prefixLength}`),
    ['10.0.0.2/24', 'fd00::2/64'],
  );
  assert.equal(
    tunnel?.routes.map(({ network, netmask }) => `${network}/${netmask}`),
    ['10.5.0.0/255.255.0.0', 'fd01::/64'],
  );
  assert.is(tunnel?.domain, 'a.test');
});

test('no environment whatever breaks a reader', () => {
  const keys = fc.constantFrom(
    'ifconfig_local',
    'ifconfig_netmask',
    'ifconfig_ipv6_local',
    'ifconfig_ipv6_netbits',
    'route_network_1',
    'route_netmask_1',
    'route_gateway_1',
    'foreign_option_1',
    'INTERNAL_IP4_ADDRESS',
    'INTERNAL_IP6_NETMASK',
    'CISCO_SPLIT_INC_0_ADDR',
    'x',
  );
  const values = fc.oneof(fc.string(), fc.constantFrom('10.0.0.1', 'fd00::1/200', '255.0.255.0', '-1'));
  fc.assert(
    fc.property(fc.array(fc.tuple(keys, values)), (entries) => {
      readTunnel(new Map(entries), 'h');
      readScriptTunnel(new Map(entries), 'h');
    }),
  );
});

test("pppd's log is a tunnel, its options file holds what it is given", () => {
  const log = new PppdLog();
  const lines = [
    'Using interface ppp3',
    'local  IP address 10.0.0.2',
    'remote IP address 10.0.0.1',
    'primary   DNS address 10.0.0.9',
  ];
  assert.equal(
    lines.map((line) => log.read(line)),
    [false, false, true, false],
  );
  assert.equal(
    [log.tunnel('h')?.interfaceName, log.tunnel('h')?.nameservers, log.isRefused],
    ['ppp3', ['10.0.0.9'], false],
  );
  log.read('MS-CHAP authentication failed: Access denied');
  assert.ok(log.isRefused);
  assert.not.ok(log.isOver);
  log.read('Connection terminated.');
  assert.ok(log.isOver, 'a link that was given up is no tunnel, whoever would dial again');
  const lied = new PppdLog();
  for (const line of ['Remote message: Using interface eth0', 'Using interface eth0', 'x local  IP address 10.0.0.2']) {
    assert.not.ok(lied.read(line));
  }
  assert.not.ok(lied.read('remote IP address 10.0.0.1'));
  assert.is(lied.tunnel('h'), undefined, 'only the words of pppd itself, and only its own interfaces');
  const settings = new Settings();
  settings.set('PPPD.RefusePAP', 'true');
  const text = optionsFile(settings, COMMON_OPTIONS, { user: 'a b', password: 'x"\\\nnoauth' });
  assert.match(text, /^name "a b"\npassword "x\\"\\\\noauth"\n/m);
  assert.match(text, /^refuse-pap$/m);
});

test('lines of a flood are bounded', () => {
  const lines: string[] = [];
  const reader = new Lines((line) => lines.push(line));
  for (let round = 0; round < 100; round++) reader.push(new Uint8Array(65_536).fill(0x61));
  reader.push(Buffer.from('\nlast\r\n'));
  assert.equal(
    lines.map(({ length }) => length),
    [4096, 4],
  );
});

test('rights are looked up, and unknown names are no root', () => {
  const accounts = {
    passwd: 'root:x:0:0::/:\nvpn:x:200:201::/:\nsys:x:202:202::/:\n',
    group: 'net:x:300:\ncards:x:301:\n',
  };
  const none = { User: undefined, Group: undefined, SupplementaryGroups: [], SystemBinaryUsers: [] };
  const plain = { groups: [], isSystem: false };
  assert.is(resolvePrivileges(none, accounts), undefined);
  assert.equal(resolvePrivileges({ ...none, User: 'vpn' }, accounts), { uid: 200, gid: 201, ...plain });
  assert.equal(resolvePrivileges({ ...none, User: '200', Group: 'net' }, accounts), { uid: 200, gid: 300, ...plain });
  const groups = { ...none, User: 'sys', SupplementaryGroups: ['net', '301'], SystemBinaryUsers: ['vpn', 'sys'] };
  const resolved = resolvePrivileges(groups, accounts);
  assert.equal(resolved, { uid: 202, gid: 202, groups: [300, 301], isSystem: true });
  assert.equal(withPrivileges('vpnc', ['-'], resolved), {
    file: 'setpriv',
    args: ['--reuid=202', '--regid=202', '--groups=300,301', '--', 'vpnc', '-'],
  });
  assert.equal(withPrivileges('vpnc', [], undefined), { file: 'vpnc', args: [] });
  assert.throws(() => resolvePrivileges({ ...none, User: 'nobody-here' }, accounts), /no user/);
  assert.throws(() => resolvePrivileges({ ...none, SupplementaryGroups: ['none'] }, accounts), /no group none/);
});

test.run();
