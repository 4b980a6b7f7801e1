/**
 * The NTP client against chronyd, which serves the machine's clock, and against servers that lie or
 * refuse. Nothing here may set the machine's clock: chronyd runs with -x, the tool sets nothing, and
 * our daemon is refused by the kernel (test/run.ts) and has to say so. The guest does the rest.
 */

import { resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Cell } from '../helpers/cell.ts';
import type { Child } from '../helpers/child.ts';
import { startChrony } from '../helpers/chrony.ts';
import { spawnTypeScript } from '../helpers/run-status-server.ts';
import { callConnman, isProperty } from '../helpers/wired.ts';

const CHRONY = '10.77.0.1';
const [LIAR, HONEST, DENIER] = ['10.77.0.2', '10.77.0.3', '10.77.0.4'];

const cell = await Cell.open({
  peers: ['connman', 'chrony'],
  files: { '/etc/connman/main.conf': '[General]\nOnlineCheckMode=none\n' },
  dnsmasq: { names: { 'ntp.test': CHRONY }, extra: [`--dhcp-option=42,${CHRONY}`] },
});
await cell.server.script(`for end in 2 3 4; do ip address add 10.77.0.$end/20 dev bridge; done
ip address add fd77::1/64 dev bridge nodad`);
await startChrony(cell.server, [`bindaddress ${CHRONY}`, 'bindaddress fd77::1']);

async function startServer(address: string, start: string, ...rest: string[]): Promise<Child> {
  const server = await spawnTypeScript(cell.server, 'test/integration/ntp-server.ts', [address, start, ...rest]);
  await server.waitForLine((line) => line === 'listening');
  return server;
}

test('the daemon asks the server of the lease, through its link, and tells that it may not set the clock', async () => {
  const daemon = await cell.startDaemon([resolve('build/bin/connmand'), '-n', '-d', 'src/ntp/*'], 'net.connman');
  const since = cell.cable().plug();
  await cell.log.wait('ready', isProperty('Manager', 'State', 'ready'), { since });
  await daemon.waitForLine((line) => line.endsWith('the clock cannot be set: adjtimex: Operation not permitted'));
  assert.match(daemon.text, `asked ${CHRONY}`);
  const [properties] = await callConnman(cell, 'Clock', 'GetProperties');
  const { TimeserverSynced, TimeUpdates } = Object(properties);
  assert.equal([TimeserverSynced, TimeUpdates], [false, 'auto']);
});

/** Runs tools/ntp-test.ts in the device for some seconds; the corrections it would make, and all lines. */
async function measure(seconds: number, ...words: string[]): Promise<{ offsets: number[]; text: string }> {
  const tool = [process.execPath, '--import', 'tsx', 'tools/ntp-test.ts', '--device', 'eth0'];
  const inFolder = ['sh', '-c', 'cd "$1" && shift && exec "$@"', 'sh', process.cwd()];
  const text = await cell.device.output([...inFolder, ...tool, '--seconds', `${seconds}`, ...words]);
  const offsets = [...text.matchAll(/^(?:slew|step) (\S+) ms by/gm)].map(([, offset]) => Number(offset));
  return { offsets, text };
}

test('chrony and the client agree to a millisecond', async () => {
  const { offsets, text } = await measure(8, CHRONY);
  assert.ok(offsets.length > 0 && Math.abs(offsets.at(-1) ?? Infinity) < 1, text);
  assert.match(text, /by 10\.77\.0\.1, stratum 3, within \S+ ms, leap none/);
  console.log(`offsets from the same clock: ${offsets.map((offset) => offset.toFixed(3)).join(', ')} ms`);
});

test('over IPv6, and by name', async () => {
  await cell.device.script('ip address add fd77::2/64 dev eth0 nodad');
  const [six, named] = await Promise.all([
    measure(3, 'fd77::1'), measure(3, '--nameserver', CHRONY, 'ntp.test'),
  ]);
  assert.match(six.text, /^slew \S+ ms by fd77::1, stratum 3/m);
  assert.match(named.text, /^slew \S+ ms by 10\.77\.0\.1, stratum 3/m);
});

test('a liar at the head of the list is outvoted, from a port of its own each time', async () => {
  const [liar] = await Promise.all([startServer(LIAR, '+90000'), startServer(HONEST, '+0')]);
  const { offsets, text } = await measure(6, LIAR, HONEST, CHRONY);
  assert.ok(offsets.length > 0 && offsets.every((offset) => Math.abs(offset) < 100), text);
  assert.not.match(text, `by ${LIAR}`);
  const ports = [...liar.text.matchAll(/from port (\d+): 23/g)].map(([, port]) => port);
  assert.ok(ports.length >= 2 && new Set(ports).size > 1, liar.text);
});

test('who refuses is asked once', async () => {
  const denier = await startServer(DENIER, '+0', 'DENY');
  const { text } = await measure(4, DENIER, CHRONY);
  assert.match(text, `${DENIER} says DENY`);
  assert.is(denier.text.match(/asked/g)?.length, 1);
});

test.after(() => cell.close());

test.run();
