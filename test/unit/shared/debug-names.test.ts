/** What `-d` stands for: ConnMan's file names reach our files. */

import { existsSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { debugPatterns, debugPatternsOfEnvironment, splitPatterns } from '../../../src/shared/debug-names.ts';
import { matchesGlob } from '../../../src/shared/glob.ts';

function reaches(argument: string, file: string): boolean {
  return debugPatterns(argument).some((pattern) => matchesGlob(pattern, file));
}

test('patterns are split at colons, commas and blanks', () => {
  assert.equal(splitPatterns('src/a.ts:b*,c d,, :e'), ['src/a.ts', 'b*', 'c', 'd', 'e']);
  assert.equal(splitPatterns(''), []);
});

const REACHED: readonly (readonly [argument: string, file: string])[] = [
  ['*', 'src/service/state.ts'],
  ['src/service.c', 'src/service/state.ts'],
  ['src/service.c', 'src/service.ts'],
  ['../src/service.c', 'src/service/dbus.ts'],
  ['*src/service.c', 'src/service/order.ts'],
  ['src/technology.c:src/device.c', 'src/device.ts'],
  ['plugins/wifi.c', 'plugins/wifi/scan.ts'],
  ['plugins/*.c', 'plugins/ethernet.ts'],
  ['src/connection.c', 'src/gateway.ts'],
  ['src/agent.c', 'src/daemon/agents.ts'],
  ['gdhcp/client.c', 'src/dhcp/client.ts'],
  ['gdhcp/*.c', 'src/dhcp/client-machine.ts'],
  ['src/rtnl.c', 'src/netlink/link/link.ts'],
  ['src/dnsproxy.c', 'src/dns-backend/proxy.ts'],
  ['vpn/plugins/openvpn.c', 'vpn/plugins/openvpn.ts'],
  ['vpn/vpn-provider.c', 'vpn/provider.ts'],
  ['src/storage.c', 'src/daemon/storage.ts'],
  ['src/wispr.c', 'src/online-check/check.ts'],
  ['src/wispr.c', 'src/portal/dbus.ts'],
  ['src/wpad.c', 'src/service/link-proxy.ts'],
  ['src/proxy.c', 'src/proxy.ts'],
  ['plugins/pacrunner.c', 'plugins/pacrunner.ts'],
  ['src/6to4.c', 'src/ipconfig/six-to-four.ts'],
  ['src/detect.c', 'src/interfaces.ts'],
  ['src/ipconfig.c', 'src/ipconfig/ipv6.ts'],
  ['src/service*', 'src/service/state.ts'],
  ['src/dhcp/*.ts', 'src/dhcp/client.ts'],
];

for (const [argument, file] of REACHED) {
  test(`-d ${argument} reaches ${file}`, () => assert.ok(reaches(argument, file)));
}

test('other files are not reached', () => {
  assert.not(reaches('src/service.c', 'src/session.ts'));
  assert.not(reaches('plugins/wifi.c', 'plugins/ethernet.ts'));
  assert.not(reaches('src/service.ts', 'src/service/state.ts'));
  assert.not(reaches('', 'src/service.ts'));
});

test('variables of the environment count when they are set', () => {
  assert.equal(debugPatternsOfEnvironment({}), []);
  assert.equal(debugPatternsOfEnvironment({ CONNMAN_DHCP_DEBUG: '', OTHER: '1' }), ['src/dhcp/*']);
});

const VARIABLES: readonly (readonly [variable: string, file: string])[] = [
  ['CONNMAN_DHCP_DEBUG', 'src/dhcp/client.ts'],
  ['CONNMAN_DHCPV6_DEBUG', 'src/dhcpv6/client.ts'],
  ['CONNMAN_RESOLV_DEBUG', 'src/dns/lookup.ts'],
  ['CONNMAN_SUPPLICANT_DEBUG', 'plugins/wifi/supplicant.ts'],
  ['CONNMAN_WEB_DEBUG', 'src/web/http-request.ts'],
];

for (const [variable, file] of VARIABLES) {
  test(`${variable} reaches ${file}`, () => {
    assert.ok(existsSync(file));
    assert.ok(debugPatternsOfEnvironment({ [variable]: '1' }).some((pattern) => matchesGlob(pattern, file)));
  });
}

test.run();
