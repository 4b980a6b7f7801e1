/**
 * `npm run install:system -- --destdir DIR`: puts what was built and configured below DIR (`/` is
 * this machine): programs, bus policy, units, tmpfiles, start scripts and a sample main.conf, which
 * replaces none that is there. Modes do not depend on the umask.
 */

import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { GENERAL } from '../src/daemon/main-conf.ts';
import { directories } from '../src/directories.ts';
import { TEMPLATES, fillIn } from './install-files.ts';
import { installedLauncher } from './launcher.ts';
import { PROGRAMS } from './programs.ts';
import { formatSample } from './sample-conf.ts';

function main(): void {
  const { destdir } = parseArgs({ options: { destdir: { type: 'string' } } }).values;
  if (destdir === undefined) throw new Error('give --destdir DIR; --destdir / installs on this machine');
  if (!existsSync('build/metafile.json')) throw new Error('nothing is built: npm run build comes first');
  const put = (path: string, content: string | Uint8Array, mode = 0o644): void => {
    installFile(join(destdir, path), content, mode);
    console.log(path);
  };
  const library = `${directories.libdir}/causeway`;
  const built = builtInputs();
  for (const program of PROGRAMS.filter(({ name }) => built.has(name))) {
    put(`${library}/${program.name}.mjs`, readFileSync(`build/lib/causeway/${program.name}.mjs`));
    put(`${directories[program.directory]}/${program.name}`, installedLauncher(program.name, library), 0o755);
  }
  put(`${library}/system.node`, readFileSync('build/lib/causeway/system.node'), 0o755);
  const hasPolkit = built.get('connmand')?.includes('plugins/polkit.ts') === true;
  for (const file of TEMPLATES) {
    if (!built.has(file.program) || (file.hasPolkit ?? hasPolkit) !== hasPolkit) continue;
    const text = fillIn(readFileSync(file.template, 'utf8'), directories);
    put(file.target(directories), text, file.isExecutable === true ? 0o755 : 0o644);
  }
  const mainConf = `${directories.sysconfdir}/connman/main.conf`;
  if (existsSync(join(destdir, mainConf))) console.log(`${mainConf} (kept)`);
  else put(mainConf, formatSample('General', GENERAL));
}

/** Program → the source files in it. */
function builtInputs(): ReadonlyMap<string, readonly string[]> {
  const metafiles: Record<string, { inputs: object }> = JSON.parse(readFileSync('build/metafile.json', 'utf8'));
  return new Map(Object.entries(metafiles).map(([name, { inputs }]) => [name, Object.keys(inputs)]));
}

/** Never half a file: a running daemon keeps the one it has open. */
function installFile(path: string, content: string | Uint8Array, mode: number): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  const unfinished = `${path}.${process.pid}`;
  writeFileSync(unfinished, content);
  chmodSync(unfinished, mode);
  renameSync(unfinished, path);
}

try {
  main();
} catch (error) {
  console.error(`install: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
