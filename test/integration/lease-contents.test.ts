/**
 * What leases say, and what the whole daemon makes of it: gateways and routes that lie, MTUs, and
 * networks that overlap.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Cell } from '../helpers/cell.ts';
import { withNetwork } from '../helpers/dhcp-networks.ts';
import type { DnsmasqOptions } from '../helpers/dnsmasq.ts';
import type { CellEvent } from '../helpers/event-log.ts';
import { until } from '../helpers/patience.ts';
import { makeUplink } from '../helpers/uplinks.ts';
import { isProperty, startDaemon, withWiredCell } from '../helpers/wired.ts';

const LIES: readonly [string, DnsmasqOptions, readonly string[]][] = [
  [
    'a gateway outside the subnet',
    { extra: ['--dhcp-option=3,192.168.99.1'] },
    ['default via 192.168.99.1 dev eth0', '192.168.99.1 dev eth0 scope link'],
  ],
  ['no router', { extra: ['--dhcp-option=3'] }, []],
  [
    'classless routes, which win over the router',
    { extra: [
      '--dhcp-option=121,203.0.113.0/24,10.80.0.7,198.51.100.0/24,0.0.0.0,100.64.0.0/10,10.90.0.1,0.0.0.0/0,10.80.0.9',
    ] },
    [
      'default via 10.80.0.9 dev eth0',
      '10.80.0.9 dev eth0 scope link',
      '100.64.0.0/10 via 10.90.0.1 dev eth0 onlink',
      '198.51.100.0/24 dev eth0 scope link',
      '203.0.113.0/24 via 10.80.0.7 dev eth0',
    ],
  ],
  [
    'a network of one address',
    { extra: ['--dhcp-option=1,255.255.255.255'] },
    ['default via 10.80.0.1 dev eth0', '10.80.0.1 dev eth0 scope link'],
  ],
];

for (const [what, options, expected] of LIES) {
  test(`a server that gives ${what}`, () =>
    withNetwork({}, async (cell, uplink) => {
      await uplink.startServer(options);
      await startDaemon(cell);
      const since = await uplink.plug();
      await cell.log.wait('ready', isProperty('Manager', 'State', 'ready'), { since });
      const routes = (await cell.device.output(['ip', '-4', 'route'])).split('\n').map((line) => line.trim());
      assert.equal(routes.filter((line) => line !== '' && !line.includes('proto kernel')).sort(), [...expected].sort());
    }));
}

test('an MTU is taken where it makes sense', () =>
  withNetwork({}, async (cell, uplink) => {
    await uplink.startServer({ extra: ['--dhcp-option=26,1400'] });
    await startDaemon(cell);
    const since = await uplink.plug();
    await cell.log.wait('ready', isProperty('Manager', 'State', 'ready'), { since });
    await until(
      'the MTU', async () => (await cell.device.output(['ip', 'link', 'show', 'eth0'])).includes('mtu 1400'),
    );
  }));

test('two links whose networks overlap are both checked through their own', () =>
  withWiredCell({ cables: 2, dnsmasq: false }, async (cell) => {
    const uplinks = [
      await makeUplink(cell, 0, { router: '192.168.1.1' }), await makeUplink(cell, 1, { router: '192.168.1.1' }),
    ];
    await startDaemon(cell);
    for (const uplink of uplinks) await uplink.plug();
    for (const { service } of uplinks) await cell.log.wait(`${service} to be asked`, isAskedBy(cell, service));
    const clients = new Set(cell.log.since(0).flatMap((event) => (event.kind === 'http' ? [event.client] : [])));
    assert.is(clients.size, 2, [...clients].join(' '));
  }));

function isAskedBy(cell: Cell, service: string): (event: CellEvent) => boolean {
  const link = `eth${Number.parseInt(service.slice(19, 21), 16)}`;
  return (event) => {
    const own = cell.log.since(0).findLast(
      (each) => each.kind === 'address' && each.link === link && each.address.startsWith('192.'),
    );
    return event.kind === 'http' && own?.kind === 'address' && own.address.startsWith(`${event.client}/`);
  };
}

test.run();
