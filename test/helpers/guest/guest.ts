/**
 * Boots a guest (guest-run) for one file of cases (test/guest/*.guest.ts, see cases.ts) and passes on
 * what it reports, line by line, with the summary test/run.ts counts by at the end. Its tools are
 * fetched and laid over /usr in a mount namespace of this program, through which the guest sees the
 * machine's files. Invariant: a case without a result failed, and nothing outlives this program.
 */

import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { bundleTests } from '../../runner/bundle.ts';
import { output } from '../child.ts';
import { holdNamespace } from '../namespace.ts';
import { fetchPeers } from '../peers.ts';
import { useTestAddon } from '../system.ts';
import { Tally } from './tally.ts';

/** What one boot needs. */
export interface GuestOptions {
  /** Debian packages whose programs the guest finds where they belong. */
  readonly peers?: readonly string[];
  /** Files beside the program that runs there: what is slow to make in emulation. */
  readonly files?: Readonly<Record<string, string>>;
  /** How long boot and cases may take together; default a quarter of an hour, less than the test command gives. */
  readonly limitMs?: number;
  /** Variables of the program that runs there. */
  readonly env?: Readonly<Record<string, string>>;
  /** Takes what the guest prints; on standard output unless said. */
  readonly onLine?: (line: string) => void;
}

const TOOLS = ['busybox-static', 'kmod', 'qemu-system-x86', 'xz-utils'] as const;

const GUEST_RUN = 'test/helpers/guest/guest-run';

// Entering a mount namespace leaves the folder.
const IN_FOLDER = ['sh', '-c', 'cd "$1" && shift && exec "$@"', 'sh'];

/** How much longer than outside a wait may be: the guest's processor is emulated. */
const TIME_SCALE = 3;

/** Runs the cases of `file` and prints how they went; sets the exit status of this program. */
export async function runGuest(file: string, options: GuestOptions = {}): Promise<void> {
  const { peers = [], files = {}, limitMs = 1_050_000, env: more = {}, onLine = (line) => console.log(line) } = options;
  if (process.arch !== 'x64') throw new Error('the guest is an x86-64 machine, and this is none');
  useTestAddon();
  const mounts = mountScript(await fetchPeers([...TOOLS, ...peers]));
  const env = { ...process.env, ...more, GUEST_CACHE: `${homedir()}/.cache/causeway/guest` };
  const setUp = ['unshare', '--mount', 'sh', '-e', '-c', `${mounts}\nexec ${GUEST_RUN} -S`];
  await output(setUp, { env, timeoutMs: 600_000 });
  const startedAt = performance.now();
  mkdirSync('build/test', { recursive: true });
  const directory = mkdtempSync('build/test/guest-');
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  const bundle = (await bundleTests([file], directory)).get(file);
  if (bundle === undefined || 'complaint' in bundle) throw new Error(bundle?.complaint ?? `${file} was not bundled`);

  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(dirname(bundle.bundle), name), text, { mode: 0o600 });
  }

  const host = await holdNamespace();
  try {
    await host.script(mounts);
    const guest = host.spawn(
      [
        ...IN_FOLDER, process.cwd(), GUEST_RUN,
        '-t', String(Math.ceil(limitMs / 1000)),
        ...['CAUSEWAY_ADDON', 'TIME_SCALE', ...Object.keys(more)].flatMap((name) => ['-e', name]),
        ...[process.execPath, '--enable-source-maps', resolve(bundle.bundle)],
      ],
      { ...env, CAUSEWAY_ADDON: process.env['CAUSEWAY_ADDON'], TIME_SCALE: String(TIME_SCALE) },
    );
    const tally = new Tally();
    guest.observe((line) => onLine(tally.read(line)));
    const status = await guest.exited;
    if (!tally.isComplete) console.log(`the guest ended with ${status} before its cases did`);
    console.log(tally.summary(performance.now() - startedAt));
    process.exitCode = tally.isComplete && tally.failed === 0 ? 0 : 1;
  } finally {
    await host.close();
  }
}

// The guest sees the machine's files with the tools' and peers' laid over them.
function mountScript(layer: string): string {
  const folders = ['usr', 'etc'].filter((folder) => existsSync(`${layer}/${folder}`));
  return folders.map((path) => `mount -t overlay overlay -o 'lowerdir=${layer}/${path}:/${path}' /${path}`).join('\n');
}
