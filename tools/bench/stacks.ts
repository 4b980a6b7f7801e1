/**
 * A cable plugged in to a network of both families: a router that announces a prefix beside the DHCP
 * server, and a status page in each. Times are taken from outside, as in measure.ts.
 */

import { withCell, type Cell } from '../../test/helpers/cell.ts';
import { STATUS_URL } from '../../test/helpers/daemons.ts';
import type { CellEvent } from '../../test/helpers/event-log.ts';
import { startStatusServer } from '../../test/helpers/run-status-server.ts';
import { benchCell, reached, type Figures } from './cells.ts';
import type { Benched } from './daemons.ts';
import { atRest } from './process.ts';

const PREFIX = '2001:db8:1::';
const ROUTER = `${PREFIX}1`;
const MAIN_CONF = `[General]
OnlineCheckIPv4URL=${STATUS_URL}
OnlineCheckIPv6URL=http://[${ROUTER}]/online/status.html
`;

/** A daemon that runs at rest; its cable is plugged in. */
export function measureTwoStacks(daemon: Benched): Promise<Figures> {
  const cellOptions = benchCell(daemon);
  const files = { ...cellOptions.files, '/etc/connman/main.conf': MAIN_CONF };
  return withCell({ ...cellOptions, files }, async (cell) => {
    await announce(cell);
    const running = await cell.startDaemon(daemon.argv, daemon.busName);
    const cpuBefore = await atRest(running.pid);
    const since = cell.cable().plug();
    const online = daemon.hasOnlineCheck
      ? await reached(cell, since, (event) => daemon.isOnline(event)) : 'has no check';
    return {
      'two stacks: plug to IPv4 address, ms': await reached(cell, since, isAddress('10.')),
      'two stacks: plug to IPv6 address, ms': await reached(cell, since, isAddress(PREFIX)),
      'two stacks: plug to online, ms': online,
      'two stacks: CPU until at rest, ms': (await atRest(running.pid, 3000)) - cpuBefore,
    };
  });
}

async function announce(cell: Cell): Promise<void> {
  await cell.server.script(`ip -6 address add ${ROUTER}/64 dev bridge nodad`);
  await startStatusServer(cell.server, ROUTER, cell.log);
  const router = cell.server.spawn([
    'dnsmasq', '--no-daemon', '--conf-file=/dev/null', '--port=0', '--interface=bridge', '--bind-interfaces',
    '--enable-ra', '--ra-param=bridge,10,1800', `--dhcp-range=${PREFIX},ra-only`,
    '--dhcp-leasefile=/run/dnsmasq6.leases',
  ]);
  await router.waitForLine((line) => /: started, /.test(line));
}

function isAddress(beginning: string): (event: CellEvent) => boolean {
  return (event) =>
    event.kind === 'address' && event.link === 'eth0' && event.isAdded && event.address.startsWith(beginning);
}
