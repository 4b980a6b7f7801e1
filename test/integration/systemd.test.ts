/**
 * Beside the daemons of systemd: systemd-hostnamed is asked to set the host name, systemd-logind holds
 * our delay inhibitor. It refuses to put this machine to sleep, so that for PrepareForSleep this
 * program takes its name: leases, links and the way out are looked at again at resume.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { BusObserver } from '../helpers/bus-daemon.ts';
import { Cell } from '../helpers/cell.ts';
import { EventLog, type CellEvent } from '../helpers/event-log.ts';
import { until } from '../helpers/patience.ts';
import { plugIn, startDaemon } from '../helpers/wired.ts';

const LOGIN1 = 'org.freedesktop.login1';
const MANAGER = { path: '/org/freedesktop/login1', interface: `${LOGIN1}.Manager` };

const cell = await Cell.open({
  peers: ['connman', 'polkitd', 'systemd'],
  dnsmasq: { extra: ['--dhcp-host=02:00:00:00:00:00,causeway-box'] },
});
await cell.device.script('cd /run/systemd 2>/dev/null || mkdir /run/systemd && cd /run/systemd\n'
  + 'mkdir -p system inhibit seats users sessions machines');
const logged = { SYSTEMD_LOG_LEVEL: 'debug', SYSTEMD_LOG_TARGET: 'console' };
const hostnamed = cell.device.spawn(['/lib/systemd/systemd-hostnamed'], logged);
const logind = cell.device.spawn(['/lib/systemd/systemd-logind'], logged);
const isOwned = (name: string) => (event: CellEvent): boolean =>
  event.kind === 'owner' && event.name === name && event.owner !== undefined;
await cell.log.wait('systemd-logind', isOwned(LOGIN1));
await cell.log.wait('systemd-hostnamed', isOwned('org.freedesktop.hostname1'));
const daemon = await startDaemon(cell);

/** The inhibitors that systemd-logind has: what, who, why, how. */
async function inhibitors(): Promise<string[]> {
  const [list] = await cell.bus.call({ destination: LOGIN1, ...MANAGER, member: 'ListInhibitors' });
  return Array.isArray(list) ? list.map((each: readonly unknown[]) => each.slice(0, 4).join('|')) : [];
}

test('systemd-logind waits for us before it sleeps', () => until('the inhibitor', async () => {
  const [first = ''] = await inhibitors();
  return /^sleep\|Connection manager\|.*\|delay$/.test(first);
}));

test('the host name of the lease is set, and systemd-hostnamed was asked first', async () => {
  await plugIn(cell);
  await until('the host name', async () => (await cell.device.output(['hostname'])).trim() === 'causeway-box');
  assert.match(hostnamed.text, /member=SetHostname/);
});

test('at resume the lease is asked for, the way out tried, and a new inhibitor wanted', async () => {
  logind.kill();
  await logind.exited;
  const standIn = await BusObserver.connect(cell.busAddress, new EventLog());
  standIn.serve(cell.log);
  const owned = await standIn.call({
    destination: 'org.freedesktop.DBus', path: '/org/freedesktop/DBus', interface: 'org.freedesktop.DBus',
    member: 'RequestName', signature: 'su', body: [LOGIN1, 0],
  });
  assert.equal(owned, [1]);
  const isInhibit = (event: CellEvent): boolean =>
    event.kind === 'call' && event.name === `${LOGIN1}.Manager.Inhibit`;
  await cell.log.wait('a new logind to be asked', isInhibit);
  const prepare = (isStart: boolean): void =>
    standIn.emit({ ...MANAGER, member: 'PrepareForSleep', signature: 'b', body: [isStart] });
  prepare(true);
  await daemon.waitForLine((line) => line.endsWith('the machine goes to sleep'));
  const since = performance.now();
  prepare(false);
  const isRequest = (event: CellEvent): boolean => event.kind === 'dhcp' && event.message === 'DHCPREQUEST';
  await cell.log.wait('the lease to be asked for', isRequest, { since });
  await cell.log.wait('the way out to be tried', (event) => event.kind === 'http', { since });
  await cell.log.wait('another inhibitor', isInhibit, { since });
  standIn.close();
});

test.after(() => cell.close());

test.run();
