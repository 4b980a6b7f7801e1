/**
 * `npm run build`: the programs as bundles in build/lib/causeway, the addon beside them, and
 * build/bin/NAME to start them from anywhere. `--addon` or `--programs` builds one half,
 * `--all-features` ignores what was configured. Building twice gives the same bytes, but for V8's
 * code cache, which is no part of the programs: without it, or on another Node, they start slower.
 */

import { formatMessages, type BuildFailure, type Metafile } from 'esbuild';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf } from '../src/shared/errors.ts';
import { ADDON_PATH, buildAddon } from './build-addon.ts';
import { movableLauncher } from './launcher.ts';
import { LOADER, cacheName, makeCodeCache } from './loader.ts';
import { PROGRAMS, bundleProgram, fullConfiguration, isWanted } from './programs.ts';

const LIBRARY = dirname(ADDON_PATH);

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { addon: { type: 'boolean' }, programs: { type: 'boolean' }, 'all-features': { type: 'boolean' } },
  });
  const isWhole = values.addon === values.programs;
  if (isWhole || values.addon === true) buildAddon(ADDON_PATH);
  if (isWhole || values.programs === true) await buildPrograms(values['all-features'] === true);
}

async function buildPrograms(hasAllFeatures: boolean): Promise<void> {
  const configuration = hasAllFeatures ? fullConfiguration() : undefined;
  const { directories } = configuration ?? (await import('../src/directories.ts'));
  const metafiles: Record<string, Metafile> = {};
  for (const program of PROGRAMS) {
    if (!isWanted(program, metafiles)) continue;
    const { text, metafile } = await bundleProgram(program, configuration);
    metafiles[program.name] = metafile;
    replaceFile(`${LIBRARY}/${program.name}.js`, text, 0o644);
    replaceFile(`${LIBRARY}/${program.name}.cjs`, LOADER, 0o644);
    replaceFile(`${LIBRARY}/${cacheName(program.name)}`, makeCodeCache(text, `${LIBRARY}/${program.name}.js`), 0o644);
    if (program.directory !== undefined) {
      replaceFile(`build/bin/${program.name}`, movableLauncher(program.name, '../lib/causeway'), 0o755);
    }
    console.log(`${program.name}: ${Math.round(text.length / 1024)} KiB`);
  }
  replaceFile('build/built.json', JSON.stringify({ directories, metafiles }, undefined, 1), 0o644);
}

/** Writes only what differs and never half a file, so that a program may run while it is built. */
function replaceFile(path: string, content: string | Uint8Array, mode: number): void {
  const bytes = Buffer.from(content);
  if (readIfThere(path)?.equals(bytes) === true) return;
  mkdirSync(dirname(path), { recursive: true });
  const unfinished = `${path}.${process.pid}`;
  writeFileSync(unfinished, bytes, { mode });
  renameSync(unfinished, path);
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && 'errors' in error;
}

try {
  await main();
} catch (error) {
  if (isBuildFailure(error)) console.error((await formatMessages(error.errors, { kind: 'error' })).join(''));
  else console.error(`build: ${messageOf(error)}`);
  process.exitCode = 1;
}
