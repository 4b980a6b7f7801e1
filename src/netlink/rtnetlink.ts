/**
 * The kernel's network configuration (rtnetlink(7)): a mirror to read and requests to change it.
 */

import type { Clock } from '../shared/clock.ts';
import type { Scope } from '../shared/scope.ts';
import type { System } from '../system/system.ts';
import type { AddressRequests } from './address/address.ts';
import type { LinkRequests } from './link/link.ts';
import type { Mirror } from './mirror.ts';
import type { NeighbourRequests } from './neighbour/neighbour.ts';
import type { RouteRequests } from './route/route.ts';
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

/** Opens both sockets; resolves once the mirror is filled. Closed with `scope`. */
export declare function openRtnetlink(env: { system: System; clock: Clock }, scope: Scope): Promise<Rtnetlink>;
