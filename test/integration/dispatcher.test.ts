/**
 * Scripts for what has changed: what they are told, which of them may run, and that one that hangs,
 * forks, floods or fails harms neither the next nor the daemon. Scripts are real, and so is time.
 */

import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Change, ChangeKind, ChangeValues } from '../../src/changes/changes.ts';
import { hookScripts } from '../../src/daemon/hook-scripts.ts';
import { dispatchChanges } from '../../src/dispatcher.ts';
import { DeadlineClock, nodeTimeSource } from '../../src/shared/clock.ts';
import { Emitter } from '../../src/shared/emitter.ts';
import { setLogSink } from '../../src/shared/log.ts';
import { createScope } from '../../src/shared/scope.ts';
import { patience } from '../helpers/patience.ts';
import { plugIn, startDaemon, withWiredCell } from '../helpers/wired.ts';

/** A directory of scripts and a stream of changes. */
class Bench {
  readonly directory = mkdtempSync(`${tmpdir()}/causeway-scripts-`);
  readonly scope = createScope();
  readonly changes = { happened: new Emitter<Change>() };
  readonly complaints: string[] = [];
  isLeaving = false;
  readonly #loud = setLogSink((_, line) => this.complaints.push(line));

  constructor(timeLimitMs = 60_000) {
    const clock = new DeadlineClock(nodeTimeSource());
    const env = { changes: this.changes, clock, timeLimitMs, isLeaving: () => this.isLeaving };
    dispatchChanges(hookScripts(this.directory), env, this.scope);
  }

  script(name: string, body: string, mode = 0o755): string {
    const path = `${this.directory}/${name}`;
    writeFileSync(path, `#!/bin/sh\n${body.replaceAll('OUT', `${this.directory}/.out`)}\n`);
    chmodSync(path, mode);
    return path;
  }

  tell(kind: ChangeKind, values: ChangeValues): void {
    this.changes.happened.emit({ kind, at: new Date(0), values });
  }

  get out(): string {
    const path = `${this.directory}/.out`;
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  async until(what: string, condition: () => boolean): Promise<void> {
    const last = performance.now() + patience(20_000);
    while (!condition()) {
      if (performance.now() > last) throw new Error(`${what}:\n${this.out}\n${this.complaints.join('\n')}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async close(): Promise<void> {
    await this.scope.close();
    setLogSink(this.#loud);
    rmSync(this.directory, { recursive: true });
  }
}

async function withBench(timeLimitMs: number | undefined, body: (bench: Bench) => Promise<void>): Promise<void> {
  const bench = new Bench(timeLimitMs);
  try {
    await body(bench);
  } finally {
    await bench.close();
  }
}

const READY = { Service: 'ethernet_a_cable', Type: 'ethernet', Interface: 'eth0', State: 'ready', Before: 'idle' };

test('scripts run by name, with the event on standard input and in variables, and nothing inherited', () =>
  withBench(undefined, async (bench) => {
    process.env['SECRET_OF_THE_DAEMON'] = 'x';
    bench.script('20-second', 'env | grep -v ^PWD | sort >>OUT; echo end >>OUT');
    bench.script('10-first', 'cat >>OUT');
    bench.tell('state', READY);
    await bench.until('both', () => bench.out.endsWith('end\n'));
    const [json = '', ...environment] = bench.out.trim().split('\n');
    assert.equal(JSON.parse(json), { Time: '1970-01-01T00:00:00.000Z', Kind: 'state', ...READY });
    assert.equal(
      environment.filter((line) => !/^(_|SHLVL|OLDPWD)=/.test(line)),
      [
        'CONNMAN_EVENT=state',
        'CONNMAN_INTERFACE=eth0',
        'CONNMAN_SERVICE=ethernet_a_cable',
        'CONNMAN_STATE=ready',
        'CONNMAN_TYPE=ethernet',
        'PATH=/usr/sbin:/usr/bin:/sbin:/bin',
        'end',
      ],
    );
    bench.tell('check', READY);
    bench.isLeaving = true;
    bench.tell('state', { ...READY, State: 'idle' });
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.is(bench.out.match(/end/g)?.length, 1, 'checks are for the log; a daemon that leaves changes nothing');
  }));

test('only what root alone can write is run', () =>
  withBench(undefined, async (bench) => {
    bench.script('10-group', 'echo group >>OUT', 0o775);
    bench.script('11-world', 'echo world >>OUT', 0o757);
    chownSync(bench.script('12-other', 'echo other >>OUT'), 12345, 0);
    bench.script('13-setuid', 'echo setuid >>OUT', 0o4755);
    bench.script('14-off', 'echo off >>OUT', 0o644);
    bench.script('15-left.dpkg-old', 'echo left >>OUT');
    bench.script('16-editor~', 'echo editor >>OUT');
    symlinkSync('/bin/true', `${bench.directory}/17-link`);
    bench.script('90-good', 'echo good >>OUT');
    bench.tell('state', READY);
    await bench.until('the good one', () => bench.out === 'good\n');
    assert.equal(
      bench.complaints.map((text) => /\d\d-\w+/.exec(text)?.[0]),
      ['10-group', '11-world', '12-other', '13-setuid', '17-link'],
    );
    bench.tell('state', { ...READY, State: 'online' });
    await bench.until('it again', () => bench.out === 'good\ngood\n');
    assert.is(bench.complaints.length, 5, 'said once');
    chmodSync(bench.directory, 0o777);
    bench.tell('state', READY);
    await bench.until('the directory to be refused', () => bench.complaints.length === 6);
    assert.is(bench.out, 'good\ngood\n');
  }));

test('one that hangs is ended with all it started, and the next has its turn', () =>
  withBench(700, async (bench) => {
    bench.script(
      '10-hang',
      `trap '' TERM INT
(trap '' TERM INT; while :; do sleep 1; done) &
echo $! >OUT
while :; do sleep 1; done`,
    );
    bench.script('20-next', 'echo next >>OUT');
    bench.tell('state', READY);
    await bench.until('the next', () => bench.out.endsWith('next\n'));
    const [child = ''] = bench.out.split('\n');
    await bench.until('its child to be gone', () => !existsSync(`/proc/${child}/stat`) || isZombie(child));
    assert.match(bench.complaints.join('\n'), /10-hang took too long for state/);
  }));

test('one that forks and ends, floods or fails is borne', () =>
  withBench(undefined, async (bench) => {
    bench.script('10-fork', 'sleep 600 & echo $! >OUT');
    bench.script('20-flood', 'head -c 20000000 /dev/zero; head -c 20000000 /dev/zero >&2');
    bench.script('30-fail', 'printf "first\\nwhy: \\033[31mred\\n" >&2; exit 7');
    bench.script('40-kill', 'kill -9 $$');
    writeFileSync(`${bench.directory}/50-nothing`, '#!/nowhere/interpreter\n');
    chmodSync(`${bench.directory}/50-nothing`, 0o755);
    bench.script('90-last', 'echo last >>OUT');
    bench.tell('state', READY);
    await bench.until('the last', () => bench.out.endsWith('last\n'));
    const [forked = ''] = bench.out.split('\n');
    await bench.until('what was forked to be gone', () => !existsSync(`/proc/${forked}/stat`) || isZombie(forked));
    const said = bench.complaints.map((text) => text.replaceAll(`${bench.directory}/`, ''));
    assert.equal(said, [
      '30-fail failed for state ethernet_a_cable with status 7: why: ?[31mred',
      '40-kill failed for state ethernet_a_cable with SIGKILL',
      '50-nothing cannot be run: spawn 50-nothing ENOENT',
    ]);
  }));

test('events that scripts cannot keep up with are gathered and then dropped, never the newest', () =>
  withBench(undefined, async (bench) => {
    bench.script('10-slow', 'while [ ! -e OUT.go ]; do sleep 0.02; done; cat >>OUT');
    bench.tell('state', { ...READY, State: 'first' });
    await new Promise((resolve) => setTimeout(resolve, 50));
    for (let index = 0; index < 5000; index++) bench.tell('state', { ...READY, State: `s${index}` });
    for (let index = 0; index < 300; index++) bench.tell('state', { ...READY, Service: `s${index}`, State: 'ready' });
    assert.is(bench.complaints.filter((text) => /too slow/.test(text)).length, 300 + 16 - 128);
    writeFileSync(`${bench.directory}/.out.go`, '');
    await bench.until('all that waited', () => bench.out.includes('"Service":"s299"'));
    const told: { Service: string; State: string }[] = bench.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.is(told.length, 129);
    assert.is(told[0]?.State, 'first');
  }));

test('a cable from plug to unplug', () =>
  withWiredCell({}, async (cell) => {
    await cell.device.script(`mkdir /etc/connman/dispatcher.d
printf '#!/bin/sh\\necho "$CONNMAN_EVENT $CONNMAN_INTERFACE $CONNMAN_STATE$CONNMAN_LEASE" >>/run/events\\n' \
>/etc/connman/dispatcher.d/10-note
chmod 755 /etc/connman/dispatcher.d /etc/connman/dispatcher.d/10-note`);
    await startDaemon(cell);
    await plugIn(cell);
    const until = (text: string): Promise<string> =>
      cell.device.output(['timeout', '30', 'sh', '-c', `until grep -qx '${text}' /run/events; do sleep 0.05; done`]);
    for (const text of [
      'state eth0 configuration',
      'lease eth0 new',
      'state eth0 ready',
      'default eth0 ',
      'state eth0 online',
    ]) {
      await until(text);
    }
    cell.cable().unplug();
    for (const text of ['state eth0 disconnect', 'state eth0 idle', 'connectivity  idle']) await until(text);
  }));

test.run();

function isZombie(pid: string): boolean {
  try {
    return / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
}
