/**
 * `npm run bench`: how long a link takes to be online, a start, and memory, beside Debian's connmand
 * and NetworkManager in one run. Rounds are interleaved and their order alternates. Prints the
 * README's Markdown table; the figures of every round go to build/bench/bench.json.
 * `--rounds N`, `--daemons causeway,debian,networkmanager`, `--no-build`.
 */

import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg, release } from 'node:os';
import { parseArgs } from 'node:util';
import { withCell } from '../test/helpers/cell.ts';
import { DAEMONS, type Daemon, type DaemonName } from '../test/helpers/daemons.ts';
import { measureLinkUp, measureStart, type Figures } from './bench/measure.ts';
import { formatTable } from './bench/table.ts';
import { becomeRoot } from './lab/become-root.ts';

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '5' },
      daemons: { type: 'string', default: Object.keys(DAEMONS).join(',') },
      'no-build': { type: 'boolean', default: false },
    },
  });
  const names = values.daemons.split(',').map(daemonName);
  const rounds = Number.parseInt(values.rounds, 10);
  if (!(rounds >= 1)) throw new Error(`--rounds ${values.rounds}: a number from 1`);
  becomeRoot();
  if (names.includes('causeway') && !values['no-build']) build();

  const headings = new Map<DaemonName, string>();
  for (const name of names) headings.set(name, `${DAEMONS[name].title} ${await version(DAEMONS[name])}`);
  say('a round for warmth, not counted');
  for (const name of names.slice(0, 1)) await measureLinkUp(DAEMONS[name]);
  const results = new Map<DaemonName, Figures[]>(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      say(`round ${round + 1} of ${rounds}: ${headings.get(name)}`);
      const linkUp = await measureLinkUp(DAEMONS[name]);
      results.get(name)?.push({ ...linkUp, ...(await measureStart(DAEMONS[name])) });
    }
  }
  const columns = names.map((name) => ({ heading: headings.get(name) ?? name, rounds: results.get(name) ?? [] }));
  const machine = `Linux ${release()}, ${availableParallelism()} CPUs, Node ${process.versions.node}`;
  const load = loadavg().map((value) => value.toFixed(2)).join(' ');
  mkdirSync('build/bench', { recursive: true });
  writeFileSync('build/bench/bench.json', `${JSON.stringify({ machine, load, columns }, undefined, 1)}\n`);
  console.log(formatTable(columns));
  console.log(`\n${machine}; medians of ${rounds} rounds, load at the end ${load}.`);
  console.log('Memory is that of a Node which no other program shares. A dash: not there within 20 s.');
}

function daemonName(name: string): DaemonName {
  if (name === 'causeway' || name === 'debian' || name === 'networkmanager') return name;
  throw new Error(`unknown daemon ${name}: ${Object.keys(DAEMONS).join(', ')}`);
}

function version(daemon: Daemon): Promise<string> {
  return withCell({ ...daemon.cell, dnsmasq: false }, async (cell) => {
    const text = await cell.device.output([daemon.argv[0] ?? '', '--version']);
    return /\d+(?:\.\d+)+/.exec(text)?.[0] ?? '';
  });
}

function build(): void {
  const { status } = spawnSync(process.execPath, ['--import', 'tsx', 'tools/build.ts'], { stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new Error('the build failed');
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

try {
  await main();
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
