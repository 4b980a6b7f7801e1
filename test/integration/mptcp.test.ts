/**
 * MPTCP on a real kernel: endpoints follow the services, as ip-mptcp(8) shows them, and a connection
 * between namespaces uses both links.
 */

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Cell } from '../helpers/cell.ts';
import type { CellEvent } from '../helpers/event-log.ts';
import type { Namespace } from '../helpers/namespace.ts';
import { isProperty, SERVICE, startDaemon, withWiredCell } from '../helpers/wired.ts';

const CONNMANCTL = resolve('build/bin/connmanctl');
const OTHER = 'ethernet_020000000001_cable';
const SERVER = '10.77.0.1';
const hasMptcp = existsSync('/proc/sys/net/mptcp/enabled');

const withMptcp = hasMptcp ? test : test.skip; // counted as skipped where the kernel has none

withMptcp('endpoints follow services and settings, and connections use both links', () =>
  withWiredCell({ cables: 2, peers: ['mptcpize'] }, async (cell) => {
    await cell.device.script('echo 1 >/proc/sys/net/ipv4/conf/eth0/rp_filter');
    for (const side of [cell.device, cell.server]) await side.script('echo 1 >/proc/sys/net/mptcp/enabled');
    await startDaemon(cell);
    for (const index of [0, 1]) cell.cable(index).plug();
    for (const link of ['eth0', 'eth1']) await cell.log.wait(`an address on ${link}`, isAddressOf(link));
    await cell.log.wait('the machine to be online', isProperty('Manager', 'State', 'online'));
    await untilEndpoints(cell, /^10\.77\.\d+\.\d+ id \d+ subflow dev eth0\n10\.77\.\d+\.\d+ id \d+ subflow dev eth1$/);
    assert.is((await filterOf(cell)).trim(), '2', 'loose while it is on');

    const before = joins(await netstat(cell.device));
    await connectAndTalk(cell);
    assert.is(joins(await netstat(cell.device)), before + 1, 'a second subflow joined');

    await configure(cell, OTHER, 'signal,backup');
    await untilEndpoints(cell, /dev eth0\n10\.77\.\d+\.\d+ id \d+ signal backup dev eth1$/);
    assert.match(await cell.device.output(['cat', '/var/lib/connman/causeway/services']), 'MPTCP=signal,backup');
    await configure(cell, OTHER, 'disabled');
    await untilEndpoints(cell, /^10\.77\.\d+\.\d+ id \d+ subflow dev eth0$/);
    await configure(cell, SERVICE, 'disabled');
    await untilEndpoints(cell, /^$/);
    assert.is((await filterOf(cell)).trim(), '1', 'as it was');
    const wrong = configure(cell, SERVICE, 'signal,fullmesh');
    await wrong.then(() => assert.unreachable(), (error: unknown) => assert.match(String(error), 'Invalid arguments'));

    await cell.device.output(['ip', 'mptcp', 'endpoint', 'add', '192.0.2.99', 'signal']);
    await configure(cell, OTHER, 'auto');
    await untilEndpoints(cell, /subflow dev eth1\n192\.0\.2\.99 id/);
    cell.cable(1).unplug();
    await untilEndpoints(cell, /^192\.0\.2\.99 id \d+ signal$/);
  }));

test.run();

/** Somebody else's server and client, made to use MPTCP; ten exchanges, so that both links carry some. */
async function connectAndTalk(cell: Cell): Promise<void> {
  const serve = `require('net').createServer((s) => s.pipe(s)).listen(7, '${SERVER}', () => console.log('listening'))`;
  const server = cell.server.spawn(['mptcpize', 'run', process.execPath, '-e', serve]);
  await server.waitForLine((line) => line === 'listening');
  const talk = `let n = 0; const s = require('net').connect(7, '${SERVER}');
s.on('data', () => (++n === 10 ? s.end() : setTimeout(() => s.write('x'.repeat(9000)), 100))).write('x')`;
  await cell.device.output(['mptcpize', 'run', process.execPath, '-e', talk]);
  await server.stop();
}

function netstat(namespace: Namespace): Promise<string> {
  return namespace.output(['cat', '/proc/net/netstat']);
}

/** Subflows that were joined from here: MPTcpExt MPJoinSynAckRx. */
function joins(text: string): number {
  const [names = '', values = ''] = text.split('\n').filter((line) => line.startsWith('MPTcpExt:'));
  return Number(values.split(' ')[names.split(' ').indexOf('MPJoinSynAckRx')]);
}

function filterOf(cell: Cell): Promise<string> {
  return cell.device.output(['cat', '/proc/sys/net/ipv4/conf/eth0/rp_filter']);
}

function configure(cell: Cell, service: string, value: string): Promise<string> {
  return cell.device.output([CONNMANCTL, 'config', service, `--mptcp=${value}`]);
}

async function untilEndpoints(cell: Cell, pattern: RegExp): Promise<void> {
  let text = '';
  for (const endsAt = performance.now() + 30_000; performance.now() < endsAt; ) {
    text = (await cell.device.output(['ip', 'mptcp', 'endpoint'])).trimEnd();
    if (pattern.test(text.split('\n').map((line) => line.trim()).sort().join('\n'))) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`${pattern} is not what is there: ${text}`);
}

function isAddressOf(link: string): (event: CellEvent) => boolean {
  return (event) => event.kind === 'address' && event.link === link && event.isAdded && event.address.startsWith('10.');
}
