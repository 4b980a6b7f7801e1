/**
 * The test command: builds what the tests need, bundles all test files in one go, runs each in a
 * Node of its own with a time limit, two at a time, and ends with one line `N passed, N failed`.
 * Arguments: path substrings choose files; `--unit` leaves out the integration tests; `--node PATH`
 * runs them with another Node. Without any, the units and one lab run on every Node we support.
 */

import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ADDON_PATH } from '../tools/build-addon.ts';
import { provideNode, SUPPORTED_NODES } from '../tools/node-versions.ts';
import { bundleTests, type Bundles } from './runner/bundle.ts';
import { killChildren, runChild, type Outcome, type Run } from './runner/child.ts';

const AT_A_TIME = 2;
const LIMITS_MS = {
  unit: 120_000, rules: 180_000, integration: 360_000, guest: 1_080_000, build: 300_000, lab: 180_000,
} as const;

/** How much longer than on an idle machine tests wait for what must come (helpers/patience.ts). */
const TIME_SCALE = '3';

/** As root: no test, and no daemon that a test runs, can set the machine's clock (setpriv(1)). */
const WITHOUT_CLOCK: readonly [string, ...string[]] | readonly [] =
  process.getuid?.() === 0 ? ['setpriv', '--bounding-set', '-sys_time'] : [];

/** One line of progress and its run. */
interface Job {
  readonly name: string;
  readonly limitMs: number;
  /** A bundle or program to run, or why there is none. */
  readonly command: Run['command'] | { readonly complaint: string };
  readonly kind: Run['kind'];
  readonly node: string;
}

interface Totals {
  passed: number;
  failed: number;
}

const interruption = new AbortController();
const totals: Totals = { passed: 0, failed: 0 };
/** Test files that failed beside another one; each gets a second run, alone, before it counts. */
const unsettled: Job[] = [];

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { unit: { type: 'boolean', default: false }, node: { type: 'string' } },
    allowPositionals: true,
  });
  const node = values.node === undefined ? process.execPath : resolve(values.node);
  const files = chooseFiles(positionals, values.unit);
  if (files.length === 0) throw new Error(`no test file matches ${positionals.join(' ')}`);
  if (needsRoot(files) && process.getuid?.() !== 0) {
    throw new Error('integration tests make network namespaces: run them as root, or npm run test:unit without');
  }

  mkdirSync('build/test', { recursive: true });
  const directory = mkdtempSync('build/test/run-');
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));

  await buildProducts(files);
  const bundles = await bundleTests(files, directory);
  const toJob = (file: string): Job => fileJob(file, bundles, node);
  await runJobs(files.filter((file) => !isGuest(file)).map(toJob));
  await runJobs(files.filter(isGuest).map(toJob), 1);
  const isEverything = positionals.length === 0 && !values.unit && values.node === undefined;
  if (isEverything) await runOnOtherNodes(files, bundles);
}

function chooseFiles(substrings: readonly string[], unitOnly: boolean): string[] {
  const folders = unitOnly ? ['unit', 'rules'] : ['unit', 'rules', 'integration'];
  return folders
    .flatMap((folder) => findFiles(`test/${folder}`).toSorted())
    .filter((file) => substrings.length === 0 || substrings.some((substring) => file.includes(substring)));
}

/** A guest takes both processors: it has the machine to itself, after all else. */
function isGuest(file: string): boolean {
  return file.startsWith('test/integration/guest-');
}

function needsRoot(files: readonly string[]): boolean {
  return files.some((file) => file.startsWith('test/integration/'));
}

/** The addon for every test, the programs for those that run them; a build counts only when it fails. */
async function buildProducts(files: readonly string[]): Promise<void> {
  const parts = needsRoot(files) ? ['--addon', '--programs'] : ['--addon'];
  const command = toolCommand(process.execPath, 'tools/build.ts', '--all-features', ...parts);
  const run: Run = { command, limitMs: LIMITS_MS.build, env: environment(process.execPath), kind: 'program' };
  report(`build ${parts.join(' ')}`, { ...(await runChild(run, interruption.signal)), passed: 0 });
}

function fileJob(file: string, bundles: Bundles, node: string, suffix = ''): Job {
  const [, folder] = file.split('/');
  const kind = isGuest(file) ? 'guest' : folder;
  const limitMs = kind === 'guest' || kind === 'integration' || kind === 'rules' ? LIMITS_MS[kind] : LIMITS_MS.unit;
  const found = bundles.get(file) ?? { complaint: 'not bundled' };
  const command = 'bundle' in found
    ? ([...WITHOUT_CLOCK, node, '--enable-source-maps', found.bundle] as const) : found;
  return { name: `${file}${suffix}`, limitMs, kind: 'testFile', node, command };
}

async function runOnOtherNodes(files: readonly string[], bundles: Bundles): Promise<void> {
  for (const version of SUPPORTED_NODES) {
    if (interruption.signal.aborted) return;
    const node = await provideNode(version, (line) => console.log(line)).catch((error: unknown) => {
      report(`node ${version}`, { passed: 0, failed: 1, problem: String(error), output: '', elapsedMs: 0 });
      return undefined;
    });
    if (node === undefined) continue;
    const suffix = ` on Node ${version}`;
    const units = files.filter((file) => file.startsWith('test/unit/'));
    await runJobs(units.map((file) => fileJob(file, bundles, node, suffix)));
    const command = toolCommand(node, 'tools/lab.ts', '--no-build');
    await runJobs([{ name: `lab${suffix}`, limitMs: LIMITS_MS.lab, kind: 'program', node, command }]);
  }
}

function toolCommand(node: string, ...args: string[]): [string, ...string[]] {
  return [node, '--import', 'tsx', ...args];
}

async function runJobs(jobs: readonly Job[], atATime = AT_A_TIME): Promise<void> {
  const queue = jobs.values();
  const worker = async (): Promise<void> => {
    for (const job of queue) {
      if (interruption.signal.aborted) return;
      const outcome = await runJob(job);
      if (outcome.failed > 0 && jobs.length > 1 && isTimed(job)) {
        print(job.name, outcome);
        unsettled.push(job);
      } else report(job.name, outcome);
    }
  };
  await Promise.all(Array.from({ length: atATime }, worker));
  await settle();
}

/** Whether what else the machine does can make a test fail: it runs real programs. */
function isTimed(job: Job): boolean {
  return !('complaint' in job.command) && !job.name.startsWith('test/rules/');
}

/** Runs what failed once more with the machine to itself; what fails again has failed. */
async function settle(): Promise<void> {
  for (const job of unsettled.splice(0)) {
    if (interruption.signal.aborted) totals.failed += 1;
    else report(`${job.name} once more, alone`, await runJob(job));
  }
}

async function runJob(job: Job): Promise<Outcome> {
  if ('complaint' in job.command) {
    return { passed: 0, failed: 1, problem: 'does not build', output: job.command.complaint, elapsedMs: 0 };
  }
  const waiting = setInterval(() => console.log(`....  ${job.name} is still running`), 15_000);
  const run: Run = { command: job.command, limitMs: job.limitMs, env: environment(job.node), kind: job.kind };
  return runChild(run, interruption.signal).finally(() => clearInterval(waiting));
}

/** The programs' launchers find their Node by PATH. */
function environment(node: string): NodeJS.ProcessEnv {
  const { FORCE_COLOR: _, ...rest } = process.env;
  return {
    ...rest,
    NO_COLOR: '1',
    PATH: `${dirname(node)}:${process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin'}`,
    CAUSEWAY_ADDON: resolve(ADDON_PATH),
    TIME_SCALE: process.env['TIME_SCALE'] ?? TIME_SCALE,
  };
}

function report(name: string, outcome: Outcome): void {
  totals.passed += outcome.passed;
  totals.failed += outcome.failed;
  print(name, outcome);
}

function print(name: string, outcome: Outcome): void {
  const isGood = outcome.failed === 0;
  const counts = isGood ? `${outcome.passed || 'done'}` : `${outcome.passed} passed, ${outcome.failed} failed`;
  console.log(`${isGood ? 'ok  ' : 'FAIL'}  ${name}: ${counts} (${(outcome.elapsedMs / 1000).toFixed(1)} s)`);
  if (isGood) return;
  if (outcome.output.trim() !== '') console.log(outcome.output.trimEnd().replace(/^/gm, '      '));
  if (outcome.problem !== undefined) console.log(`      ${name}: ${outcome.problem}`);
}

function findFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => `${folder}/${file}`);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    totals.failed += 1;
    interruption.abort();
  });
}
process.once('exit', killChildren);

try {
  await main();
} catch (error) {
  totals.failed += 1;
  console.log(error instanceof Error ? error.message : error);
}
console.log(`${totals.passed} passed, ${totals.failed} failed`);
process.exitCode = totals.failed === 0 ? 0 : 1;
