/** Children: output, input, limits, the ladder of signals, what they leave behind. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startChild, type Child, type ChildExit, type ChildOptions } from '../../../src/daemon/children.ts';
import { createScope, type Scope } from '../../../src/shared/scope.ts';
import { FakeClock } from '../../helpers/fake-clock.ts';
import { withScope } from '../../helpers/with-scope.ts';

const PATH = { PATH: '/usr/bin:/bin' };

function shell(script: string, clock: FakeClock, scope: Scope, options: Partial<ChildOptions> = {}): Child {
  return startChild({ file: 'sh', args: ['-c', script], environment: PATH, ...options }, clock, scope);
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Waits for something the kernel does in its own time. */
async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; !condition(); turn++) {
    if (turn > 2000) throw new Error('it never happened');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Starts a shell script that says when it is ready, and waits for that. */
async function ready(script: string, clock: FakeClock, scope: Scope): Promise<{ child: Child; heard: string[] }> {
  const heard: string[] = [];
  const child = shell(script, clock, scope, { onOutput: (_, bytes) => heard.push(text(bytes)) });
  await until(() => heard.join('').includes('ready'));
  return { child, heard };
}

/** Climbs the ladder until the child has ended; tells how many milliseconds that took. */
async function climb(clock: FakeClock, exited: Promise<ChildExit>): Promise<{ exit: ChildExit; afterMs: number }> {
  const before = clock.now();
  let exit: ChildExit | undefined;
  void exited.then((ended) => (exit = ended));
  while (exit === undefined) {
    await clock.advance(0);
    for (let turn = 0; turn < 200 && exit === undefined; turn++) await new Promise((resolve) => setTimeout(resolve, 5));
    if (exit === undefined && !(await clock.advanceToNext())) throw new Error('nothing left to wait for');
  }
  return { exit, afterMs: clock.now() - before };
}

test(
  'gives status and output, and has no more environment than it was given',
  withScope(async ({ scope, clock }) => {
    process.env['SECRET'] = 'x';
    const script = 'echo "out $A $SECRET"; echo err >&2; pwd; exit 7';
    const child = shell(script, clock, scope, { environment: { ...PATH, A: '1' } });
    const exit = await child.exited;
    assert.equal([exit.status, exit.signal, exit.error, exit.isTimedOut], [7, undefined, undefined, false]);
    assert.is(text(exit.stdout), 'out 1 \n/\n');
    assert.is(text(exit.stderr), 'err\n');
    assert.ok(typeof child.pid === 'number');
  }),
);

test(
  'a program that is not there is an exit like another',
  withScope(async ({ scope, clock }) => {
    const child = startChild({ file: '/nonexistent/program' }, clock, scope);
    const exit = await child.exited;
    assert.is(exit.status, undefined);
    assert.match(exit.error?.message ?? '', 'ENOENT');
    assert.is(child.pid, undefined);
    child.write('nothing');
    assert.is(await child.stop(), exit);
    const odd = startChild({ file: 'a\0b' }, clock, scope);
    assert.instance((await odd.exited).error, Error);
  }),
);

test(
  'input is written and closed, or stays open for more',
  withScope(async ({ scope, clock }) => {
    const closed = await shell('cat', clock, scope, { input: 'all of it' }).exited;
    assert.is(text(closed.stdout), 'all of it');
    const open = shell('read a; read b; echo "$b$a"', clock, scope);
    open.write('1\n');
    open.write(Buffer.from('2\n'));
    assert.is(text((await open.exited).stdout), '21\n');
  }),
);

test(
  'a child that takes no input does not hurt',
  withScope(async ({ scope, clock }) => {
    const child = shell('exec 0<&-; echo ready; exit 0', clock, scope, { input: 'x'.repeat(1 << 20) });
    assert.is((await child.exited).status, 0);
    const { child: deaf } = await ready('echo ready; sleep 1000', clock, scope);
    for (let index = 0; index < 100; index++) deaf.write('x'.repeat(100_000));
    assert.is((await deaf.stop()).signal, 'SIGTERM');
  }),
);

test(
  'output is kept up to its limit, and heard beyond',
  withScope(async ({ scope, clock }) => {
    let heard = 0;
    const exit = await shell('head -c 1000000 /dev/zero; echo x >&2', clock, scope, {
      maxOutputBytes: 1000,
      onOutput: (stream, bytes) => (heard += stream === 'stdout' ? bytes.length : 0),
    }).exited;
    assert.is(exit.status, 0);
    assert.equal([exit.stdout.length, exit.stderr.length, heard], [1000, 2, 1_000_000]);
  }),
);

test(
  'stopping is TERM at once, INT after two seconds, KILL after one more',
  withScope(async ({ scope, clock }) => {
    const polite = await ready('echo ready; while :; do sleep 0.01; done', clock, scope);
    void polite.child.stop();
    const first = await climb(clock, polite.child.exited);
    assert.equal([first.exit.signal, first.afterMs], ['SIGTERM', 0]);

    const slow = await ready(`trap '' TERM; trap 'exit 3' INT; echo ready; while :; do sleep 0.01; done`, clock, scope);
    void slow.child.stop();
    const second = await climb(clock, slow.child.exited);
    assert.equal([second.exit.status, second.afterMs], [3, 2000]);

    const deaf = await ready(`trap '' TERM INT; echo ready; while :; do sleep 0.01; done`, clock, scope);
    void deaf.child.stop();
    void deaf.child.stop();
    const third = await climb(clock, deaf.child.exited);
    assert.equal([third.exit.signal, third.afterMs], ['SIGKILL', 3000]);
  }),
);

test(
  'the time limit stops a child, and the exit tells',
  withScope(async ({ scope, clock }) => {
    const child = shell('sleep 1000', clock, scope, { timeLimitMs: 5000 });
    await clock.advance(4999);
    assert.is(clock.pending().length, 1);
    const { exit, afterMs } = await climb(clock, child.exited);
    assert.equal([exit.isTimedOut, exit.signal, afterMs], [true, 'SIGTERM', 1]);
  }),
);

test(
  'a child ends with its scope, which waits for it',
  withScope(async ({ scope, clock }) => {
    const own = scope.child();
    const { child } = await ready('echo ready; sleep 1000', clock, own);
    const closing = own.close();
    await climb(clock, child.exited);
    await closing;
    assert.not(isAlive(child.pid ?? 0));
    assert.is((await child.exited).signal, 'SIGTERM');
    const late = shell('sleep 1000', clock, own);
    await climb(clock, late.exited);
  }),
);

test(
  'what a child started ends with it',
  withScope(async ({ scope, clock }) => {
    const { child, heard } = await ready('sleep 1000 & echo "$!"; echo ready; exit 0', clock, scope);
    const grandchild = Number.parseInt(heard.join(''), 10);
    assert.is((await child.exited).status, 0);
    await until(() => !isAlive(grandchild));
  }),
);

test(
  'a grandchild that left the group cannot hold the exit up',
  withScope(async ({ scope, clock }) => {
    const { child, heard } = await ready('setsid sh -c "echo \\$\\$; echo ready; sleep 1000" & wait', clock, scope);
    const runaway = Number.parseInt(heard.join(''), 10);
    try {
      void child.stop();
      const { exit, afterMs } = await climb(clock, child.exited);
      assert.equal([exit.signal, afterMs], ['SIGTERM', 1000]);
      assert.ok(isAlive(runaway));
    } finally {
      process.kill(runaway, 'SIGKILL');
    }
  }),
);

test('children run as the user they are given to', async () => {
  if (process.getuid?.() !== 0) return;
  await withScope(async ({ scope, clock }) => {
    const exit = await shell('id -u; id -g; id -G', clock, scope, { user: { uid: 65534, gid: 65534 } }).exited;
    assert.is(text(exit.stdout), '65534\n65534\n65534\n');
  })();
});

test('a closed scope still ends what is started in it', async () => {
  const [clock, scope] = [new FakeClock(), createScope()];
  await scope.close();
  const child = shell('sleep 1000', clock, scope);
  const { exit } = await climb(clock, child.exited);
  assert.is(exit.signal, 'SIGTERM');
});

test.run();
