/**
 * Real IPv6 routers and servers on one end of a veth pair: radvd(8), kea-dhcp6(8) and dnsmasq(8) in
 * a namespace of their own, `up0` here and `down0` there. Duplicate address detection is off on
 * both ends unless a test turns it on, so that nobody waits for link-local addresses.
 */

import { existsSync, writeFileSync } from 'node:fs';
import { parseHex } from '../../src/shared/bytes.ts';
import { type Child, output } from './child.ts';
import { type Ipv6Place, runKea, runRadvd } from './ipv6-programs.ts';
import { holdNamespace, type Namespace } from './namespace.ts';
import { fetchPeers } from './peers.ts';

/** The near end of the cable. */
export interface NearLink {
  readonly ifindex: number;
  readonly name: string;
  readonly hardwareAddress: Uint8Array;
}

/** The address of the far end, in the prefix that all servers here serve. */
export const ROUTER = '2001:db8:1::1';

/** The servers' files; a test without the machine's network fetches them before it leaves it. */
export function fetchIpv6Servers(): Promise<string> {
  return fetchPeers(['kea-dhcp6-server', 'radvd']);
}

/** The far end of a cable whose near end is `up0` of this process. */
export class Ipv6Servers {
  readonly namespace: Namespace;
  readonly near: NearLink;
  readonly #running: Child[] = [];

  private constructor(namespace: Namespace, near: NearLink) {
    this.namespace = namespace;
    this.near = near;
  }

  /** Lays the cable; needs a network namespace of the caller's own. */
  static async open(): Promise<Ipv6Servers> {
    const layer = await fetchIpv6Servers();
    const namespace = await holdNamespace();
    await output(['ip', 'link', 'set', 'lo', 'up']);
    await output(['ip', 'link', 'add', 'up0', 'type', 'veth', 'peer', 'name', 'down0', 'index', '998']);
    await output(['ip', 'link', 'set', 'down0', 'netns', namespace.path('').replace(/root$/, 'ns/net')]);
    writeFileSync('/proc/sys/net/ipv6/conf/up0/accept_dad', '0');
    writeFileSync('/proc/sys/net/ipv6/conf/up0/router_solicitations', '0');
    await output(['ip', 'link', 'set', 'up0', 'up']);
    await namespace.script(`
      mount -t tmpfs tmpfs /run
      ${['usr', 'etc', 'var'].map((folder) => overlay(layer, folder)).join('\n')}
      mkdir -p /run/kea /var/lib/kea
      echo 0 > /proc/sys/net/ipv6/conf/down0/accept_dad
      echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
      ip link set lo up
      ip link set down0 up
      ip address add ${ROUTER}/64 dev down0 nodad`);
    const shown = await output(['ip', '-o', 'link', 'show', 'up0']);
    const hardwareAddress = parseHex((/link\/ether (\S+)/.exec(shown)?.[1] ?? '').replaceAll(':', ''));
    if (hardwareAddress === undefined) throw new Error('no hardware address');
    await untilUsable();
    const ifindex = Number.parseInt(shown, 10);
    return new Ipv6Servers(namespace, { ifindex, name: 'up0', hardwareAddress });
  }

  /** The link-local address of the far end. */
  async routerAddress(): Promise<string> {
    const shown = await this.namespace.output(['ip', '-6', '-o', 'address', 'show', 'dev', 'down0', 'scope', 'link']);
    return /inet6 ([^/]+)/.exec(shown)?.[1] ?? '';
  }

  /** radvd with the body of its interface section. It answers solicitations; unasked it speaks every minute. */
  async radvd(body: string): Promise<Child> {
    const intervals = 'MinRtrAdvInterval 20; MaxRtrAdvInterval 60; MinDelayBetweenRAs 3;';
    return this.#keep(await runRadvd(this.#place, `${intervals}\n${body}`));
  }

  /** kea-dhcp6 with `subnet` merged into its one subnet and `global` into its configuration. */
  async kea(subnet: object = {}, global: object = {}): Promise<Child> {
    const one = { subnet: '2001:db8:1::/64', pools: [{ pool: '2001:db8:1::100 - 2001:db8:1::1ff' }], ...subnet };
    const times = { 'preferred-lifetime': 600, 'valid-lifetime': 900, 'renew-timer': 300, 'rebind-timer': 480 };
    const identity = { 'server-id': { type: 'LL', persist: false } };
    return this.#keep(await runKea(this.#place, one, { ...times, ...identity, ...global }));
  }

  /** dnsmasq with these arguments. */
  async dnsmasq(...words: string[]): Promise<Child> {
    const child = this.#keep(this.namespace.spawn([
      'dnsmasq', '--no-daemon', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--port=0', '--pid-file=',
      '--interface=down0', '--bind-interfaces', '--log-dhcp', '--dhcp-leasefile=/run/dnsmasq.leases', ...words,
    ]));
    await child.waitForLine((line) => line.includes(': started, '));
    return child;
  }

  /** Ends what runs, and forgets leases. */
  async stop(): Promise<void> {
    for (const child of this.#running.splice(0)) await child.stop();
    await this.namespace.script('rm -f /run/dnsmasq.leases /run/radvd.pid /run/kea/*');
  }

  async close(): Promise<void> {
    await this.namespace.close();
  }

  get #place(): Ipv6Place {
    return { namespace: this.namespace, port: 'down0' };
  }

  #keep(child: Child): Child {
    this.#running.push(child);
    return child;
  }
}

/** Waits until `up0` has its link-local address: a busy kernel may notice the carrier late. */
export async function untilUsable(): Promise<void> {
  for (const limit = performance.now() + 20_000; ;) {
    const shown = await output(['ip', '-6', '-o', 'address', 'show', 'dev', 'up0', 'scope', 'link']);
    if (shown !== '' && !shown.includes('tentative')) return;
    if (performance.now() > limit) throw new Error('no link-local address within 20 s');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function overlay(layer: string, folder: string): string {
  const lower = existsSync(`${layer}/${folder}`) ? `${layer}/${folder}:/${folder}` : `/${folder}`;
  const own = `/run/over/${folder}`;
  return `mkdir -p ${own}/upper ${own}/work
    mount -t overlay overlay -o 'lowerdir=${lower},upperdir=${own}/upper,workdir=${own}/work' /${folder}`;
}
