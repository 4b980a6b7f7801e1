/**
 * dnsmasq(8) as a cell's DHCP and DNS server, with its log as observations. It answers at once
 * (no ping before an offer) and as the only server (authoritative), as a home router does.
 */

import type { Child } from './child.ts';
import type { EventLog } from './event-log.ts';
import type { Namespace } from './namespace.ts';

/** What the server hands out and answers. */
export interface DnsmasqOptions {
  /** Names answered with this address, and everything below them. */
  readonly names?: Readonly<Record<string, string>>;
  /** Whether each query is logged. */
  readonly isLoggingQueries?: boolean;
  /** Lease time as dnsmasq writes it, default `1h`. */
  readonly leaseTime?: string;
  /** More arguments, such as `--dhcp-option=…`. */
  readonly extra?: readonly string[];
}

/** A network for the server: its own address and what it gives away. */
export interface Subnet {
  readonly link: string;
  readonly router: string;
  readonly first: string;
  readonly last: string;
  readonly netmask: string;
}

/** Starts dnsmasq in `namespace` for `subnet`; ready to answer on return. */
export async function startDnsmasq(
  namespace: Namespace,
  subnet: Subnet,
  log: EventLog,
  options: DnsmasqOptions = {},
): Promise<Child> {
  const { names = {}, isLoggingQueries = false, leaseTime = '1h', extra = [] } = options;
  const server = namespace.spawn([
    'dnsmasq',
    '--no-daemon', // which also keeps the user, so that it runs where there is but one
    '--conf-file=/dev/null',
    '--log-dhcp',
    '--no-resolv',
    '--no-hosts',
    `--interface=${subnet.link}`,
    '--bind-interfaces',
    '--no-ping',
    '--dhcp-authoritative',
    '--dhcp-leasefile=/run/dnsmasq.leases',
    '--dhcp-lease-max=6000',
    `--dhcp-range=${subnet.first},${subnet.last},${subnet.netmask},${leaseTime}`,
    `--dhcp-option=3,${subnet.router}`,
    `--dhcp-option=6,${subnet.router}`,
    ...Object.entries(names).map(([name, address]) => `--address=/${name}/${address}`),
    ...(isLoggingQueries ? ['--log-queries'] : []),
    ...extra,
  ]);
  await server.waitForLine((line) => /: started, /.test(line));
  server.observe((line) => interpret(line, log));
  return server;
}

function interpret(line: string, log: EventLog): void {
  const dhcp = /dnsmasq-dhcp\[?\d*\]?: \d+ ((DHCP[A-Z]+)\(.*)$/.exec(line);
  if (dhcp?.[1] !== undefined && dhcp[2] !== undefined) log.add({ kind: 'dhcp', message: dhcp[2], text: dhcp[1] });
  const query = /: (query\[.*)$/.exec(line)?.[1];
  if (query !== undefined) log.add({ kind: 'dns', query });
}
