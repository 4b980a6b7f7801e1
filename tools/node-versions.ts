/**
 * Other releases of Node to test on, fetched as npm packages: `node-linux-<arch>` holds the
 * official binary. Exact versions, so that two runs test the same; kept in the user's cache.
 */

import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { arch, homedir } from 'node:os';
import { promisify } from 'node:util';

/** The releases besides the one that runs the tests. */
export const SUPPORTED_NODES = ['22.23.3', '24.21.0'] as const;

/** Where what tests fetch is kept between runs. */
const CACHE = `${process.env['XDG_CACHE_HOME'] ?? `${homedir()}/.cache`}/causeway`;

/** The path of the binary of Node `version`, installed with npm if need be; throws when it cannot be had. */
export async function provideNode(version: string, tell: (line: string) => void): Promise<string> {
  const directory = `${CACHE}/node-${version}`;
  const packageName = `node-linux-${arch()}`;
  const binary = `${directory}/node_modules/${packageName}/bin/node`;
  if (existsSync(binary)) return binary;
  tell(`fetching Node ${version} (npm package ${packageName})`);
  const unfinished = `${directory}.${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  try {
    const npm = promisify(execFile);
    await npm('npm', ['install', '--prefix', unfinished, '--no-save', '--no-audit', `${packageName}@${version}`]);
    renameSync(unfinished, directory);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return binary;
}

if (process.argv[1]?.endsWith('tools/node-versions.ts') === true) {
  for (const version of SUPPORTED_NODES) console.log(await provideNode(version, (line) => console.error(line)));
}
