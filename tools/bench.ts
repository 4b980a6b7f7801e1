/**
 * `npm run bench`: Causeway beside Debian's ConnMan, NetworkManager and systemd-networkd in one run:
 * link, start, idle, many links, DNS. Rounds are interleaved and their order alternates. Prints the
 * README's Markdown table; the figures of every round go to build/bench/bench.json.
 * `npm run bench -- [ROWS…] [--rounds N] [--daemons causeway,debian,…] [--no-build]`; dns, dns-load,
 * console, vpn and wifi stand alone and have options of their own.
 */

import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { messageOf } from '../src/shared/errors.ts';
import { withCell } from '../test/helpers/cell.ts';
import type { Figures } from './bench/cells.ts';
import { BENCHED, type Benched, type BenchedName } from './bench/daemons.ts';
import { measureLinks, measureListing } from './bench/links.ts';
import { measureIdle, measureLinkUp, measureStart, measureTwoStacks } from './bench/measure.ts';
import { build, load, machine } from './bench/setting.ts';
import { formatTable } from './bench/table.ts';
import { becomeRoot } from './lab/become-root.ts';

interface Rows {
  readonly about: string;
  /** Unless told otherwise; what takes long is measured less often. */
  readonly rounds: number;
  /** All at once: what is measured takes no time of the processor. */
  readonly isTogether?: true;
  measure(daemon: Benched): Promise<Figures>;
}

const ROWS: Readonly<Record<string, Rows>> = {
  link: { about: 'a cable plugged in, and again', rounds: 5, measure: measureLinkUp },
  stacks: { about: 'a cable to IPv4 and IPv6', rounds: 3, measure: measureTwoStacks },
  start: { about: 'a start on a plugged cable, memory', rounds: 5, measure: measureStart },
  idle: { about: 'connected, with nothing to do', rounds: 1, isTogether: true, measure: measureIdle },
  list: { about: 'a client asks about 120 links', rounds: 1, measure: measureListing },
  links: { about: 'a start on 10, 100 and 500 links', rounds: 1, measure: measureLinks },
};

/** Parts that are programs of their own. */
const ALONE: ReadonlySet<string> = new Set(['dns', 'dns-load', 'console', 'vpn', 'wifi']);

async function main(): Promise<void> {
  const [first = '', ...rest] = process.argv.slice(2);
  if (ALONE.has(first)) return runAlone(first, rest);
  const { values, positionals } = parseArgs({
    options: {
      rounds: { type: 'string' },
      daemons: { type: 'string', default: Object.keys(BENCHED).join(',') },
      'no-build': { type: 'boolean', default: false },
    },
    allowPositionals: true,
  });
  const names = values.daemons.split(',').map(daemonName);
  const rounds = values.rounds === undefined ? undefined : Number.parseInt(values.rounds, 10);
  if (rounds !== undefined && !(rounds >= 1)) throw new Error(`--rounds ${values.rounds}: a number from 1`);
  const rows = (positionals.length > 0 ? positionals : Object.keys(ROWS)).map(rowsNamed);
  becomeRoot();
  if (names.includes('causeway') && !values['no-build']) build();

  const headings = new Map<BenchedName, string>();
  for (const name of names) headings.set(name, `${BENCHED[name].title} ${await version(BENCHED[name])}`.trim());
  say('a round for warmth, not counted');
  for (const name of names.slice(0, 1)) await measureLinkUp(BENCHED[name]);
  const results = new Map<BenchedName, Figures[]>(names.map((name) => [name, []]));
  for (const { about, measure, isTogether, rounds: usual } of rows) {
    for (let round = 0; round < (rounds ?? usual); round++) {
      const one = async (name: BenchedName): Promise<void> => {
        say(`${about}, round ${round + 1} of ${rounds ?? usual}: ${headings.get(name)}`);
        results.get(name)?.push(await measure(BENCHED[name]));
      };
      if (isTogether) await Promise.all(names.map(one));
      else for (const name of round % 2 === 0 ? names : names.toReversed()) await one(name);
    }
  }
  const columns = names.map((name) => ({ heading: headings.get(name) ?? name, rounds: results.get(name) ?? [] }));
  mkdirSync('build/bench', { recursive: true });
  const all = { machine: machine(), load: load(), columns };
  writeFileSync('build/bench/bench.json', `${JSON.stringify(all, undefined, 1)}\n`);
  console.log(formatTable(columns));
  const counts = rows.map(({ about, rounds: usual }) => `${about}: ${rounds ?? usual}`).join('; ');
  console.log(`\n${machine()}; medians of so many rounds (${counts}), load at the end ${load()}.`);
  console.log('A dash: not there within 20 s. Memory is that of a Node which no other program shares, where not said.');
}

function daemonName(name: string): BenchedName {
  if (name === 'causeway' || name === 'debian' || name === 'networkmanager' || name === 'networkd') return name;
  throw new Error(`unknown daemon ${name}: ${Object.keys(BENCHED).join(', ')}`);
}

function rowsNamed(name: string): Rows {
  const rows = ROWS[name];
  if (rows !== undefined) return rows;
  throw new Error(`unknown rows ${name}: ${Object.keys(ROWS).join(', ')}; or ${[...ALONE].join(', ')} alone`);
}

function version(daemon: Benched): Promise<string> {
  return withCell({ ...daemon.cell, dnsmasq: false }, async (cell) => {
    const [program = ''] = /\S+$/.exec(daemon.argv.find((word) => /\S*\/\S+$/.test(word)) ?? '') ?? [];
    const text = await cell.device.output([program, '--version']);
    return /\d+(?:\.\d+)+|\d+/.exec(text)?.[0] ?? '';
  });
}

function runAlone(name: string, words: readonly string[]): void {
  const argv = ['--import', 'tsx', `tools/bench/${name}.ts`, ...words];
  process.exitCode = spawnSync(process.execPath, argv, { stdio: 'inherit' }).status ?? 1;
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

try {
  await main();
} catch (error) {
  say(messageOf(error));
  process.exitCode = 1;
}
