/**
 * How long a person waits for connmanctl: `connmanctl services` beside `node -e 0`, Debian's
 * connmanctl for comparison, wall time and CPU, in a cell with the daemon and one service.
 * `npm run bench -- console [--rounds 15] [--no-build]`.
 */

import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf } from '../../src/shared/errors.ts';
import type { Cell } from '../../test/helpers/cell.ts';
import { plugIn, startDaemon, withWiredCell } from '../../test/helpers/wired.ts';
import { becomeRoot } from '../lab/become-root.ts';
import { build, load, machine } from './setting.ts';
import { median } from './table.ts';

const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  'node -e 0': ['node', '-e', '0'],
  'connmanctl services': [resolve('build/bin/connmanctl'), 'services'],
  'connmanctl state': [resolve('build/bin/connmanctl'), 'state'],
  'connmanctl (Debian) services': ['/usr/bin/connmanctl', 'services'],
};

/** Runs a program as a shell does; milliseconds by the clock and of CPU, from getrusage(2). */
async function measure(cell: Cell, argv: readonly string[]): Promise<{ wallMs: number; cpuMs: number }> {
  // TIMEFORMAT of bash(1): seconds by the clock, in user mode and in the kernel.
  const line = `TIMEFORMAT='%3R %3U %3S'; time ${argv.map((word) => `'${word}'`).join(' ')} >/dev/null`;
  const { stderr } = await cell.device.run(['bash', '-c', line]);
  const [wall = 0, user = 0, system = 0] = stderr.trim().split(/\s+/).slice(-3).map(Number);
  return { wallMs: 1000 * wall, cpuMs: 1000 * (user + system) };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { rounds: { type: 'string', default: '15' }, 'no-build': { type: 'boolean', default: false } },
  });
  becomeRoot();
  if (!values['no-build']) build();
  await withWiredCell({}, async (cell) => {
    await startDaemon(cell);
    await plugIn(cell);
    const figures = new Map<string, Times>(Object.keys(PROGRAMS).map((name) => [name, { wall: [], cpu: [] }]));
    for (let round = -2; round < Number(values.rounds); round++) {
      for (const [name, argv] of Object.entries(PROGRAMS)) {
        const { wallMs, cpuMs } = await measure(cell, argv);
        if (round < 0) continue;
        figures.get(name)?.wall.push(wallMs);
        figures.get(name)?.cpu.push(cpuMs);
      }
    }
    console.log(table(figures));
  });
  console.log(`\n${machine()}; medians of ${values.rounds} rounds, load at the end ${load()}.`);
}

/** Of one program in all rounds, milliseconds. */
interface Times {
  readonly wall: number[];
  readonly cpu: number[];
}

function table(figures: ReadonlyMap<string, Times>): string {
  const base = median(figures.get('node -e 0')?.wall ?? []) ?? 1;
  const rows = [...figures].map(([name, { wall, cpu }]) => {
    const [wallMs = 0, cpuMs = 0] = [median(wall), median(cpu)];
    return `| ${name} | ${wallMs.toFixed(0)} | ${cpuMs.toFixed(0)} | ${(wallMs / base).toFixed(2)} |`;
  });
  return ['| median | ms | CPU ms | : node -e 0 |', '|---|---:|---:|---:|', ...rows].join('\n');
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}
