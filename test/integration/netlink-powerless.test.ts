/**
 * Without the right to configure: the mirror works, every change is refused with EPERM. The test
 * runs as nobody, in a user namespace below the one that owns its network.
 */

import { spawnSync } from 'node:child_process';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { NetlinkError } from '../../src/netlink/error.ts';
import { createScope } from '../../src/shared/scope.ts';
import { openReal } from '../helpers/netlink-lab.ts';
import { enterNamespaces } from '../helpers/unshare.ts';
import { prefix } from '../unit/netlink/captures.ts';

const MARK = 'CAUSEWAY_TEST_POWERLESS';

if (process.env[MARK] === undefined) {
  enterNamespaces('--net');
  const self = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const env = { ...process.env, [MARK]: '1' };
  const inside = spawnSync('unshare', ['--user', '--', ...self], { stdio: 'inherit', env });
  process.exit(inside.status ?? 1);
}

test('nobody reads everything and changes nothing', async () => {
  assert.is(process.getuid?.(), 65534);
  const scope = createScope();
  const { address, link, mirror, route } = await openReal(scope);
  assert.is(mirror.linkByName('lo')?.ifindex, 1);
  const refused = await Promise.allSettled([
    link.setUp(1), link.add({ kind: 'bridge', name: 'br0' }), address.add({ ifindex: 1, ...prefix('127.0.0.2/8') }),
    route.add({ family: 4, ifindex: 1 }),
  ]);
  for (const outcome of refused) {
    assert.ok(outcome.status === 'rejected' && outcome.reason instanceof NetlinkError);
    assert.is(outcome.reason.code, 'EPERM');
  }
  await scope.close();
});

test.run();
