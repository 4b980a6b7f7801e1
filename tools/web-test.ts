/**
 * Drives the HTTP client by hand: `npx tsx tools/web-test.ts URL [--nameserver ADDRESS]…
 * [--device LINK] [--family 4|6] [--user-agent TEXT] [--check] [--debug]` asks for a page and prints
 * status, headers and body (to 1 MiB), or with `--check` what the online check makes of it.
 */

import { parseArgs } from 'node:util';
import { DeadlineClock } from '../src/shared/clock.ts';
import { messageOf } from '../src/shared/errors.ts';
import { parseIpAddress, type IpAddress } from '../src/shared/ipaddress.ts';
import { debugFiles } from '../src/shared/log.ts';
import { systemRandom } from '../src/shared/random.ts';
import { createScope } from '../src/shared/scope.ts';
import { resolveName } from '../src/dns/stub-resolver.ts';
import { checkOnce } from '../src/online-check/request.ts';
import { openSystem } from '../src/system/node-system.ts';
import { VERSION } from '../src/version.ts';
import { httpRequest } from '../src/web/http-request.ts';
import { ADDON_PATH, buildAddon } from './build-addon.ts';

const { values, positionals: [url] } = parseArgs({
  options: {
    nameserver: { type: 'string', multiple: true, default: [] },
    device: { type: 'string' },
    family: { type: 'string', default: '4' },
    'user-agent': { type: 'string', default: `ConnMan/${VERSION}` },
    check: { type: 'boolean', default: false },
    debug: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
if (url === undefined) throw new Error('usage: web-test.ts URL [--nameserver ADDRESS]… [--device LINK] [--check] …');
const family = values.family === '6' ? 6 : 4;
const servers = values.nameserver.map(address);
if (process.env['CAUSEWAY_ADDON'] === undefined) {
  buildAddon(ADDON_PATH);
  process.env['CAUSEWAY_ADDON'] = ADDON_PATH;
}

if (values.debug) debugFiles(['src/dns/*', 'src/web/*', 'src/online-check/*']);
const scope = createScope();
const system = openSystem();
const env = { system, clock: new DeadlineClock(system.bootTimeSource(scope)), random: systemRandom };
const device = values.device === undefined ? {} : { device: values.device };
const startedMs = env.clock.now();
try {
  await (values.check ? check(url) : get(url));
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 1;
}
console.error(`${(env.clock.now() - startedMs).toFixed(1)} ms`);
await scope.close();

async function get(page: string): Promise<void> {
  const resolve = (host: string): Promise<IpAddress[]> =>
    resolveName(host, { servers, families: [family], ...device }, env, scope.signal);
  const limits = { bodyBytes: 1 << 20 };
  const userAgent = values['user-agent'];
  const reply = await httpRequest({ url: page, family, userAgent, resolve, limits, ...device }, env, scope.signal);
  console.error(`${reply.status} from ${reply.address}`);
  for (const [name, value] of Object.entries(reply.headers)) console.error(`${name}: ${value}`);
  process.stdout.write(reply.body);
}

async function check(page: string): Promise<void> {
  if (values.device === undefined) throw new Error('--check needs --device');
  const target = { device: values.device, type: 'ethernet', family, nameservers: () => servers } as const;
  const outcome = await checkOnce(target, { url: page, connectTimeoutMs: 0, version: VERSION }, env, scope);
  console.log(JSON.stringify(outcome));
}

function address(text: string): IpAddress {
  const parsed = parseIpAddress(text);
  if (parsed === undefined) throw new Error(`${text} is no address`);
  return parsed;
}
