/**
 * Other people's programs to test against, as Debian packages them: fetched with `apt-get download`
 * together with what they depend on and the machine lacks, unpacked below ~/.cache/causeway/peers,
 * and laid over the file system of a test's own mount namespace (cell.ts). Nothing on the machine
 * is installed, started or replaced, and the machine's package lists are only read.
 */

import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { renameSync, rmSync, symlinkSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Child, output, run } from './child.ts';

/** Where the files of a set of packages are, and what tells people that this may take a while. */
export interface PeerOptions {
  /** Takes one line before something slow; default: standard error. */
  readonly progress?: (line: string) => void;
}

/**
 * A folder with the files of these Debian packages and of their dependencies that the machine has
 * not installed. Fetched once, safe against others fetching the same; rejects with what to do.
 */
export async function fetchPeers(packages: readonly string[], options: PeerOptions = {}): Promise<string> {
  const { progress = (line) => process.stderr.write(`${line}\n`) } = options;
  const names = [...new Set(packages)].sort();
  const home = join(homedir(), '.cache/causeway/peers', systemName());
  const folder = join(home, names.join('+'));
  if (existsSync(folder)) return folder;
  mkdirSync(home, { recursive: true });
  const lock = await takeLock(join(home, '.lock'));
  try {
    if (!existsSync(folder)) {
      progress(`fetching ${names.join(', ')} with what they need, once`);
      await fetchInto(folder, names, home);
    }
  } finally {
    lock.closeInput();
    await lock.exited;
  }
  return folder;
}

/** The environment in which programs of a peers' folder run where they are, without a namespace. */
export function peerEnvironment(folder: string): NodeJS.ProcessEnv {
  const libraries = ['lib', 'usr/lib'].flatMap((path) => {
    const names = existsSync(join(folder, path)) ? readdirSync(join(folder, path)) : [];
    return names.filter((name) => name.endsWith('-linux-gnu')).map((name) => join(folder, path, name));
  });
  // systemd's programs look for their own library at a fixed place.
  libraries.push(...libraries.map((path) => join(path, 'systemd')).filter((path) => existsSync(path)));
  const { PATH = '', LD_LIBRARY_PATH = '' } = process.env;
  return {
    ...process.env,
    PATH: [join(folder, 'usr/bin'), PATH].join(':'),
    ...(libraries.length > 0 && { LD_LIBRARY_PATH: [...libraries, LD_LIBRARY_PATH].join(':') }),
  };
}

async function fetchInto(folder: string, names: readonly string[], home: string): Promise<void> {
  const work = `${folder}.new`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(join(work, 'packages'), { recursive: true });
  try {
    await download(names, join(work, 'packages'), home);
    await unpack(join(work, 'packages'), join(work, 'root'));
    renameSync(join(work, 'root'), folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

// First with the machine's package lists, then with fresh ones of our own: they may be missing or old.
async function download(names: readonly string[], into: string, home: string): Promise<void> {
  const fresh = ['-o', `Dir::State::Lists=${home}/.apt/lists`, '-o', `Dir::Cache=${home}/.apt/cache`];
  const complaints: string[] = [];
  for (const options of [[], fresh]) {
    const apt = ['apt-get', '-qq', '-o', 'APT::Sandbox::User=root', '-o', 'Acquire::Retries=2', ...options];
    try {
      if (options === fresh) {
        mkdirSync(`${home}/.apt/lists/partial`, { recursive: true });
        mkdirSync(`${home}/.apt/cache/archives/partial`, { recursive: true });
        await output([...apt, 'update'], { timeoutMs: 300_000 });
      }
      const plan = await output([...apt, 'install', '--simulate', '--no-install-recommends', ...names]);
      const wanted = [...plan.matchAll(/^Inst (\S+) (?:\[\S+\] )?\((\S+) .*\[(\S+)\]\)/gm)];
      const files = wanted.map(([, name, version, architecture]) => `${name}:${architecture}=${version}`);
      if (files.length > 0) await output([...apt, 'download', ...files], { cwd: into, timeoutMs: 600_000 });
      return;
    } catch (error) {
      complaints.push(error instanceof Error ? error.message : String(error));
    }
  }
  const hint = 'is the machine online, and a Debian?';
  throw new Error(`cannot fetch the Debian packages ${names.join(', ')} (${hint})\n${complaints.join('\n')}`);
}

async function unpack(packages: string, root: string): Promise<void> {
  mkdirSync(join(root, 'usr'), { recursive: true });
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    if (!existsSync(`/${name}`)) continue;
    mkdirSync(join(root, 'usr', name), { recursive: true });
    symlinkSync(isLink(`/${name}`) ? readlinkSync(`/${name}`) : `usr/${name}`, join(root, name));
  }
  for (const file of readdirSync(packages)) {
    const script = 'dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink --no-same-owner -C "$2"';
    const words = ['sh', '-c', script, 'unpack', join(packages, file), root];
    const { status, stderr } = await run(words, { timeoutMs: 120_000 });
    if (status !== 0) throw new Error(`cannot unpack ${file}: ${stderr}`);
  }
}

function isLink(path: string): boolean {
  try {
    readlinkSync(path);
    return true;
  } catch {
    return false;
  }
}

// flock(1) around a process that ends with its standard input: the lock goes with this program.
async function takeLock(path: string): Promise<Child> {
  const lock = new Child(['flock', path, 'cat'], process.env, false);
  lock.write('locked\n');
  await lock.waitForLine((line) => line === 'locked', 900_000);
  return lock;
}

function systemName(): string {
  const text = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  const value = (key: string): string => new RegExp(`^${key}="?([\\w.]*)`, 'm').exec(text)?.[1] ?? 'unknown';
  return `${value('ID')}-${value('VERSION_ID')}-${process.arch}`;
}
