/**
 * The network of tethering's clients: this machine has the first address of a private block that
 * nobody is in, gives the others by DHCP for a day, answers the clients' DNS questions, and lets them
 * out behind its own addresses. What is on the bridge from a daemon before this one goes on.
 */

import { BLOCK_PREFIX_LENGTH, findFreeBlock, inBlock } from '../address-pool.ts';
import type { Sysctl } from '../daemon/sysctl.ts';
import { startDhcpServer } from '../dhcp/server.ts';
import { type Masquerade, masquerade, unmask } from '../firewall/masquerade.ts';
import type { Link } from '../netlink/link/link.ts';
import type { Rtnetlink } from '../netlink/rtnetlink.ts';
import type { Resolver } from '../resolver.ts';
import type { Clock } from '../shared/clock.ts';
import { ConnmanError, messageOf } from '../shared/errors.ts';
import type { IpAddress } from '../shared/ipaddress.ts';
import { logger } from '../shared/log.ts';
import { createScope, type Scope } from '../shared/scope.ts';
import type { System } from '../system/system.ts';

const log = logger('src/tethering/network.ts');

const LEASE_SEC = 86_400;
/** The router's last number in the block, and its clients'. */
const ROUTER = 1;
const CLIENTS = { first: 2, last: 254 } as const;

const FORWARDING = 'net/ipv4/ip_forward';

/** What it takes from the core. */
export interface NetworkEnv {
  readonly kernel: Rtnetlink;
  readonly clock: Clock;
  readonly system: System;
  readonly sysctl: Sysctl;
  readonly resolver: Pick<Resolver, 'listen'>;
  /** main.conf FallbackNameservers. */
  readonly fallbackNameservers: readonly IpAddress[];
}

/** Serves the clients of a bridge until `scope` closes. Rejects with Failed or NetlinkError. */
export async function serveNetwork(env: NetworkEnv, { ifindex, name }: Link, scope: Scope): Promise<void> {
  const { kernel, resolver, fallbackNameservers } = env;
  const address = routerAddress(env, ifindex);
  await kernel.address.add({ ifindex, address, prefixLength: BLOCK_PREFIX_LENGTH });
  const answersDns = resolver.listen(address, name, scope);
  const [fallback] = fallbackNameservers.filter(({ family }) => family === 4);
  const nameserver = answersDns ? address : fallback;
  log.debug('%s: clients are in the network of %s', name, address);
  startDhcpServer({
    ifindex, name, address, prefixLength: BLOCK_PREFIX_LENGTH, leaseSec: LEASE_SEC, router: address,
    first: inBlock(address, CLIENTS.first), last: inBlock(address, CLIENTS.last),
    ...(nameserver !== undefined && { nameservers: [nameserver] }),
  }, env, scope);
  await letOut(env, { network: { address, prefixLength: BLOCK_PREFIX_LENGTH }, interfaceName: name }, scope);
}

/** Lets nobody out any more, whoever let them. Never rejects. */
export async function keepIn({ system }: Pick<NetworkEnv, 'system'>): Promise<void> {
  const own = createScope();
  try {
    await unmask(system, own);
  } catch (error) {
    log.warn('clients are let out still: %s', messageOf(error));
  } finally {
    await own.close();
  }
}

// Without it clients reach this machine, and nothing beyond.
async function letOut({ system, sysctl }: NetworkEnv, mask: Masquerade, scope: Scope): Promise<void> {
  const complain = (error: unknown): void => {
    log.warn('%s: clients are not let out: %s', mask.interfaceName, messageOf(error));
  };
  const set = (value: string): void => {
    try {
      sysctl.write(FORWARDING, value);
    } catch (error) {
      complain(error);
    }
  };
  try {
    await masquerade(system, mask, scope);
    scope.defer(() => keepIn({ system }));
  } catch (error) {
    return complain(error);
  }
  const before = sysctl.read(FORWARDING);
  if (before === undefined || before === '1') return;
  set('1');
  scope.defer(() => set(before));
}

function routerAddress({ kernel: { mirror } }: NetworkEnv, ifindex: number): IpAddress {
  const before = mirror.addressesOf(ifindex).find(({ address }) => address.family === 4);
  if (before !== undefined) return before.address;
  const routed = [...mirror.routes.values()].flatMap(({ destination }) => destination ?? []);
  const block = findFreeBlock([...mirror.addresses.values(), ...routed]);
  if (block === undefined) throw new ConnmanError('Failed', 'no private network is free');
  return inBlock(block, ROUTER);
}
