/**
 * The DNS proxy alone: `npx tsx tools/dnsproxy-standalone.ts [--listen ADDRESS[:PORT]]... SERVER...`.
 * A server is `address[:port]`, or `address#name` for DNS over TLS. It needs no bus, writes no file
 * and takes no configuration; SIGUSR1 prints what it has seen, SIGUSR2 forgets all answers.
 */

import { readFileSync } from 'node:fs';
import { DeadlineClock } from '../src/shared/clock.ts';
import { parseIpAddress } from '../src/shared/ipaddress.ts';
import { systemRandom } from '../src/shared/random.ts';
import { createScope } from '../src/shared/scope.ts';
import { openSystem } from '../src/system/node-system.ts';
import type { NameServer } from '../src/dns-backend/backend.ts';
import { listenAddresses } from '../src/dns-backend/proxy/listen-addresses.ts';
import { Proxy } from '../src/dns-backend/proxy/proxy.ts';

const scope = createScope();
const system = openSystem();
const clock = new DeadlineClock(system.bootTimeSource(scope));
const { listen, servers, domains } = readArguments(process.argv.slice(2));
const env = { system, clock, random: systemRandom, linkName: () => undefined, isRebindingStopped: false };
const proxy = new Proxy(env, scope);

proxy.resolution.setHosts(readFileSync('/etc/hosts', 'utf8'));
proxy.useServers(servers);
proxy.resolution.setDomains(domains);
for (const where of listenAddresses(listen, (part) => fail(`${part} is no address to answer on`))) {
  const port = await proxy.serve(where, scope);
  process.stdout.write(`answering on ${where.address} port ${port}\n`);
}
process.on('SIGUSR1', () => {
  const { cache } = proxy.resolution;
  const health = proxy.upstreams.map(({ name, health: { asked, answers, failures, roundTripMs } }) => {
    return { name, asked, answers, failures, roundTripMs };
  });
  const { rss, heapUsed } = process.memoryUsage();
  process.stdout.write(`${JSON.stringify({ cache: cache.counts, servers: health, rss, heapUsed })}\n`);
});
process.on('SIGUSR2', () => proxy.resolution.cache.clear());
process.once('SIGTERM', () => process.exit(0));

interface Arguments {
  readonly listen: string | undefined;
  readonly servers: readonly NameServer[];
  readonly domains: readonly string[];
}

function readArguments(words: readonly string[]): Arguments {
  const listens: string[] = [];
  const found: NameServer[] = [];
  const searched: string[] = [];
  const queue = [...words];
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    if (word === '--listen') listens.push(queue.shift() ?? '');
    else if (word === '--domain') searched.push(queue.shift() ?? '');
    else found.push(readServer(word));
  }
  if (found.length === 0) fail('usage: dnsproxy-standalone [--listen ADDRESS[:PORT]]... [--domain NAME]... SERVER...');
  return { listen: listens.length === 0 ? undefined : listens.join(','), servers: found, domains: searched };
}

function readServer(word: string): NameServer {
  const [place = '', tlsName] = word.split('#', 2);
  const [where] = listenAddresses(place, () => fail(`${word} is no server`));
  const plain = parseIpAddress(place);
  const address = plain ?? where?.address;
  if (address === undefined) return fail(`${word} is no server`);
  const port = plain === undefined ? where?.port : undefined;
  return { address, ...(port === undefined ? {} : { port }), ...(tlsName === undefined ? {} : { tlsName }) };
}

function fail(text: string): never {
  process.stderr.write(`${text}\n`);
  process.exit(2);
}
