/**
 * Drives the stub resolver by hand: `npx tsx tools/resolv-test.ts HOST SERVER… [--device LINK]
 * [--family 4|6] [--debug]` asks name servers for addresses, both families unless told, and prints
 * them with the time it took.
 */

import { parseArgs } from 'node:util';
import { DeadlineClock } from '../src/shared/clock.ts';
import { messageOf } from '../src/shared/errors.ts';
import { parseIpAddress } from '../src/shared/ipaddress.ts';
import { debugFiles } from '../src/shared/log.ts';
import { systemRandom } from '../src/shared/random.ts';
import { createScope } from '../src/shared/scope.ts';
import { resolveName } from '../src/dns/stub-resolver.ts';
import { openSystem } from '../src/system/node-system.ts';
import { ADDON_PATH, buildAddon } from './build-addon.ts';

const { values, positionals: [host, ...words] } = parseArgs({
  options: { device: { type: 'string' }, family: { type: 'string' }, debug: { type: 'boolean', default: false } },
  allowPositionals: true,
});
if (host === undefined) throw new Error('usage: resolv-test.ts HOST SERVER… [--device LINK] [--family 4|6] [--debug]');
const servers = words.map((word) => {
  const address = parseIpAddress(word);
  if (address === undefined) throw new Error(`${word} is no address`);
  return address;
});
if (process.env['CAUSEWAY_ADDON'] === undefined) {
  buildAddon(ADDON_PATH);
  process.env['CAUSEWAY_ADDON'] = ADDON_PATH;
}

if (values.debug) debugFiles(['src/dns/*']);
const scope = createScope();
const system = openSystem();
const clock = new DeadlineClock(system.bootTimeSource(scope));
const startedMs = clock.now();
try {
  const addresses = await resolveName(host, {
    servers,
    families: values.family === '4' ? [4] : values.family === '6' ? [6] : [4, 6],
    ...(values.device === undefined ? {} : { device: values.device }),
  }, { system, clock, random: systemRandom }, scope.signal);
  for (const address of addresses) console.log(String(address));
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 1;
}
console.error(`${(clock.now() - startedMs).toFixed(1)} ms`);
await scope.close();
