/**
 * Builds the native addon with plain `cc` against the headers of the running Node: no generator, no
 * package. Node-API 8 keeps one build loading on Node 20, 22 and 24. File paths are mapped away, so
 * that builds repeat byte for byte. CC, CFLAGS and CAUSEWAY_NODE_HEADERS make it a cross build.
 * `npx tsx tools/build-addon.ts [OUT]` builds by hand.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where the addon lies in the build tree, from the project's top. */
export const ADDON_PATH = 'build/lib/causeway/system.node';

/**
 * Compiles `src/system/addon` into `outFile` unless that is newer than every source (other flags need
 * another file, or none there). Replaces the file in one step, so that builds may run side by side.
 * Throws an Error that says what is missing.
 */
export function buildAddon(outFile: string): void {
  const root = projectRoot();
  const sources = join(root, 'src/system/addon');
  const files = readdirSync(sources).sort().map((name) => join(sources, name));
  if (isNewer(outFile, [...files, sources, join(root, 'tools/build-addon.ts')])) return;
  mkdirSync(dirname(resolve(outFile)), { recursive: true });
  const temporary = `${resolve(outFile)}.${process.pid}`;
  try {
    compile(root, files.filter((file) => file.endsWith('.c')), temporary);
    renameSync(temporary, outFile);
  } finally {
    rmSync(temporary, { force: true });
  }
}

function compile(root: string, files: readonly string[], outFile: string): void {
  const compiler = words(process.env['CC'] ?? 'cc');
  const flags = [
    '-std=gnu11', '-D_GNU_SOURCE', '-shared', '-fPIC', '-fvisibility=hidden', '-Wall', '-Wextra', '-Werror',
    `-ffile-prefix-map=${root}=.`, '-isystem', nodeHeaders(), ...words(process.env['CFLAGS'] ?? '-O2'),
  ];
  const command = [...compiler, ...flags, '-o', outFile, ...files, '-lm', ...words(process.env['LDFLAGS'] ?? '')];
  const [program = 'cc', ...args] = command;
  const result = spawnSync(program, args, { encoding: 'utf8' });
  if (result.error !== undefined) {
    throw new Error(`cannot run the C compiler "${program}": install one, or name it in CC`, { cause: result.error });
  }
  if (result.status !== 0) throw new Error(`the addon does not compile:\n${command.join(' ')}\n${result.stderr}`);
}

function nodeHeaders(): string {
  const folder = process.env['CAUSEWAY_NODE_HEADERS'] ?? join(dirname(process.execPath), '../include/node');
  if (existsSync(join(folder, 'node_api.h')) && existsSync(join(folder, 'uv.h'))) return folder;
  throw new Error(`no Node headers (node_api.h, uv.h) in ${folder}: install them (Debian: libnode-dev), ` +
    'or name their folder in CAUSEWAY_NODE_HEADERS');
}

function isNewer(outFile: string, files: readonly string[]): boolean {
  const built = statSync(outFile, { throwIfNoEntry: false })?.mtimeMs;
  return built !== undefined && files.every((file) => statSync(file).mtimeMs < built);
}

/** The folder with package.json above this file, bundled or not. */
function projectRoot(): string {
  const start = dirname(fileURLToPath(import.meta.url));
  for (let folder = start; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'src/system/addon'))) return folder;
    if (folder === dirname(folder)) throw new Error(`src/system/addon is not above ${start}`);
  }
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

// Not when bundled into another program.
if (process.argv[1]?.endsWith('/build-addon.ts')) buildAddon(process.argv[2] ?? join(projectRoot(), ADDON_PATH));
