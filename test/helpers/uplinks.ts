/**
 * Networks of their own behind a cell's cables: each with its server's address, DHCP, DNS and status
 * page, in a namespace of its own, so that one uplink can lose its cable, its server or what lies
 * beyond while the others go on. A cable that is not given a network stays on the cell's bridge.
 */

import type { Cell } from './cell.ts';
import type { Child } from './child.ts';
import { startDnsmasq, type DnsmasqOptions } from './dnsmasq.ts';
import type { CellEvent } from './event-log.ts';
import type { Namespace } from './namespace.ts';
import { startStatusServer } from './run-status-server.ts';

/** Where every network finds the status page: the same host of the world beyond, through each. */
export const STATUS_ADDRESS = '192.0.2.80';

/** How a network differs from the usual one. */
export interface UplinkOptions extends DnsmasqOptions {
  /** The server's address; default 10.80.<index>.1, with the /24 around it. */
  readonly router?: string;
  /** False: nobody gives addresses out until `startServer`. */
  readonly hasServer?: boolean;
}

/** A network behind one cable. */
export interface Uplink {
  readonly link: string;
  /** The service's identifier. */
  readonly service: string;
  readonly router: string;
  readonly namespace: Namespace;
  /** The cable's end in `namespace`. */
  readonly port: string;
  /** Plugs the cable in, or pulls it out; the time just before. */
  plug(): Promise<number>;
  unplug(): Promise<number>;
  /** Starts DHCP and DNS. */
  startServer(options?: DnsmasqOptions): Promise<Child>;
  /** Whether the world beyond the server is there: without it packets to it vanish. */
  setUpstream(isOpen: boolean): Promise<void>;
  /** The status page's server. */
  readonly status: Child;
}

/** Moves the cable of `eth<index>` to a network of its own; unplugged at first. */
export async function makeUplink(cell: Cell, index: number, options: UplinkOptions = {}): Promise<Uplink> {
  const { router = `10.80.${index}.1`, hasServer = true, ...dnsmasq } = options;
  const namespace = await cell.server.nest();
  const port = `cable${index}`;
  const net = router.replace(/\.\d+$/, '');
  await cell.server.script(`ip link set ${port} nomaster down
ip link set ${port} netns ${namespace.innerPid}`);
  // The lease file of each server is its own.
  await namespace.script(`mount -t tmpfs -o mode=755 tmpfs /run
ip link set lo up
ip address add ${STATUS_ADDRESS}/32 dev lo
ip address add ${router}/24 dev ${port}`);
  const status = await startStatusServer(namespace, STATUS_ADDRESS, cell.log);
  const startServer = (changes: DnsmasqOptions = dnsmasq): Promise<Child> => {
    const subnet = { link: port, router, first: `${net}.10`, last: `${net}.99`, netmask: '255.255.255.0' };
    return startDnsmasq(namespace, subnet, cell.log, { names: { 'ipv4.connman.net': STATUS_ADDRESS }, ...changes });
  };
  if (hasServer) await startServer();
  const set = async (state: 'up' | 'down'): Promise<number> => {
    const at = performance.now();
    await namespace.output(['ip', 'link', 'set', port, state]);
    return at;
  };
  return {
    link: `eth${index}`,
    service: `ethernet_0200000000${index.toString(16).padStart(2, '0')}_cable`,
    router,
    namespace,
    port,
    plug: () => set('up'),
    unplug: () => set('down'),
    startServer,
    async setUpstream(isOpen) {
      await namespace.output(['ip', 'address', isOpen ? 'add' : 'del', `${STATUS_ADDRESS}/32`, 'dev', 'lo']);
    },
    status,
  };
}

/**
 * How many default routes the device's main table had after each change the kernel told of, given
 * those before, as `ip route` prints them. A route that replaces another of the same metric is told
 * without the one that goes.
 */
export function defaultRouteCounts(events: readonly CellEvent[], before: string): number[] {
  const routes = new Map<string, string>();
  const apply = (route: string, isAdded: boolean): void => {
    if (!route.startsWith('default ') || / table /.test(route)) return;
    const metric = / metric (\d+)/.exec(route)?.[1] ?? '0';
    if (isAdded) routes.set(metric, route.trim());
    else if (routes.get(metric) === route.trim()) routes.delete(metric);
  };
  for (const line of before.split('\n')) apply(line, true);
  return events.flatMap((event) => {
    if (event.kind !== 'route') return [];
    apply(event.route, event.isAdded);
    return [routes.size];
  });
}
