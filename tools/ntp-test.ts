/**
 * Drives the NTP client by hand: `npx tsx tools/ntp-test.ts [--device LINK] [--nameserver ADDRESS]
 * [--seconds N] SERVER…` asks the servers and prints what would be done to the clock, until Ctrl-C or
 * for N seconds. It sets nothing. Needs the addon (`npm run build`).
 */

import { parseArgs } from 'node:util';
import { resolveName } from '../src/dns/stub-resolver.ts';
import { NtpClient, type NtpEvent } from '../src/ntp/client.ts';
import { DeadlineClock } from '../src/shared/clock.ts';
import { parseIpAddress } from '../src/shared/ipaddress.ts';
import { debugFiles } from '../src/shared/log.ts';
import { systemRandom } from '../src/shared/random.ts';
import { createScope } from '../src/shared/scope.ts';
import { openSystem } from '../src/system/node-system.ts';
import { ADDON_PATH, buildAddon } from './build-addon.ts';

const { values, positionals: servers } = parseArgs({
  options: { device: { type: 'string' }, nameserver: { type: 'string' }, seconds: { type: 'string' } },
  allowPositionals: true,
});
if (servers.length === 0) throw new Error('usage: ntp-test.ts [--device LINK] [--nameserver ADDRESS] SERVER…');
if (process.env['CAUSEWAY_ADDON'] === undefined) {
  buildAddon(ADDON_PATH);
  process.env['CAUSEWAY_ADDON'] = ADDON_PATH;
}

debugFiles(['src/ntp/*']);
const scope = createScope();
const system = openSystem();
const clock = new DeadlineClock(system.bootTimeSource(scope));
const nameserver = parseIpAddress(values.nameserver ?? '');
const device = values.device === undefined ? {} : { device: values.device };
const env = { system, clock, random: systemRandom };
const client = new NtpClient({
  ...env,
  resolve: (name, signal) => {
    const query = { servers: nameserver === undefined ? [] : [nameserver], families: [4, 6] as const, ...device };
    return resolveName(name, query, env, signal);
  },
}, scope);
client.events.observe(scope, print);
if (values.seconds !== undefined) {
  clock.after('end', 1000 * Number(values.seconds), scope, () => void scope.close());
}
client.start({ servers, network: 'by hand', ...device });
process.once('SIGINT', () => void scope.close());

function print(event: NtpEvent): void {
  switch (event.kind) {
    case 'adjust': {
      const { how, offsetMs, address, stratum, distanceMs, leap } = event;
      const within = `within ${distanceMs.toFixed(3)} ms`;
      return console.log(`${how} ${offsetMs.toFixed(3)} ms by ${address}, stratum ${stratum}, ${within}, leap ${leap}`);
    }
    case 'disagreement':
      return console.log('the servers contradict each other');
    case 'kiss':
      return console.log(`${event.address} says ${event.code}`);
    case 'unfit':
      return console.log(`${event.address} is no help: ${event.why}`);
  }
}
