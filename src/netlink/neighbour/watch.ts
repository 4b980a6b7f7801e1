/**
 * What the kernel tells unasked of neighbours (RTNLGRP_NEIGH, rtnetlink(7)), over a socket of its own:
 * few want to know, and on a large network there is much of it. What is lost is not read anew: who
 * watches is told of the next change.
 */

import { DecodeError } from '../../shared/errors.ts';
import { logger } from '../../shared/log.ts';
import type { Scope } from '../../shared/scope.ts';
import type { System } from '../../system/system.ts';
import { forEachMessage } from '../message.ts';
import { decodeNeighbour, RTM_NEWNEIGH } from './codec.ts';
import type { Neighbour } from './neighbour.ts';

const log = logger('src/netlink/neighbour/watch.ts');

const NETLINK_ROUTE = 0;
const RTNLGRP_NEIGH = 3;
const BUFFER_BYTES = 1 << 17;

/** Who wants to know of which interface. */
export interface NeighbourWatch {
  readonly ifindex: number;
  observer(this: void, neighbour: Neighbour): void;
}

/** Tells of every new or changed entry of an interface until `scope` closes. Throws SystemError. */
export function watchNeighbours(
  system: Pick<System, 'netlink'>, { ifindex, observer }: NeighbourWatch, scope: Scope,
): void {
  const options = { protocol: NETLINK_ROUTE, groups: [RTNLGRP_NEIGH], receiveBufferBytes: BUFFER_BYTES };
  const socket = system.netlink(options, scope);
  socket.onMessage = (bytes, { portId }) => {
    if (portId !== 0) return;
    try {
      forEachMessage(bytes, (message) => {
        const neighbour = message.type === RTM_NEWNEIGH ? decodeNeighbour(message) : undefined;
        if (neighbour?.ifindex === ifindex) observer(neighbour);
      });
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      log.debug('a message is not one: %s', error.message);
    }
  };
}
