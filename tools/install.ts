/**
 * `npm run install:system -- --destdir DIR`: puts what was built and configured below DIR (`/` is
 * this machine): programs, bus policy, units, tmpfiles, start scripts, man pages, shell completion
 * and a sample main.conf, which replaces none that is there. Modes do not depend on the umask.
 */

import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { GENERAL } from '../src/daemon/main-conf.ts';
import { messageOf } from '../src/shared/errors.ts';
import { documents } from './documents/documents.ts';
import type { Directories } from './configure/directories.ts';
import { TEMPLATES, fillIn } from './install-files.ts';
import { installedLauncher } from './launcher.ts';
import { programFiles } from './loader.ts';
import { PROGRAMS } from './programs.ts';
import { formatSample } from './sample-conf.ts';

/** What tools/build.ts says it built: the directories in the programs, and esbuild's record of each program. */
interface Built {
  readonly directories: Directories;
  readonly metafiles: Readonly<Record<string, { readonly inputs: object }>>;
}

function main(): void {
  const { destdir } = parseArgs({ options: { destdir: { type: 'string' } } }).values;
  if (destdir === undefined) throw new Error('give --destdir DIR; --destdir / installs on this machine');
  if (!existsSync('build/built.json')) throw new Error('nothing is built: npm run build comes first');
  const { directories, metafiles }: Built = JSON.parse(readFileSync('build/built.json', 'utf8'));
  process.umask(0o022);
  const put = (path: string, content: string | Uint8Array, mode = 0o644): void => {
    installFile(join(destdir, path), content, mode);
    console.log(path);
  };
  const library = `${directories.libdir}/causeway`;
  for (const program of PROGRAMS.filter(({ name }) => metafiles[name] !== undefined)) {
    for (const file of programFiles(program.name)) {
      put(`${library}/${file}`, readFileSync(`build/lib/causeway/${file}`));
    }
    if (program.directory === undefined) continue;
    const isScript = program.directory === 'scripts';
    const folder = isScript ? `${directories.libdir}/connman/scripts` : directories[program.directory];
    put(`${folder}/${program.name}`, installedLauncher(program.name, library), 0o755);
  }
  put(`${library}/system.node`, readFileSync('build/lib/causeway/system.node'), 0o755);
  const hasPlugin = (name: string): boolean => Object.hasOwn(metafiles['connmand']?.inputs ?? {}, `plugins/${name}.ts`);
  for (const file of TEMPLATES) {
    const [, not, plugin] = /^(!?)(.+)$/.exec(file.plugin ?? '') ?? [];
    if (metafiles[file.program] === undefined) continue;
    if (plugin !== undefined && hasPlugin(plugin) === (not === '!')) continue;
    const text = fillIn(readFileSync(file.template, 'utf8'), directories);
    put(file.target(directories), text, file.isExecutable === true ? 0o755 : 0o644);
  }
  for (const { path, text, program } of documents(directories)) {
    if (program === undefined || metafiles[program] !== undefined) put(path, text);
  }
  const mainConf = `${directories.sysconfdir}/connman/main.conf`;
  if (existsSync(join(destdir, mainConf))) console.log(`${mainConf} (kept)`);
  else put(mainConf, formatSample('General', GENERAL));
}

/** Never half a file: a running daemon keeps the one it has open. */
function installFile(path: string, content: string | Uint8Array, mode: number): void {
  mkdirSync(dirname(path), { recursive: true });
  const unfinished = `${path}.${process.pid}`;
  writeFileSync(unfinished, content);
  chmodSync(unfinished, mode);
  renameSync(unfinished, path);
}

try {
  main();
} catch (error) {
  console.error(`install: ${messageOf(error)}`);
  process.exitCode = 1;
}
