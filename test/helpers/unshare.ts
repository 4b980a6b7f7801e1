/**
 * Lets a test file run in namespaces of its own: it starts itself again under unshare(1), as root
 * there, and outside only passes on how that ended. Nothing a test does reaches the machine.
 */

import { spawnSync } from 'node:child_process';

const MARK = 'CAUSEWAY_TEST_NAMESPACES';

/**
 * Call it before the first test: it returns only inside. `flags` are those of unshare(1) beside
 * `--user --map-root-user`, such as `--net`, `--uts`, `--mount`.
 */
export function enterNamespaces(...flags: string[]): void {
  const wanted = flags.join(' ');
  if (process.env[MARK] === wanted) return;
  const self = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const inside = spawnSync('unshare', ['--user', '--map-root-user', ...flags, '--', ...self], {
    stdio: 'inherit',
    env: { ...process.env, [MARK]: wanted },
  });
  if (inside.error !== undefined) throw inside.error;
  process.exit(inside.status ?? 1);
}
