/**
 * A network without a DHCP server, and one that comes late: a link-local address (RFC 3927) after
 * ConnMan's 30 s, given up for a lease.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { CellEvent } from '../helpers/event-log.ts';
import { makeUplink } from '../helpers/uplinks.ts';
import { isProperty, startDaemon, withWiredCell } from '../helpers/wired.ts';

test('silence: link-local after 30 s, and a lease as soon as a server answers', () =>
  withWiredCell({ dnsmasq: false }, async (cell) => {
    const uplink = await makeUplink(cell, 0, { hasServer: false });
    await startDaemon(cell);
    const since = await uplink.plug();
    const fallback = await cell.log.wait(
      'a link-local address', isAddress(true, '169.254.'), { since, timeoutMs: 45_000 },
    );
    assert.ok(fallback.at - since > 29_000, `${fallback.at - since} ms`);
    await cell.log.wait('ready', isProperty('Manager', 'State', 'ready'), { since });
    const [properties] = await cell.bus.call({
      destination: 'net.connman', path: `/net/connman/service/${uplink.service}`,
      interface: 'net.connman.Service', member: 'GetProperties',
    });
    const ipv4 = Object.entries(properties ?? {}).find(([name]) => name === 'IPv4')?.[1];
    assert.is(
      JSON.stringify(ipv4).replace(/169\.254\.[\d.]+/, 'LL'),
      '{"Method":"auto","Address":"LL","Netmask":"255.255.0.0"}',
    );
    const startedAt = performance.now();
    await uplink.startServer();
    await cell.log.wait(
      'the link-local address to go', isAddress(false, '169.254.'), { since: startedAt, timeoutMs: 70_000 },
    );
    await cell.log.wait('online', isProperty('Manager', 'State', 'online'), { since: startedAt });
    await cell.log.wait('the lease', isAddress(true, '10.80.0.'), { since: startedAt });
  }));

test.run();

function isAddress(isAdded: boolean, prefix: string) {
  return (event: CellEvent): boolean =>
    event.kind === 'address' && event.isAdded === isAdded && event.address.startsWith(prefix);
}
