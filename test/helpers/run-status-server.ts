/**
 * Starts a TypeScript program of this folder with Node inside a namespace: translated by esbuild
 * here, so that neither a build nor a loader is needed there. The status server is started so.
 */

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { transform } from 'esbuild';
import type { Child } from './child.ts';
import type { EventLog } from './event-log.ts';
import type { Namespace } from './namespace.ts';

/** Starts the status server on port 80 of `address`; ready to answer on return. */
export async function startStatusServer(namespace: Namespace, address: string, log: EventLog): Promise<Child> {
  const server = await spawnTypeScript(namespace, 'test/helpers/status-server.ts', [address]);
  await server.waitForLine((line) => line === 'listening');
  server.observe((line) => {
    const [path, client] = line.split(' ');
    if (path !== undefined && client !== undefined) log.add({ kind: 'http', path, client });
  });
  return server;
}

/** Runs a self-contained TypeScript file, named from the project's folder, with Node inside. */
export async function spawnTypeScript(
  namespace: Namespace,
  file: string,
  words: readonly string[],
): Promise<Child> {
  const source = readFileSync(resolve(file), 'utf8');
  const { code } = await transform(source, { loader: 'ts', format: 'esm', target: 'node20' });
  return namespace.spawn([process.execPath, '--input-type=module', '--eval', code, '--', ...words]);
}
