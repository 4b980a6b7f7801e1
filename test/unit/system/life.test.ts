/**
 * How a process with open sockets lives and ends: each case is a process of its own:
 * its exit status and what it printed tell all.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { useTestAddon } from '../../helpers/system.ts';

useTestAddon();

/** Runs a CommonJS script that finds the addon as `addon`, and `udp()` giving a bound descriptor. */
function runScript(script: string): { status: number | null; stdout: string; stderr: string } {
  const prelude = `
    const addon = require(process.env.CAUSEWAY_ADDON);
    const { AF_INET, SOCK_DGRAM } = addon.constants;
    const loopback = Uint8Array.of(127, 0, 0, 1);
    const udp = () => {
      const fd = addon.socket(AF_INET, SOCK_DGRAM, 0);
      addon.bind(fd, loopback, 0, 0);
      return fd;
    };
    const sendTo = (watcher, port) => addon.send(watcher, Uint8Array.of(1), loopback, port, 0);
  `;
  return spawnSync(process.execPath, ['--expose-gc', '-e', prelude + script], { encoding: 'utf8', timeout: 20_000 });
}

test('an open socket keeps the process; closing it lets it go', () => {
  const { status, stdout } = runScript(`
    const watcher = addon.watch(udp(), () => undefined);
    const startedAt = performance.now();
    setTimeout(() => addon.unwatch(watcher), 100).unref();
    process.on('exit', () => console.log(performance.now() - startedAt >= 99));
  `);
  assert.equal([status, stdout], [0, 'true\n']);
});

test('an unset timer does not keep the process, a set one does', () => {
  const { status, stdout } = runScript(`
    const watcher = addon.watch(addon.timer(), () => { console.log('fired'); addon.keepAlive(watcher, false); });
    addon.setTimer(watcher, addon.bootTime() + 30);
  `);
  assert.equal([status, stdout], [0, 'fired\n']);
});

test('a handler that throws is an uncaught exception', () => {
  const script = `
    const fd = udp();
    const port = addon.localPort(fd);
    const watcher = addon.watch(fd, () => { throw new Error('broken invariant'); });
    sendTo(watcher, port);
  `;
  const { status, stderr } = runScript(script);
  assert.is(status, 1);
  assert.match(stderr, /Error: broken invariant/);

  const handled = runScript(`
    let count = 0;
    process.on('uncaughtException', (error) => {
      console.log(error.message);
      if (++count === 3) addon.unwatch(watcher); else sendTo(watcher, port);
    });
    ${script}`);
  assert.equal([handled.status, handled.stdout], [0, 'broken invariant\n'.repeat(3)]);
});

test('promises and ticks settle before the next batch', () => {
  const { stdout } = runScript(`
    const fd = udp();
    const port = addon.localPort(fd);
    let count = 0;
    const watcher = addon.watch(fd, () => {
      console.log('batch');
      Promise.resolve().then(() => console.log('promise'));
      process.nextTick(() => {
        console.log('tick');
        if (++count === 2) addon.unwatch(watcher); else sendTo(watcher, port);
      });
    });
    sendTo(watcher, port);
  `);
  assert.is(stdout, 'batch\ntick\npromise\nbatch\ntick\npromise\n');
});

test('a process may end inside a handler, and with sockets open', () => {
  assert.is(runScript(`
    const fd = udp();
    const port = addon.localPort(fd);
    const watcher = addon.watch(fd, () => process.exit(7));
    sendTo(watcher, port);
  `).status, 7);
  assert.is(runScript(`for (let i = 0; i < 50; i++) addon.watch(udp(), () => undefined); process.exit(3);`).status, 3);
});

test('environments end cleanly with sockets open', () => {
  const { status, stdout, stderr } = runScript(`
    const { Worker } = require('node:worker_threads');
    const body = \`
      const addon = require(process.env.CAUSEWAY_ADDON);
      const sockets = Array.from({ length: 20 }, () =>
        addon.watch(addon.socket(addon.constants.AF_INET, addon.constants.SOCK_DGRAM, 0), () => undefined));
      addon.unwatch(sockets[3]);
      require('node:worker_threads').parentPort.postMessage('open');
    \`;
    const { readdirSync, readlinkSync } = require('node:fs');
    const linkOf = (fd) => { try { return readlinkSync('/proc/self/fd/' + fd); } catch { return ''; } };
    const descriptors = () => readdirSync('/proc/self/fd').filter((fd) => linkOf(fd).startsWith('socket:')).length;
    (async () => {
      const before = descriptors();
      for (let round = 0; round < 3; round++) {
        const worker = new Worker(body, { eval: true });
        await new Promise((resolve) => worker.once('message', resolve));
        await worker.terminate();
      }
      console.log(descriptors() - before);
    })();
  `);
  assert.equal([status, stdout, stderr], [0, '0\n', '']);
});

test('garbage collection leaves an open socket alone and frees a closed one', () => {
  const { status, stdout, stderr } = runScript(`
    let received = 0;
    const fd = udp();
    const port = addon.localPort(fd);
    const kept = {};
    kept.watcher = addon.watch(fd, (event, count) => {
      received += count;
      if (received === 5) addon.unwatch(kept.watcher);
    });
    for (let i = 0; i < 2000; i++) addon.unwatch(addon.watch(udp(), () => undefined));
    let rounds = 0;
    const turn = () => { gc(); sendTo(kept.watcher, port); if (++rounds < 5) setImmediate(turn); };
    setImmediate(turn);
    process.on('exit', () => console.log(received));
  `);
  assert.equal([status, stdout, stderr], [0, '5\n', '']);
});

test('wrong arguments throw and change nothing', () => {
  const { status, stdout, stderr } = runScript(`
    const tries = [
      () => addon.socket('a'), () => addon.bind(), () => addon.setOption(0, 0, 0, 'text'), () => addon.watch(),
      () => addon.watch(0), () => addon.unwatch({}), () => addon.send({}, 1), () => addon.sendStream(),
      () => addon.setTimer(), () => addon.tun(5), () => addon.attachFilter(0, [1]),
      () => addon.open(Uint8Array.of(65)), () => addon.describe(),
      () => addon.adjustClock(NaN, true, 0, 0), () => addon.setWallClock(Infinity),
    ];
    for (const attempt of tries) {
      try {
        attempt();
        console.log('no error from ' + attempt);
      } catch (error) {
        if (!(error instanceof TypeError)) console.log(error);
      }
    }
  `);
  assert.equal([status, stdout, stderr], [0, '', '']);
});

test('an addon that is not there is named', () => {
  const missing = resolve('build/no-such.node');
  const script = `import { openSystem } from './src/system/node-system.ts'; openSystem();`;
  const { status, stderr } = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    encoding: 'utf8', env: { ...process.env, CAUSEWAY_ADDON: missing },
  });
  assert.is(status, 1);
  assert.match(stderr, `cannot load the native addon ${missing}`);
  assert.match(stderr, 'npm run build');
});

test.run();
