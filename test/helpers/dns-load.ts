/**
 * The proxy in the daemon itself under all the load one client can make, for as long as wished: many
 * more names than its cache holds, while the first of its two servers falls silent, comes back, dies
 * and is started anew. For a bounded test and for the long run of the bench.
 */

import { writeFileSync } from 'node:fs';
import { memory } from '../../tools/bench/process.ts';
import { SERVER_ADDRESS, STATUS_NAMES, type Cell } from './cell.ts';
import type { Child } from './child.ts';
import { plugIn, startDaemon, withWiredCell } from './wired.ts';

/** How much. */
export interface Load {
  readonly seconds: number;
  readonly names: number;
  /** Called about ten times. */
  readonly progress?: (line: string) => void;
}

/** What came of it. */
export interface LoadFigures {
  readonly completed: number;
  /** Without an answer within 5 s, as programs wait. */
  readonly lost: number;
  /** Answers other than NOERROR. */
  readonly refused: number;
  /** Megabytes of proportional memory: the most in the second and in the last fifth of the time. */
  readonly earlyMb: number;
  readonly lateMb: number;
  /** Of all names once more afterwards. */
  readonly askedAgain: { readonly completed: number; readonly lost: number; readonly refused: number };
}

const FIRST_SERVER = '10.77.0.2';
const ZONE = 'load.test';
const SAMPLES = 50;

/** Runs it in a cell of its own. */
export function loadProxy({ seconds, names, progress = () => undefined }: Load): Promise<LoadFigures> {
  const dnsmasq = {
    names: { ...STATUS_NAMES, [ZONE]: '10.9.9.9' },
    extra: [`--dhcp-option=6,${FIRST_SERVER},${SERVER_ADDRESS}`, '--local-ttl=3600'],
  };
  return withWiredCell({ dnsmasq, peers: ['dnsperf'] }, async (cell) => {
    // On a link of its own: the cell's dnsmasq may take what comes to the bridge.
    await cell.server.script(`ip link add first type bridge
ip link set first up
ip address add ${FIRST_SERVER}/32 dev first`);
    const first = await startFirst(cell);
    const { pid } = await startDaemon(cell);
    await plugIn(cell);
    const list = Array.from({ length: names }, (_, index) => `n${index}.${ZONE} A\n`).join('');
    writeFileSync(cell.device.path('/run/load'), list);
    const troubles = trouble(cell, first, seconds);
    const samples: number[] = [];
    const sampling = setInterval(() => {
      samples.push(memory(pid).pssKb / 1024);
      if (samples.length % 5 === 0) progress(`${(samples.length * 100) / SAMPLES} %: ${samples.at(-1)?.toFixed(1)} MB`);
    }, (seconds * 1000) / SAMPLES);
    const asked = await ask(cell, ['-l', String(seconds), '-c', '4', '-q', '100'], seconds);
    clearInterval(sampling);
    await troubles;
    const fifth = Math.floor(samples.length / 5);
    const earlyMb = Math.max(...samples.slice(fifth, 2 * fifth));
    const lateMb = Math.max(...samples.slice(-fifth));
    return { ...asked, earlyMb, lateMb, askedAgain: await ask(cell, ['-n', '1', '-q', '20'], 120) };
  });
}

async function ask(cell: Cell, words: readonly string[], seconds: number): Promise<LoadFigures['askedAgain']> {
  const timeoutMs = 1000 * seconds + 60_000;
  const argv = ['dnsperf', '-s', '127.0.0.1', '-t', '5', '-d', '/run/load', ...words];
  const { stdout } = await cell.device.run(argv, { timeoutMs });
  const figure = (name: string): number => Number(new RegExp(`${name}:?\\s+(\\d+)`).exec(stdout)?.[1] ?? 0);
  const completed = figure('Queries completed');
  return { completed, lost: figure('Queries lost'), refused: completed - figure('NOERROR') };
}

// A fifth of the time each: well, silent, well, dead, well.
async function trouble(cell: Cell, first: Child, seconds: number): Promise<void> {
  const fifth = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, (seconds * 1000) / 5));
  await fifth();
  first.freeze();
  await fifth();
  first.thaw();
  await fifth();
  await first.stop();
  await fifth();
  await startFirst(cell);
}

async function startFirst(cell: Cell): Promise<Child> {
  const server = cell.server.spawn([
    'dnsmasq', '--no-daemon', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--bind-interfaces',
    `--listen-address=${FIRST_SERVER}`, `--address=/${ZONE}/10.9.9.9`, '--local-ttl=3600',
  ]);
  await server.waitForLine((line) => /: started, /.test(line));
  return server;
}
