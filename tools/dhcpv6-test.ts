/**
 * Drives the DHCPv6 client, or with `--routers` router discovery, by hand on a link that is up:
 * `npx tsx tools/dhcpv6-test.ts LINK [--stateless] [--prefix] [--temporary] [--release] [--routers]`
 * prints what happens until Ctrl-C. It configures nothing. Needs the addon and the right to open
 * raw sockets.
 */

import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { type Dhcpv6Event, formatLease6, makeDuid, startDhcpv6Client } from '../src/dhcpv6/client.ts';
import { type RouterInformation, startRouterDiscovery } from '../src/ndp/router-discovery.ts';
import { parseHex } from '../src/shared/bytes.ts';
import { DeadlineClock } from '../src/shared/clock.ts';
import { IpAddress } from '../src/shared/ipaddress.ts';
import { debugFiles } from '../src/shared/log.ts';
import { systemRandom } from '../src/shared/random.ts';
import { createScope } from '../src/shared/scope.ts';
import { openSystem } from '../src/system/node-system.ts';
import { ADDON_PATH, buildAddon } from './build-addon.ts';

const isOff = { type: 'boolean', default: false } as const;
const { values, positionals: [name] } = parseArgs({
  options: { stateless: isOff, prefix: isOff, temporary: isOff, release: isOff, routers: isOff },
  allowPositionals: true,
});
if (name === undefined) {
  throw new Error('usage: dhcpv6-test.ts LINK [--stateless] [--prefix] [--temporary] [--release] [--routers]');
}

// Of this process's network namespace, which /sys need not show.
const shown = execFileSync('ip', ['-o', 'link', 'show', 'dev', name], { encoding: 'utf8' });
const [, ifindex] = /^(\d+):/.exec(shown) ?? [];
const [, address = ''] = /link\/ether (\S+)/.exec(shown) ?? [];
const hardwareAddress = parseHex(address.replaceAll(':', ''));
if (hardwareAddress?.length !== 6) throw new Error(`${name} is no Ethernet link`);
if (process.env['CAUSEWAY_ADDON'] === undefined) {
  buildAddon(ADDON_PATH);
  process.env['CAUSEWAY_ADDON'] = ADDON_PATH;
}

debugFiles(['src/dhcpv6/*', 'src/ndp/*']);
const scope = createScope();
const system = openSystem();
const clock = new DeadlineClock(system.bootTimeSource(scope));
const env = { system, clock, random: systemRandom };
const link = { ifindex: Number(ifindex), name, hardwareAddress };
const startedAt = clock.now();

if (values.routers) {
  const discovery = startRouterDiscovery(link, env, scope);
  discovery.changed.observe(scope, printRouters);
  discovery.silent.observe(scope, () => console.log(`${elapsed()}: no router answers`));
  process.once('SIGINT', () => void scope.close());
} else {
  const client = startDhcpv6Client({
    ...link,
    duid: makeDuid(hardwareAddress, clock.wallTime()),
    iaid: Buffer.from(hardwareAddress).readUInt32BE(2),
    mode: values.stateless ? 'stateless' : 'stateful',
    wantsPrefix: values.prefix,
    wantsTemporary: values.temporary,
  }, env, scope);
  client.events.observe(scope, print);
  process.once('SIGINT', () => {
    client.stop({ release: values.release });
    void scope.close();
  });
}

function elapsed(): string {
  return `${(clock.now() - startedAt).toFixed(1)} ms`;
}

function print(event: Dhcpv6Event): void {
  console.log(`${elapsed()}: ${event.kind}`);
  if (event.kind !== 'bound') return;
  for (const [key, value] of formatLease6(event.lease, clock)) console.log(`  ${key}=${value}`);
}

function printRouters(information: RouterInformation): void {
  console.log(`${elapsed()}: routers say`);
  for (const [key, value] of Object.entries(information)) {
    const text = JSON.stringify(value, (_, each: unknown) => (each instanceof IpAddress ? String(each) : each));
    console.log(`  ${key}=${text}`);
  }
}
