/**
 * The lab as a user runs it: it ends with 0 and a timeline in order, in plain text on a pipe, and
 * leaves nothing behind, neither after its own end nor when it is killed in the middle.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Child, run } from '../helpers/child.ts';

const name = process.env['CELL_DAEMON'] === 'debian' ? 'debian' : 'causeway';
const LAB = [process.execPath, '--import', 'tsx', 'tools/lab.ts', '--no-build', '--daemon', name];

test('the lab gets online twice and says how long it took', async () => {
  const mark = `LAB_TEST=${process.pid}-whole`;
  const { status, stdout, stderr } = await run(['env', mark, ...LAB], { timeoutMs: 60_000 });
  assert.is(status, 0, stdout + stderr);
  assert.not.match(stdout, /\x1b/, 'no colours on a pipe');
  assert.match(stdout, new RegExp(`^\\*AO Wired {16}ethernet_020000000000_cable$`, 'm'));

  const [, first = '', again = ''] = stdout.split(/^The cable is plugged in.*$/m);
  assertOrder(first, ['carrier', 'DHCP offer', 'DHCP lease', 'address', 'ready', 'online check', 'online']);
  assertOrder(again, ['carrier', 'DHCP lease', 'address', 'ready', 'online check', 'online']);
  assert.not.match(again, /DHCP discover/, 'the lease was known');
  assert.equal(left(mark), []);
  assert.not.match(readFileSync('/proc/self/mountinfo', 'utf8'), / overlay .*\/run\/over\//);
});

for (const signal of ['SIGINT', 'SIGKILL'] as const) {
  test(`nothing is left of a lab that ${signal} ends`, async () => {
    const mark = `LAB_TEST=${process.pid}-${signal}`;
    const lab = new Child(['env', mark, ...LAB], process.env, false);
    await lab.waitForLine((line) => line.includes(' owns net.connman '), 30_000);
    assert.ok(left(mark).some((command) => command.includes('dnsmasq')), 'the mark reaches all of it');
    lab.kill(signal);
    const status = await lab.exited;
    assert.is(status, signal === 'SIGINT' ? 130 : 'SIGKILL');
    await allGone(mark);
  });
}

test('an unknown daemon is refused', async () => {
  const { status, stdout } = await run([...LAB.slice(0, -1), 'nonesuch']);
  assert.is(status, 1);
  assert.match(stdout, /unknown daemon nonesuch/);
});

test.run();

/** Each milestone's first line comes no earlier than the one's before. */
function assertOrder(text: string, milestones: readonly string[]): void {
  let last = 0;
  for (const what of milestones) {
    const found = new RegExp(`^ +([\\d.]+) ms  ${what} {2,}`, 'm').exec(text)?.[1];
    assert.ok(found !== undefined, `no ${what} in ${text}`);
    // Three pipes tell of kernel, dnsmasq and bus: allow for their order of arrival.
    assert.ok(Number(found) > last - 5, `${what} at ${found} ms, too early`);
    last = Number(found);
  }
}

/** The processes that a lab started, or one of those: all carry its mark in their environment. */
function left(mark: string): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    try {
      if (!/^\d+$/.test(pid) || !readFileSync(`/proc/${pid}/environ`, 'utf8').includes(mark)) return [];
      return [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')];
    } catch {
      return []; // It has ended, or is none of ours.
    }
  });
}

/** The kernel kills what hung on the lab's pipe; there is no event for the last of it having gone. */
async function allGone(mark: string): Promise<void> {
  for (let tries = 0; left(mark).length > 0 && tries < 100; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.equal(left(mark), []);
}
