/**
 * Drives the DHCPv4 client by hand: `npx tsx tools/dhcp-test.ts LINK [--last ADDRESS] [--release]`
 * asks for a lease on a link that is up and prints what happens, until Ctrl-C. It configures
 * nothing. Needs the addon (`npm run build`) and the right to open packet sockets.
 */

import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { type ClientEvent, formatLease, startDhcpClient } from '../src/dhcp/client.ts';
import { parseHex } from '../src/shared/bytes.ts';
import { DeadlineClock } from '../src/shared/clock.ts';
import { parseIpv4 } from '../src/shared/ipaddress.ts';
import { debugFiles } from '../src/shared/log.ts';
import { systemRandom } from '../src/shared/random.ts';
import { createScope } from '../src/shared/scope.ts';
import { openSystem } from '../src/system/node-system.ts';
import { ADDON_PATH, buildAddon } from './build-addon.ts';

const { values, positionals: [name] } = parseArgs({
  options: { last: { type: 'string' }, release: { type: 'boolean', default: false } },
  allowPositionals: true,
});
if (name === undefined) throw new Error('usage: dhcp-test.ts LINK [--last ADDRESS] [--release]');

// Of this process's network namespace, which /sys need not show.
const [, ifindex] = /^(\d+):/.exec(showLink(name)) ?? [];
const [, address = ''] = /link\/ether (\S+)/.exec(showLink(name)) ?? [];
const hardwareAddress = parseHex(address.replaceAll(':', ''));
if (hardwareAddress?.length !== 6) throw new Error(`${name} is no Ethernet link`);
if (process.env['CAUSEWAY_ADDON'] === undefined) {
  buildAddon(ADDON_PATH);
  process.env['CAUSEWAY_ADDON'] = ADDON_PATH;
}

debugFiles(['src/dhcp/*']);
const scope = createScope();
const system = openSystem();
const clock = new DeadlineClock(system.bootTimeSource(scope));
const startedAt = clock.now();
const lastAddress = values.last === undefined ? undefined : parseIpv4(values.last);
const client = startDhcpClient(
  { ifindex: Number(ifindex), name, hardwareAddress, ...(lastAddress && { lastAddress }) },
  { system, clock, random: systemRandom },
  scope,
);
client.events.observe(scope, print);
process.once('SIGINT', () => {
  client.stop({ release: values.release });
  void scope.close();
});

function showLink(link: string): string {
  return execFileSync('ip', ['-o', 'link', 'show', 'dev', link], { encoding: 'utf8' });
}

function print(event: ClientEvent): void {
  console.log(`${(clock.now() - startedAt).toFixed(1)} ms: ${event.kind}`);
  if (event.kind !== 'bound') return;
  for (const [key, value] of formatLease(event.lease, clock)) console.log(`  ${key}=${value}`);
}
