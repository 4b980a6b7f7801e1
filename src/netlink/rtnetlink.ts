/**
 * The kernel's network configuration (rtnetlink(7)): a mirror to read and requests to change it, over
 * one socket for requests and one for events.
 */

import type { Clock } from '../shared/clock.ts';
import type { Scope } from '../shared/scope.ts';
import type { System } from '../system/system.ts';
import type { AddressRequests } from './address/address.ts';
import { addressRequests } from './address/requests.ts';
import { Connection } from './connection.ts';
import { Follower } from './follower.ts';
import type { LinkRequests } from './link/link.ts';
import { linkRequests } from './link/requests.ts';
import { KernelMirror } from './mirror.ts';
import type { Mirror } from './mirror.ts';
import type { NeighbourRequests } from './neighbour/neighbour.ts';
import { neighbourRequests } from './neighbour/requests.ts';
import { routeRequests } from './route/requests.ts';
import type { RouteRequests } from './route/route.ts';
import { ruleRequests } from './rule/requests.ts';
import type { RuleRequests } from './rule/rule.ts';

/** Everything the daemon does with the kernel's network configuration. */
export interface Rtnetlink {
  readonly mirror: Mirror;
  readonly link: LinkRequests;
  readonly address: AddressRequests;
  readonly route: RouteRequests;
  readonly rule: RuleRequests;
  readonly neighbour: NeighbourRequests;
}

/** What it takes to open one. */
export interface RtnetlinkEnv {
  readonly system: Pick<System, 'netlink'>;
  readonly clock: Clock;
  /** How much the kernel may have to tell before it drops some and all is read anew. */
  readonly eventBufferBytes?: number;
  /** What the mirror has: everything unless said. With `links` nobody is woken for addresses and routes. */
  readonly follows?: 'links' | 'all';
}

/**
 * Opens both sockets; resolves once the mirror is filled. Closed with `scope`. Rejects with
 * SystemError or NetlinkError.
 */
export async function openRtnetlink(env: RtnetlinkEnv, scope: Scope): Promise<Rtnetlink> {
  const { system, clock, eventBufferBytes = EVENT_BUFFER_BYTES, follows = 'all' } = env;
  const options = { protocol: NETLINK_ROUTE, receiveBufferBytes: REQUEST_BUFFER_BYTES };
  const connection = new Connection(system.netlink(options, scope), scope);
  const mirror = new KernelMirror();
  await new Follower({ system, clock, connection, mirror, eventBufferBytes, follows }, scope).start();
  return {
    mirror,
    link: linkRequests(connection, { mirror, clock }, scope),
    address: addressRequests(connection),
    route: routeRequests(connection),
    rule: ruleRequests(connection),
    neighbour: neighbourRequests(connection, system),
  };
}

const NETLINK_ROUTE = 0;
// Counted only while used; 500 links that flap at once fill about 2 MiB before we are scheduled.
const EVENT_BUFFER_BYTES = 4 << 20;
const REQUEST_BUFFER_BYTES = 1 << 20;
