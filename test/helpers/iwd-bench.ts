/** The plugin iwd over a daemon in memory (fake-iwd.ts), on the bench of the Wi-Fi core (wifi-bench.ts). */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { iwd } from '../../plugins/iwd/iwd.ts';
import { SystemError } from '../../src/shared/errors.ts';
import type { System } from '../../src/system/system.ts';
import { fakeIwd, type FakeIwd, type FakeIwdNetwork, type FakeIwdOptions } from './fake-iwd.ts';
import { groupOf, storedNetwork, type WifiBench, wifiBench } from './wifi-bench.ts';
import type { TestContext } from './with-scope.ts';

/** Of `home`. */
export const SECRET = 'rigsecret';
/** The two networks in the air unless said otherwise: the group of one, and iwd's words for both. */
export const HOME = groupOf('home', 'psk');
export const NAME = '686f6d65_psk';
export const CAFE = '63616665_open';
export const AIR = { [NAME]: { secret: SECRET, signalDbm: -45 }, [CAFE]: { signalDbm: -60 } };
/** A file in which `home` is a favourite. */
export const FAVORITE = storedNetwork(HOME, ['Favorite=true', 'AutoConnect=true', `Passphrase=${SECRET}`]);

/** A kernel that has no Wi-Fi to tell of. */
const none = (): never => {
  throw new SystemError('EPERM', 1, 'socket', 'not on the bench');
};
export const NO_KERNEL: Partial<System> = { netlink: none, packet: none, udp: none };

/** Our core and iwd, on one bus. */
export interface IwdBench {
  readonly bench: WifiBench;
  readonly daemon: FakeIwd;
}

/** What differs from a bench without a kernel's Wi-Fi, with `AIR`. */
export interface IwdBenchOptions extends FakeIwdOptions {
  readonly system?: Partial<System>;
  readonly files?: Record<string, string>;
  readonly air?: Record<string, FakeIwdNetwork>;
  readonly mainConf?: string;
  /** What iwd is in since before the daemon. */
  readonly inherited?: string;
}

/** Starts both. */
export async function iwdBench(context: TestContext, options: IwdBenchOptions = {}): Promise<IwdBench> {
  const { files = {}, air = AIR, mainConf = '', system = NO_KERNEL, inherited, ...rest } = options;
  const bench = await wifiBench(context, {}, { files, mainConf, system });
  const daemon = await fakeIwd((scope) => bench.connect(scope), context.scope, air, rest);
  await settled(bench);
  if (inherited !== undefined) daemon.joinForSomebody(inherited);
  const life = context.scope.child();
  await iwd.start(bench.core, life);
  await settled(bench);
  const stopDaemon = async (): Promise<void> => {
    await bench.stopDaemon();
    await life.close();
    await settled(bench);
  };
  return { bench: { ...bench, stopDaemon }, daemon };
}

/** Lets everything happen that happens by itself: iwd serves and answers in turns of its own. */
export async function settled(bench: WifiBench): Promise<void> {
  for (let count = 0; count < 10; count++) {
    await new Promise((resolve) => setImmediate(resolve));
    await bench.settled();
  }
}

/** A place for iwd's profiles, gone with the test. */
export function stateDirectory({ scope }: TestContext): string {
  const directory = mkdtempSync(`${tmpdir()}/causeway-iwd-`);
  scope.defer(() => rmSync(directory, { recursive: true }));
  return directory;
}
