/**
 * The test command's own judgement: whatever a test file does wrong counts as a failure, and
 * nothing it does can stop the run.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runChild, type Outcome } from '../../runner/child.ts';

const SUMMARY = (total: number, passed: number, skipped = 0): string => {
  const lines = [`Total:     ${total}`, `Passed:    ${passed}`, `Skipped:   ${skipped}`, 'Duration:  1ms'];
  return `process.stdout.write(${JSON.stringify(lines.map((line) => `\n  ${line}`).join(''))} + '\\n');`;
};

const never = new AbortController().signal;

const judge = (script: string, limitMs = 10_000, signal = never): Promise<Outcome> =>
  runChild({ command: [process.execPath, '-e', script], limitMs, env: process.env, kind: 'testFile' }, signal);

const brief = ({ passed, failed, problem }: Outcome): [number, number, string | undefined] => [passed, failed, problem];

test('a good file counts its tests', async () => {
  assert.equal(brief(await judge(SUMMARY(3, 3))), [3, 0, undefined]);
});

test('failed tests count, and their exit status is no further failure', async () => {
  assert.equal(brief(await judge(`${SUMMARY(3, 2)} process.exitCode = 1;`)), [2, 1, undefined]);
});

test('a file that ends wrongly counts one failure more', async () => {
  const outcomes = await Promise.all([
    judge(SUMMARY(0, 0)),
    judge(SUMMARY(2, 2, 1)),
    judge(`${SUMMARY(2, 2)} process.exitCode = 3;`),
    judge(`process.exitCode = 1;`),
    judge(`process.kill(process.pid, 'SIGSEGV');`),
    judge(``),
  ]);
  assert.equal(outcomes.map(brief), [
    [0, 1, 'ran no test'],
    [2, 1, '1 skipped by only or skip'],
    [2, 1, 'exit status 3'],
    [0, 1, 'exit status 1'],
    [0, 1, 'killed by SIGSEGV'],
    [0, 1, 'ended before its tests did'],
  ]);
});

test('a file that does not end is ended', async () => {
  const outcomes = await Promise.all([
    judge(`setInterval(() => {}, 1000);`, 500),
    judge(`process.on('SIGTERM', () => {}); setInterval(() => {}, 1000);`, 500),
    judge(`${SUMMARY(1, 1)} setInterval(() => {}, 1000);`),
    judge(`setInterval(() => {}, 1000);`, 10_000, AbortSignal.abort()),
  ]);
  assert.equal(outcomes.map(brief), [
    [0, 1, 'still running after 0.5 s'],
    [0, 1, 'still running after 0.5 s'],
    [1, 1, 'its tests ended, the process did not: something is still open'],
    [0, 1, 'interrupted'],
  ]);
});

test('a process left behind is noticed and does not hold the run up', async () => {
  const leave = `require('child_process').spawn('sleep', ['60'], { stdio: 'inherit' }).unref();`;
  assert.equal(brief(await judge(`${SUMMARY(1, 1)} ${leave} process.exit(0);`)), [
    1,
    1,
    'ended, but a process it started still holds its output',
  ]);
});

test('a program that cannot be started is a failure', async () => {
  const run = { command: ['/nonexistent/program'] as const, limitMs: 1000, env: process.env, kind: 'program' } as const;
  assert.equal(brief(await runChild({ ...run, command: ['/nonexistent/program'] }, never)), [
    0,
    1,
    'cannot start /nonexistent/program: spawn /nonexistent/program ENOENT',
  ]);
});

test.run();
