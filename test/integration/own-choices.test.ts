/**
 * What users chose beyond ConnMan, on a real link: the name that DHCP tells the server, the check that
 * ends, the default route that goes.
 */

import { resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../helpers/patience.ts';
import { plugIn, isProperty, SERVICE, startDaemon, withWiredCell } from '../helpers/wired.ts';

const CONNMANCTL = resolve('build/bin/connmanctl');

test('names for DHCP, checks and default routes are chosen while it runs', () =>
  withWiredCell({ dnsmasq: { extra: ['--domain=example.org', '--dhcp-option-force=12,lent'] } }, async (cell) => {
    const connmanctl = (...words: string[]): Promise<string> => cell.device.output([CONNMANCTL, ...words]);
    const said: string[] = [];
    cell.dnsmasq?.observe((line) => void said.push(line));
    await startDaemon(cell);
    await plugIn(cell);
    // The server answers with option 81 whom it heard it from (RFC 4702, 4), and only him.
    for (const { name, kept, wire, isQualified = false } of [
      { name: 'printer', kept: / printer /, wire: /client provides name: printer$/ },
      { name: 'box.example.org', kept: / box /, wire: /client provides name: box\.example\.org$/, isQualified: true },
      { name: 'none', kept: / \* / },
    ]) {
      said.length = 0;
      await connmanctl('config', SERVICE, `--hostname=${name}`);
      await connmanctl('disconnect', SERVICE);
      await connmanctl('connect', '--wait', SERVICE);
      assert.match(await cell.server.output(['cat', '/run/dnsmasq.leases']), kept);
      const provided = said.filter((line) => line.includes('client provides name'));
      assert.is(provided.length > 0, wire !== undefined, said.join('\n'));
      for (const line of provided) assert.match(line, wire ?? '');
      assert.is(said.some((line) => / option: 81 FQDN /.test(line)), isQualified, said.join('\n'));
    }
    await until('the name of the lease', async () => (await cell.device.output(['hostname'])) === 'lent\n');
    await connmanctl('config', SERVICE, '--take-hostname', 'no');
    await cell.device.output(['hostname', 'mine']);
    await connmanctl('disconnect', SERVICE);
    await connmanctl('connect', '--wait', SERVICE);
    assert.is(await cell.device.output(['hostname']), 'mine\n');
    assert.match(await connmanctl('extras', SERVICE), /^ {2}SendHostname = none$/m);
    assert.is(JSON.parse(await connmanctl('extras', SERVICE, '--json')).Metered, 'guess-no');
    const unknown = await cell.device.run([CONNMANCTL, 'extras', 'nobody']);
    assert.equal([unknown.status, /\nNothing is called that/.test(unknown.stderr)], [1, true]);
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
