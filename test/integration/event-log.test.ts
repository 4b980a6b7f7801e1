/**
 * The log of what has happened as the console shows it: states, leases, checks with their reasons,
 * and who changed what. Nobody hears of it on the bus who has not asked.
 */

import { resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { plugIn, SERVICE, startDaemon, withWiredCell } from '../helpers/wired.ts';

const CONSOLE = resolve('build/bin/connmanctl');

test('what has happened, and what happens', () =>
  withWiredCell({}, async (cell) => {
    await cell.device.script('mount -t proc proc /proc');
    await startDaemon(cell);
    await plugIn(cell);
    assert.not.ok(cell.log.since(0).some((event) => event.kind === 'signal' && event.name.endsWith('.Logged')));
    const follower = cell.device.spawn([CONSOLE, 'log', '-f', '--json']);
    await follower.waitForLine((line) => line.includes('"Outcome":"online"'));
    const passphrase = 'secret-of-somebody';
    await cell.device.output([CONSOLE, 'config', SERVICE, '--domains', passphrase]);
    const line = await follower.waitForLine((each) => each.includes('Service.SetProperty'));
    const { Time, By, ...rest } = JSON.parse(line);
    assert.ok(Math.abs(Date.parse(Time) - Date.now()) < 60_000);
    assert.match(String(By), /^connmanctl \(pid \d+, uid 0\)$/);
    const Property = 'Domains.Configuration';
    assert.equal(rest, {
      Kind: 'configuration',
      Service: SERVICE,
      What: 'Service.SetProperty',
      Property,
      Result: 'done',
    });
    assert.is(
      (await cell.device.run([CONSOLE, 'config', SERVICE, '--ipv4', 'manual', '1.2.3', '255.0.0.0'])).status,
      1,
    );
    await follower.waitForLine((each) => /IPv4.Configuration.*Invalid arguments/.test(each));
    cell.cable().unplug();
    await follower.waitForLine((each) => each.includes('"State":"idle","Before":"disconnect"'));
    assert.is(await follower.stop(), 0);

    const text = await cell.device.output([CONSOLE, 'log']);
    assert.not.match(text, /secret-of/, 'values may be secrets');
    const kinds = text
      .trim()
      .split('\n')
      .map((each) => each.split(/ +/)[1]);
    for (const kind of ['technology', 'state', 'lease', 'default', 'connectivity', 'check', 'configuration']) {
      assert.ok(kinds.includes(kind), `${kind}\n${text}`);
    }
    assert.match(
      text,
      new RegExp(`^\\S+Z state +${SERVICE} Name=Wired Type=ethernet Interface=eth0 State=ready Before=`, 'm'),
    );
    const last = await cell.device.output([CONSOLE, 'log', '--lines', '2']);
    assert.is(
      last,
      text
        .trim()
        .split('\n')
        .slice(-2)
        .map((each) => `${each}\n`)
        .join(''),
    );
    assert.is((await cell.device.run([CONSOLE, 'log', 'now'])).status, 22);
  }));

test('reload takes over what others wrote; without a procfs of its own the log has bus names', () =>
  withWiredCell({}, async (cell) => {
    await startDaemon(cell);
    await plugIn(cell);
    const settings = `/var/lib/connman/${SERVICE}/settings`;
    await cell.device.script(`timeout 30 sh -c 'until test -e ${settings}; do sleep 0.05; done'
echo 'Domains=others.test;' >>${settings}`);
    await cell.device.output([CONSOLE, 'reload']);
    assert.match(
      await cell.device.output([CONSOLE, 'services', SERVICE]),
      /Domains.Configuration = \[ others\.test \]/,
    );
    assert.match(
      await cell.device.output([CONSOLE, 'log']),
      /configuration +What=Manager1\.Reload By=":1\.\d+ \(pid \d+, uid 0\)"/,
    );
  }));

test.run();
