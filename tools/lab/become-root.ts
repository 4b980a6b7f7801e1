/**
 * Root, if only over namespaces of one's own: what lab and bench need to make a network.
 */

import { spawnSync } from 'node:child_process';

/** Runs this program again under `unshare -r` unless it is root, and ends with its exit status. */
export function becomeRoot(): void {
  if (process.geteuid?.() === 0) return;
  const [, script = '', ...words] = process.argv;
  const argv = ['-r', '--', process.execPath, ...process.execArgv, script, ...words];
  const { status, error } = spawnSync('unshare', argv, { stdio: 'inherit' });
  if (error !== undefined) throw new Error(`needs root, or unshare(1) to play it: ${error.message}`);
  process.exit(status ?? 1);
}
