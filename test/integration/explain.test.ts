/**
 * Explain on a real link: what is wrong is made so, and what is told names it, what was asked, what
 * answered and what comes next.
 */

import { resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Cell } from '../helpers/cell.ts';
import { makeUplink, STATUS_ADDRESS } from '../helpers/uplinks.ts';
import { startDaemon, withWiredCell } from '../helpers/wired.ts';

const CONNMANCTL = resolve('build/bin/connmanctl');
const IMPATIENT = `[General]
OnlineCheckMode=continuous
OnlineCheckFailuresThreshold=1
OnlineCheckSuccessesThreshold=1
OnlineCheckMaxInterval=1
OnlineCheckConnectTimeout=1
`;

interface Told {
  readonly Subject: string;
  readonly Cause: string;
  readonly Next: string;
  readonly NextIn?: number;
  readonly Text: string;
  readonly Facts: Readonly<Record<string, unknown>>;
}

test('what is made wrong is told, one thing after the other', () =>
  withWiredCell({ cables: 2, dnsmasq: false, files: { '/etc/connman/main.conf': IMPATIENT } }, async (cell) => {
    const one = await makeUplink(cell, 0, { hasServer: false });
    await startDaemon(cell);
    const unplugged = await until(cell, 'eth0', 'noCarrier');
    assert.is(unplugged.Next, 'plugIn');

    await one.plug();
    const unanswered = await until(cell, one.service, 'noDhcpAnswer');
    assert.match(unanswered.Text, /no DHCP server on eth0 has answered \d+ request.*asked again in \d+ s/);
    assert.is(unanswered.Next, 'askServer');

    const honest = await one.startServer();
    const online = await until(cell, one.service, 'online');
    assert.match(online.Text, /online: http:\/\/ipv4\.connman\.net\/\S* answered/);
    const leased = await until(cell, one.service, 'connected');
    assert.is(leased.Next, 'renew');
    assert.match(leased.Text, /connected on eth0 with 10\.80\.0\.\d+ \(dhcp\).*renewed in/);
    await until(cell, one.service, 'isDefault');

    await one.setUpstream(false);
    const nowhere = await until(cell, one.service, 'noReply', 'unreachable', 'refused');
    assert.match(nowhere.Text, /not online: .*http:\/\/ipv4\.connman\.net\/.*checked again in 1 s/);
    await one.setUpstream(true);
    await until(cell, one.service, 'online');

    honest.freeze();
    const silent = await until(cell, one.service, 'nameserversSilent');
    assert.match(silent.Text, /name servers 10\.80\.0\.1 did not answer.*--nameservers/);
    honest.thaw();
    await honest.stop();
    const liar = await one.startServer({ names: { 'ipv4.connman.net': one.router } });
    const lied = await until(cell, one.service, 'lyingDns');
    assert.match(lied.Text, /name servers 10\.80\.0\.1 lead http:\S+ to 10\.80\.0\.1, which is not on the Internet/);
    await liar.stop();

    await one.namespace.output(['ip', 'address', 'del', `${one.router}/24`, 'dev', one.port]);
    await one.namespace.output(['ip', 'address', 'add', STATUS_ADDRESS, 'dev', one.port]);
    await cell.device.output(['ip', 'neighbour', 'flush', 'dev', 'eth0']);
    const mute = await until(cell, one.service, 'gatewaySilent');
    assert.match(mute.Text, /gateway 10\.80\.0\.1 does not answer, not even on the link.*Is the gateway right/);

    const two = await makeUplink(cell, 1);
    await two.plug();
    await until(cell, two.service, 'online');
    const second = await until(cell, one.service, 'otherIsDefault');
    assert.equal([second.Facts['Other'], second.Facts['Criterion']], [two.service, 'onlineCheck']);
    assert.match(second.Text, /comes first because the online checks of this one failed/);

    await console(cell, two.service);
  }));

/** The console says the same in text and as JSON. */
async function console(cell: Cell, service: string): Promise<void> {
  const text = await cell.device.output([CONNMANCTL, 'explain', 'eth1']);
  assert.match(text, new RegExp(`^${service}\\n  It is connected on eth1 .*\\n  It is the default`));
  const told: readonly Told[] = JSON.parse(await cell.device.output([CONNMANCTL, 'explain', '--json', service]));
  assert.equal(told.map(({ Cause }) => Cause), ['connected', 'isDefault', 'online']);
  const all = await cell.device.output([CONNMANCTL, 'explain', 'ethernet']);
  assert.match(all, 'ethernet_020000000000_cable\n');
  await cell.device.output([CONNMANCTL, 'disable', 'ethernet']);
  assert.match(await cell.device.output([CONNMANCTL, 'explain']), /ethernet\n {2}It is off because it was disabled/);
  const strange = cell.device.output([CONNMANCTL, 'explain', 'nothing_like_it']);
  await strange.then(() => assert.unreachable(), (error: unknown) => assert.match(String(error), 'ended with 1'));
}

test.run();

/** Asks until one of `causes` is told of `subject`. */
async function until(cell: Cell, subject: string, ...causes: readonly string[]): Promise<Told> {
  let last: readonly Told[] = [];
  for (const endsAt = performance.now() + 60_000; performance.now() < endsAt; ) {
    const [findings] = await cell.bus.call({
      destination: 'net.connman', path: '/', interface: 'net.causeway.Manager1', member: 'Explain',
    });
    last = toldOf(findings).filter(({ Subject }) => Subject === subject);
    const found = last.find(({ Cause }) => causes.includes(Cause));
    if (found !== undefined) return found;
    await new Promise((done) => setTimeout(done, 200));
  }
  throw new Error(`${causes.join(' or ')} is not told of ${subject}: ${JSON.stringify(last)}`);
}

function toldOf(findings: unknown): readonly Told[] {
  return JSON.parse(JSON.stringify(findings));
}
