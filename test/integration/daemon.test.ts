/**
 * The life of a daemon as its user sees it. The daemon is this very file, started again with
 * TEST_DAEMON naming how it is to behave; it needs the addon, but neither bus nor network.
 */

import { existsSync, mkdtempSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CONNMAND, parseConnmand, type ConnmandOptions } from '../../src/daemon/command-line.ts';
import { run as runDaemon, StartError, type Daemon } from '../../src/daemon/run.ts';
import { formatHelp } from '../../src/shared/command-line.ts';
import { logger } from '../../src/shared/log.ts';
import { openSystem } from '../../src/system/node-system.ts';
import { Child, run, type Finished } from '../helpers/child.ts';
import { useTestAddon } from '../helpers/system.ts';
import { until } from '../helpers/patience.ts';

const log = logger('test/integration/daemon.test.ts');

/** What the daemon tells of itself in its file. */
interface Report {
  readonly pid: number;
  readonly title: string;
  readonly umask: number;
  readonly environment: string[];
}

const behaviour = process.env['TEST_DAEMON'];
const directory = process.env['TEST_DIRECTORY'] ?? mkdtempSync(join(tmpdir(), 'daemon-'));
const reportFile = join(directory, 'report');

async function start(daemon: Daemon<ConnmandOptions>): Promise<void> {
  daemon.scope.defer(() => log.info('undone'));
  daemon.reloadWanted.observe(daemon.scope, () => log.info('reload'));
  if (behaviour === 'fail') throw new StartError("Can't register with system bus");
  if (behaviour === 'crash') throw new TypeError('a bug at the start');
  const { pid, title } = process;
  const environment = Object.keys(process.env).filter((name) => /^(CAUSEWAY_START|NOTIFY)/.test(name));
  writeFileSync(reportFile, JSON.stringify({ pid, title, umask: process.umask(), environment }));
  if (behaviour === 'slow end') {
    daemon.scope.defer(async () => {
      log.info('ending');
      await new Promise((resolve) => setTimeout(resolve, 300));
    });
  }
  log.debug('details');
  daemon.started();
  log.info('started');
  if (behaviour === 'quit') daemon.quit();
  const crash = (): never => {
    throw new Error('a bug later');
  };
  if (behaviour === 'crash later') setImmediate(crash);
  if (behaviour === 'reject later') void Promise.reject(new Error('nobody awaits'));
  // Keeps the process alive, as a bus connection would.
  daemon.clock.after('life', 60_000, daemon.scope, () => undefined);
}

if (behaviour !== undefined) {
  await runDaemon<ConnmandOptions>({
    name: 'testd',
    version: '1.2.3',
    greeting: 'Test daemon version',
    directories: [join(directory, 'made', 'by', 'daemon')],
    help: formatHelp(CONNMAND, 'testd'),
    parse: parseConnmand,
    openSystem,
    start,
  });
}

useTestAddon();
const SELF = [process.execPath, ...process.execArgv, process.argv[1] ?? ''];

function environment(how: string): NodeJS.ProcessEnv {
  return { ...process.env, TEST_DAEMON: how, TEST_DIRECTORY: directory };
}

function runOnce(how: string, ...args: string[]): Promise<Finished> {
  return run([...SELF, ...args], { env: environment(how) });
}

function inForeground(how: string, ...args: string[]): Child {
  return new Child([...SELF, '-n', ...args], environment(how), false);
}

function report(): Report {
  return JSON.parse(readFileSync(reportFile, 'utf8'));
}

/** The log without the name and process id in front. */
function linesOf(child: Child): string[] {
  const head = `testd[${child.pid}]: `;
  assert.ok(child.text.split('\n').every((line) => line.startsWith(head)), child.text);
  return child.text.split('\n').map((line) => line.slice(head.length));
}

test.before.each(() => rmSync(reportFile, { force: true }));
test.after(() => rmSync(directory, { recursive: true }));

test('-v and -h print and end with 0, an unknown option ends with 1', async () => {
  assert.equal(await runOnce('normal', '-v'), { status: 0, stdout: '1.2.3\n', stderr: '' });
  const help = await runOnce('normal', '--help');
  assert.equal([help.status, help.stderr], [0, '']);
  assert.match(help.stdout, /^Usage: testd /);
  assert.equal(await runOnce('normal', '--x'), { status: 1, stdout: '', stderr: 'Unknown option --x\n' });
  assert.not(existsSync(reportFile));
});

test('in the foreground: log on standard error, SIGHUP, SIGTERM, exit 0', async () => {
  const child = inForeground('normal');
  await child.waitForLine((line) => line.endsWith('started'));
  child.kill('SIGHUP');
  await child.waitForLine((line) => line.endsWith('reload'));
  const { pid } = child;
  child.kill('SIGTERM');
  assert.is(await child.exited, 0);
  const expected = ['Test daemon version 1.2.3', 'started', 'reload', 'Terminating', 'undone', 'Exit'];
  assert.equal(child.text.split('\n'), expected.map((line) => `testd[${pid}]: ${line}`));
  assert.equal(report(), { pid, title: 'testd', umask: 0o077, environment: [] });
  assert.is(statSync(join(directory, 'made')).mode & 0o777, 0o755);
  assert.is(statSync(join(directory, 'made/by/daemon')).mode & 0o777, 0o755);
});

test('a second signal does not cut the end short, SIGINT ends as SIGTERM does', async () => {
  const child = inForeground('slow end');
  await child.waitForLine((line) => line.endsWith('started'));
  child.kill('SIGINT');
  await child.waitForLine((line) => line.endsWith('ending'));
  child.kill('SIGTERM');
  child.kill('SIGINT');
  assert.is(await child.exited, 0);
  assert.match(child.text, /undone\n.*Exit$/);
});

test('a daemon may end itself', async () => {
  const child = inForeground('quit');
  assert.is(await child.exited, 0);
  assert.match(child.text, /Terminating\n.*undone\n.*Exit$/);
});

test('-d switches debug output on, by our names and through the environment', async () => {
  const child = inForeground('normal', '-d', 'test/*:src/nothing.c');
  await child.waitForLine((line) => line.endsWith('started'));
  assert.ok(linesOf(child).includes('test/integration/daemon.test.ts: details'));
  await child.stop();
});

test('a start that fails says why and ends with 1', async () => {
  const child = inForeground('fail');
  assert.is(await child.exited, 1);
  assert.ok(child.text.split('\n').includes("Can't register with system bus"), child.text);
  assert.match(child.text, /undone\n.*Exit$/);
});

const CRASHES = {
  crash: 'TypeError: a bug at the start',
  'crash later': 'Error: a bug later',
  'reject later': 'Error: nobody awaits',
};

for (const [how, what] of Object.entries(CRASHES)) {
  test(`${how}: Aborting, the stack, exit 1`, async () => {
    const child = inForeground(how);
    assert.is(await child.exited, 1);
    assert.match(child.text, /\]: Aborting\n/);
    assert.ok(child.text.includes(`]: ${what}\n`), child.text);
    assert.match(child.text, /\]: {7}at /);
  });
}

test('in the background: the parent ends once the daemon is up', async () => {
  const started = await runOnce('normal');
  assert.equal(started, { status: 0, stdout: '', stderr: '' });
  const { pid, title, environment: left } = report();
  try {
    assert.is(title, 'testd');
    assert.equal(left, []);
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    assert.equal([stat[2], stat[3]], [String(pid), String(pid)], 'it leads a group and a session of its own');
    await until('its directory', () => readlinkSync(`/proc/${pid}/cwd`) === '/');
    for (const fd of [0, 1, 2]) assert.is(readlinkSync(`/proc/${pid}/fd/${fd}`), '/dev/null');
  } finally {
    process.kill(pid, 'SIGTERM');
  }
  await until('its end', () => !existsSync(`/proc/${pid}`));
});

test('in the background: a start that fails is told by the parent', async () => {
  assert.equal(await runOnce('fail'), { status: 1, stdout: '', stderr: "Can't register with system bus\n" });
  const crashed = await runOnce('crash');
  assert.equal(crashed, { status: 1, stdout: '', stderr: 'Aborting: a bug at the start\n' });
});

test.run();
