/**
 * What users chose beyond ConnMan, on a real link: the name that DHCP tells the server, the check that
 * ends, the default route that goes.
 */

import { resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { plugIn, isProperty, SERVICE, startDaemon, withWiredCell } from '../helpers/wired.ts';

const CONNMANCTL = resolve('build/bin/connmanctl');

test('names for DHCP, checks and default routes are chosen while it runs', () =>
  withWiredCell({}, async (cell) => {
    const connmanctl = (...words: string[]): Promise<string> => cell.device.output([CONNMANCTL, ...words]);
    await startDaemon(cell);
    await plugIn(cell);
    for (const [name, told] of [['printer', / printer /], ['none', / \* /]] as const) {
      await connmanctl('config', SERVICE, `--hostname=${name}`);
      await connmanctl('disconnect', SERVICE);
      await connmanctl('connect', '--wait', SERVICE);
      assert.match(await cell.server.output(['cat', '/run/dnsmasq.leases']), told);
    }
    await cell.log.wait('online', isProperty('Manager', 'State', 'online'));
    const offAt = performance.now();
    await connmanctl('online-check', 'off');
    await cell.log.wait('no longer online', isProperty('Service', 'State', 'ready'), { since: offAt });
    assert.match(await connmanctl('explain', SERVICE), 'not checked: that was turned off');
    assert.is(await connmanctl('online-check'), 'no\n');
    const onAt = performance.now();
    await connmanctl('online-check', 'on');
    await cell.log.wait('online again', isProperty('Service', 'State', 'online'), { since: onAt });

    assert.match(await cell.device.output(['ip', '-4', 'route']), /^default via 10\.77\.0\.1 dev eth0/m);
    await connmanctl('never-default', 'ethernet', 'yes');
    assert.not.match(await cell.device.output(['ip', '-4', 'route']), /^default/m);
    assert.is(await connmanctl('never-default', 'ethernet', '--json'), '{"NeverDefault":true}\n');
    assert.match(await connmanctl('explain', SERVICE), 'NeverDefault is set');
    await connmanctl('config', SERVICE, '--never-default=no');
    assert.match(await cell.device.output(['ip', '-4', 'route']), /^default via 10\.77\.0\.1 dev eth0/m);
  }));

test.run();
