/** The syslog sink on sockets in the test's hand: framing, loss, the daemon that comes back. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { notifyServiceManager } from '../../../src/daemon/notify.ts';
import { syslogSink, type SyslogOptions } from '../../../src/daemon/syslog.ts';
import { SystemError } from '../../../src/shared/errors.ts';
import type { LogSink } from '../../../src/shared/log.ts';
import type { Scope } from '../../../src/shared/scope.ts';
import type { MessageSocket } from '../../../src/system/system.ts';
import type { FakeClock } from '../../helpers/fake-clock.ts';
import { withScope } from '../../helpers/with-scope.ts';

// Times in the log are local: here they are of a place without summer time.
process.env['TZ'] = 'UTC';

/** A syslog daemon that can be away, full, or restarted. */
class FakeDaemon {
  readonly received: string[] = [];
  readonly paths: string[] = [];
  openSockets = 0;
  connects = 0;
  isListening = true;
  isFull = false;
  #generation = 0;

  /** Sockets connected before no longer reach anybody. */
  restart(): void {
    this.#generation++;
  }

  unixDatagram(path: string, scope: Scope): MessageSocket<undefined> {
    this.connects++;
    this.paths.push(path);
    if (!this.isListening) throw new SystemError('ENOENT', 2, 'connect', 'No such file or directory');
    const generation = this.#generation;
    this.openSockets++;
    scope.defer(() => void this.openSockets--);
    return {
      localPort: 0,
      onMessage: () => undefined,
      onError: () => undefined,
      send: (bytes) => {
        const isGone = !this.isListening || generation !== this.#generation;
        if (isGone) throw new SystemError('ECONNREFUSED', 111, 'send', 'Connection refused');
        if (this.isFull) throw new SystemError('EAGAIN', 11, 'send', 'Resource temporarily unavailable');
        this.received.push(new TextDecoder().decode(bytes));
      },
    };
  }
}

function open(daemon: FakeDaemon, clock: FakeClock, scope: Scope, options: Partial<SyslogOptions> = {}): LogSink {
  return syslogSink({ ident: 'connmand', pid: 42, ...options }, { system: daemon, clock }, scope);
}

test(
  'lines are framed as syslog(3) frames them',
  withScope(({ scope, clock, watch }) => {
    const daemon = new FakeDaemon();
    watch('sockets', () => daemon.openSockets);
    const sink = open(daemon, clock, scope);
    sink('error', 'one');
    clock.stepWallTime(((20 * 24 + 13) * 60 + 14) * 60_000 + 15_000);
    sink('warn', 'two');
    sink('info', 'three');
    sink('debug', 'src/a.ts: four');
    assert.equal(daemon.received, [
      '<27>Jan  1 00:00:00 connmand[42]: one',
      '<28>Jan 21 13:14:15 connmand[42]: two',
      '<30>Jan 21 13:14:15 connmand[42]: three',
      '<31>Jan 21 13:14:15 connmand[42]: src/a.ts: four',
    ]);
    assert.equal(daemon.paths, ['/dev/log']);
  }),
);

test(
  'in the foreground lines go to standard error, too',
  withScope(({ scope, clock }) => {
    const echoed: string[] = [];
    const daemon = new FakeDaemon();
    daemon.isListening = false;
    const sink = open(daemon, clock, scope, { echo: (text) => void echoed.push(text) });
    sink('info', 'one');
    sink('error', 'two\nthree');
    assert.equal(echoed, ['connmand[42]: one\n', 'connmand[42]: two\n', 'connmand[42]:   three\n']);
  }),
);

test(
  'nobody can forge a line or reach a terminal',
  withScope(({ scope, clock }) => {
    const daemon = new FakeDaemon();
    open(daemon, clock, scope)('info', 'name is "x\n<0>Jan  1 00:00:00 kernel: y\r\u001b[31m\u0000\u009b\tz"\n');
    const head = '<30>Jan  1 00:00:00 connmand[42]: ';
    assert.equal(daemon.received, [
      `${head}name is "x`,
      `${head}  <0>Jan  1 00:00:00 kernel: y\\x0d\\x1b[31m\\x00\\x9b\tz"`,
    ]);
  }),
);

test(
  'a long line is cut, not refused',
  withScope(({ scope, clock }) => {
    const daemon = new FakeDaemon();
    open(daemon, clock, scope)('info', 'x'.repeat(100_000));
    assert.is(daemon.received[0]?.length, 8000);
  }),
);

test(
  'a daemon that was restarted is found again with the next line',
  withScope(async ({ scope, clock, watch }) => {
    const daemon = new FakeDaemon();
    watch('sockets', () => daemon.openSockets);
    const sink = open(daemon, clock, scope);
    sink('info', 'before');
    daemon.restart();
    await clock.advance(1000);
    sink('info', 'after');
    assert.equal(daemon.received.map((line) => line.slice(-6)), ['before', ' after']);
    assert.is(daemon.openSockets, 1);
  }),
);

test(
  'while nobody listens lines are counted, and it is looked for once a second',
  withScope(async ({ scope, clock }) => {
    const daemon = new FakeDaemon();
    daemon.isListening = false;
    const sink = open(daemon, clock, scope);
    for (let line = 0; line < 10; line++) sink('info', `line ${line}`);
    assert.is(daemon.connects, 1);
    await clock.advance(1000);
    sink('info', 'line 10');
    assert.is(daemon.connects, 2);
    daemon.isListening = true;
    await clock.advance(1000);
    sink('info', 'here again');
    const head = '<30>Jan  1 00:00:02 connmand[42]: ';
    assert.equal(daemon.received, [`${head}11 lines were lost`, `${head}here again`]);
  }),
);

test(
  'a full buffer loses lines, not the socket',
  withScope(({ scope, clock }) => {
    const daemon = new FakeDaemon();
    const sink = open(daemon, clock, scope);
    sink('info', 'one');
    daemon.isFull = true;
    sink('info', 'two');
    sink('info', 'three');
    daemon.isFull = false;
    sink('info', 'four');
    assert.is(daemon.connects, 1);
    assert.equal(daemon.received.map((line) => line.split(']: ')[1]), ['one', '2 lines were lost', 'four']);
  }),
);

test(
  'after its scope it is silent',
  withScope(async ({ scope, clock }) => {
    const own = scope.child();
    const daemon = new FakeDaemon();
    const sink = open(daemon, clock, own);
    await own.close();
    sink('info', 'late');
    assert.equal([daemon.connects, daemon.openSockets], [0, 0]);
  }),
);

test('a service manager hears states; without one, or with a bad address, nothing happens', () => {
  const daemon = new FakeDaemon();
  notifyServiceManager('READY=1', '/run/systemd/notify', daemon);
  notifyServiceManager('STOPPING=1', '@abstract', daemon);
  assert.equal(daemon.received, ['READY=1', 'STOPPING=1']);
  assert.equal(daemon.paths, ['/run/systemd/notify', '@abstract']);
  for (const path of [undefined, '', '/', '@', 'vsock:2:1', 'relative']) notifyServiceManager('READY=1', path, daemon);
  assert.is(daemon.connects, 2);
  daemon.isListening = false;
  notifyServiceManager('READY=1', '/run/systemd/notify', daemon);
  assert.is(daemon.openSockets, 0);
});

test.run();
