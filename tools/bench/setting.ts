/** What every part of the bench begins and ends with: a fresh build, and where it ran. */

import { spawnSync } from 'node:child_process';
import { availableParallelism, loadavg, release } from 'node:os';

/** Builds what is measured; throws when that fails. */
export function build(): void {
  const { status } = spawnSync(process.execPath, ['--import', 'tsx', 'tools/build.ts'], { stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new Error('the build failed');
}

/** `Linux …, 2 CPUs, Node …`. */
export function machine(): string {
  return `Linux ${release()}, ${availableParallelism()} CPUs, Node ${process.versions.node}`;
}

/** The machine's load of the last 1, 5 and 15 minutes. */
export function load(): string {
  return loadavg().map((value) => value.toFixed(2)).join(' ');
}
