/** How IPv6 is set up, from what there is on the interface and what was heard. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Ipv6Configuration } from '../../../src/ipconfig/configuration.ts';
import { isSameSetup, setupOf, tellsHardwareAddress, type Ipv6Facts } from '../../../src/ipconfig/ipv6-setup.ts';
import type { RouterInformation } from '../../../src/ndp/router-discovery.ts';
import type { Address } from '../../../src/netlink/address/address.ts';
import { ip6 } from '../dhcp/fake-inet.ts';
import { hex } from '../dhcp/battery.ts';

function address(text: string, change: Partial<Address> = {}): Address {
  return {
    ifindex: 7, address: ip6(text), prefixLength: 64, peer: undefined, broadcast: undefined, scope: 'universe',
    flags: 0, isTentative: false, isDuplicate: false, isDeprecated: false, isTemporary: false, isPermanent: false,
    validLifetimeSec: 3600, preferredLifetimeSec: 1800, metric: undefined, ...change,
  };
}

const AUTO: Ipv6Configuration = { method: 'auto', privacy: 'disabled' };
const NOTHING: Ipv6Facts = {
  configuration: AUTO, addresses: [], routers: undefined, lease: undefined, kernelGateway: undefined,
};
const SILENT: RouterInformation = {
  routers: [], isManaged: false, isOtherConfig: false, prefixes: [], routes: [], nameservers: [], searchDomains: [],
  mtu: undefined, captivePortal: undefined, hopLimit: undefined,
};
const router = (text: string) => ({ address: ip6(text), untilMs: Infinity, preference: 'medium' as const });

const chosen = (facts: Partial<Ipv6Facts>): string | undefined => {
  const inUse = setupOf({ ...NOTHING, ...facts })?.inUse;
  return inUse === undefined ? undefined : `${inUse.method} ${inUse.address}/${inUse.prefixLength}`;
};

test('an address counts when it reaches beyond the link and nobody else has it', () => {
  assert.is(chosen({}), undefined);
  assert.is(chosen({ addresses: [address('fe80::1', { scope: 'link' })] }), undefined);
  assert.is(chosen({ addresses: [address('2001:db8::1', { isTentative: true })] }), undefined);
  assert.is(chosen({ addresses: [address('2001:db8::1', { isDuplicate: true })] }), undefined);
  assert.is(chosen({ addresses: [address('fd00::1')] }), 'auto fd00::1/64');
});

test('one that is about to end comes last; temporary ones as the wish for privacy has it', () => {
  const addresses = [
    address('2001:db8:1::1', { isDeprecated: true }), address('2001:db8:2::1', { isTemporary: true }),
    address('2001:db8:2::2'),
  ];
  assert.is(chosen({ addresses }), 'auto 2001:db8:2::2/64');
  assert.is(chosen({ addresses, configuration: { ...AUTO, privacy: 'enabled' } }), 'auto 2001:db8:2::2/64');
  assert.is(chosen({ addresses, configuration: { ...AUTO, privacy: 'prefered' } }), 'auto 2001:db8:2::1/64');
  const subnets = setupOf({ ...NOTHING, addresses })?.subnets ?? [];
  assert.equal(subnets.map((each) => String(each.address)), ['2001:db8:2::2', '2001:db8:1::1'], 'one of each network');
});

test('written down: that address alone, and its gateway before any router', () => {
  const configuration: Ipv6Configuration = { method: 'manual', privacy: 'disabled', address: ip6('2001:db8::77') };
  const addresses = [address('2001:db8::1'), address('2001:db8::77', { isPermanent: true })];
  const routers = { ...SILENT, routers: [router('fe80::9')] };
  assert.is(chosen({ addresses, configuration }), 'manual 2001:db8::77/64');
  const gateway = (facts: Partial<Ipv6Facts>): string =>
    String(setupOf({ ...NOTHING, addresses, configuration, ...facts })?.inUse.gateway);
  assert.is(gateway({ routers }), 'fe80::9');
  assert.is(gateway({ routers, configuration: { ...configuration, gateway: ip6('fe80::1') } }), 'fe80::1');
});

test('the kernel’s router counts until we have heard one, or that there is none', () => {
  const gateway = (routers: RouterInformation | undefined): string | undefined =>
    setupOf({ ...NOTHING, addresses: [address('2001:db8::1')], kernelGateway: ip6('fe80::8'), routers })
      ?.inUse.gateway?.toString();
  assert.is(gateway(undefined), 'fe80::8');
  assert.is(gateway({ ...SILENT, routers: [router('fe80::9'), router('fe80::a')] }), 'fe80::9');
  assert.is(gateway(SILENT), undefined);
});

test('an address of a 6to4 network is called so', () => {
  assert.is(chosen({ addresses: [address('2002:c000:201::1')] }), '6to4 2002:c000:201::1/64');
});

test('setups are the same when nobody would be told anything else', () => {
  const addresses = [address('2001:db8::1')];
  const one = setupOf({ ...NOTHING, addresses, routers: { ...SILENT, routers: [router('fe80::9')] } });
  const later = { ...router('fe80::9'), untilMs: 5 };
  const same = setupOf({ ...NOTHING, addresses, routers: { ...SILENT, routers: [later] } });
  const nameservers = [{ address: ip6('2001:db8::53'), untilMs: 5 }];
  const other = setupOf({ ...NOTHING, addresses, routers: { ...SILENT, routers: [router('fe80::9')], nameservers } });
  assert.is(isSameSetup(one, same), true);
  assert.is(isSameSetup(one, other), false);
  assert.is(isSameSetup(one, undefined), false);
  assert.is(isSameSetup(undefined, undefined), true);
});

test('an address tells the hardware address, or not', () => {
  const hardware = hex('02005e005301');
  assert.is(tellsHardwareAddress(ip6('fe80::5eff:fe00:5301'), hardware), true);
  assert.is(tellsHardwareAddress(ip6('2001:db8::5eff:fe00:5301'), hardware), true);
  assert.is(tellsHardwareAddress(ip6('2001:db8::5eff:fe00:5302'), hardware), false);
  assert.is(tellsHardwareAddress(ip6('2001:db8::1'), hardware), false);
  assert.is(tellsHardwareAddress(ip6('2001:db8::1'), new Uint8Array()), false);
});

test.run();
