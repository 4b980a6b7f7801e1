/** Which servers a question goes to: the default link's, the fallback ones, those of a domain, network or VPN. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { DnsConfiguration, LinkDns } from '../../../src/dns-backend/backend.ts';
import { RouteTable, wireOf } from '../../../src/dns-backend/proxy/routes.ts';
import { Upstream, type ServerAddress } from '../../../src/dns-backend/proxy/upstream.ts';
import { parseIpAddress, type IpAddress } from '../../../src/shared/ipaddress.ts';
import type { Scope } from '../../../src/shared/scope.ts';
import { FakeServers } from '../dns/fake-servers.ts';
import { withScope, type TestContext } from '../../helpers/with-scope.ts';

function ip(text: string): IpAddress {
  const address = parseIpAddress(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return address;
}

const link = (ifindex: number, servers: readonly string[], more: Partial<LinkDns> = {}): LinkDns =>
  ({ ifindex, nameservers: servers.map((text) => ({ address: ip(text) })), domains: [], ...more });

/** Where names go, as the addresses of servers. */
function routing({ clock, scope }: TestContext, changes: Partial<DnsConfiguration>): (name: string) => string[] {
  const configuration = { links: [], defaultIfindex: undefined, fallbackNameservers: [], ...changes };
  const table = new RouteTable(configuration, (ifindex) => `eth${ifindex}`, finder(scope, clock));
  return (name) => {
    const key = `${wireOf(name)}\0\u0001\0\u0001`;
    return table.upstreamsFor({ key, lengthBytes: key.length, flavour: 0 }).map(({ server }) =>
      `${server.address}${server.device === undefined ? '' : `%${server.device}`}`);
  };
}

function finder(scope: Scope, clock: TestContext['clock']): (server: ServerAddress) => Upstream {
  const known = new Map<string, Upstream>();
  const { udpServer, tcp, closeFd } = new FakeServers().system;
  const env = { system: { udpServer, tcp, closeFd }, clock, random: { u32: () => 1, fraction: () => 0 } };
  return (server) => {
    const name = `${server.address} ${server.port} ${server.device}`;
    const upstream = known.get(name) ?? new Upstream(server, env, scope);
    known.set(name, upstream);
    return upstream;
  };
}

test('the default link’s servers, all of them and in their order', withScope(async (context) => {
  const many = ['192.0.2.5', '192.0.2.1', '192.0.2.4', '192.0.2.2', '192.0.2.3'];
  const to = routing(context, { links: [link(3, ['198.51.100.1']), link(2, many)], defaultIfindex: 2 });
  assert.equal(to('a.test'), many.map((text) => `${text}%eth2`));
}));

test('fallback servers only while the default link has none; then any link’s', withScope(async (context) => {
  const fallback = [{ address: ip('203.0.113.1') }];
  const other = link(3, ['198.51.100.1']);
  const to = (changes: Partial<DnsConfiguration>): string[] => routing(context, changes)('a.test');
  const known = link(2, ['192.0.2.1']);
  assert.equal(to({ links: [known], defaultIfindex: 2, fallbackNameservers: fallback }), ['192.0.2.1%eth2']);
  assert.equal(to({ links: [link(2, []), other], defaultIfindex: 2, fallbackNameservers: fallback }), ['203.0.113.1']);
  assert.equal(to({ links: [link(2, []), other], defaultIfindex: 2 }), ['198.51.100.1%eth3']);
  assert.equal(to({}), []);
}));

test('a domain goes to whom it belongs, the longer one first, of any length', withScope(async (context) => {
  const to = routing(context, {
    links: [
      link(2, ['192.0.2.1'], { domains: ['lan', 'x'] }), link(3, ['198.51.100.1'], { domains: ['corp.example', '.'] }),
      link(4, ['198.51.100.9'], { domains: ['eu.corp.example'] }), link(5, [], { domains: ['nobody.example'] }),
    ],
    defaultIfindex: 2,
  });
  assert.equal(to('www.corp.example'), ['198.51.100.1%eth3']);
  assert.equal(to('corp.example'), ['198.51.100.1%eth3']);
  assert.equal(to('WWW.Eu.Corp.Example'), ['198.51.100.9%eth4']);
  assert.equal(to('notcorp.example'), ['192.0.2.1%eth2']);
  assert.equal(to('nas.lan'), ['192.0.2.1%eth2']);
  assert.equal(to('a.nobody.example'), ['192.0.2.1%eth2'], 'a link without servers claims nothing');
}));

test('addresses of a network are asked for on its link', withScope(async (context) => {
  const networks = [
    { address: ip('10.20.0.0'), prefixLength: 16 }, { address: ip('fd00:20::'), prefixLength: 32 },
    { address: ip('0.0.0.0'), prefixLength: 0 },
  ];
  const to = routing(context, {
    links: [link(2, ['192.0.2.1']), link(3, ['198.51.100.1'], { networks })], defaultIfindex: 2,
  });
  assert.equal(to('7.3.20.10.in-addr.arpa'), ['198.51.100.1%eth3']);
  assert.equal(to('7.3.21.10.in-addr.arpa'), ['192.0.2.1%eth2']);
  assert.equal(to('1.0.0.0.0.2.0.0.0.0.d.f.ip6.arpa'), ['198.51.100.1%eth3']);
  assert.equal(to('1.0.0.0.1.2.0.0.0.0.d.f.ip6.arpa'), ['192.0.2.1%eth2']);
}));

test('what a VPN brings is its servers’ business: its domains, or everything', withScope(async (context) => {
  const vpn = (routedDomains: readonly string[]): LinkDns => link(9, ['10.8.0.1'], { routedDomains });
  const to = (name: string, ...routedDomains: string[]): string[] =>
    routing(context, { links: [link(2, ['192.0.2.1']), vpn(routedDomains)], defaultIfindex: 2 })(name);
  assert.equal(to('a.corp.example', 'corp.example'), ['10.8.0.1%eth9']);
  assert.equal(to('a.test', 'corp.example'), ['192.0.2.1%eth2']);
  assert.equal(to('a.test', '.'), ['10.8.0.1%eth9']);
}));

test.run();
