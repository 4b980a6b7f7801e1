/**
 * Requests about neighbours (rtnetlink(7)).
 */

import type { System } from '../../system/system.ts';
import type { Connection } from '../connection.ts';
import { FLAG } from '../message.ts';
import {
  RTM_DELNEIGH, RTM_GETNEIGH, RTM_NEWNEIGH, decodeNeighbour, writeNeighbour, writeNeighbourDump,
} from './codec.ts';
import type { NeighbourRequests } from './neighbour.ts';
import { watchNeighbours } from './watch.ts';

/** Requests about neighbours over `connection`; what is watched comes over sockets of its own. */
export function neighbourRequests(connection: Connection, system: Pick<System, 'netlink'>): NeighbourRequests {
  return {
    async list(ifindex, signal) {
      const neighbours = await connection.request({
        operation: 'RTM_GETNEIGH', type: RTM_GETNEIGH, flags: FLAG.dump, decode: decodeNeighbour,
        body: (writer) => writeNeighbourDump(writer, ifindex),
      }, signal);
      return neighbours.filter((neighbour) => neighbour.ifindex === ifindex);
    },
    replace: (ifindex, address, hardwareAddress, signal) =>
      connection.perform({
        operation: 'RTM_NEWNEIGH', type: RTM_NEWNEIGH, flags: FLAG.create | FLAG.replace,
        body: (writer) => writeNeighbour(writer, { ifindex, address, hardwareAddress }),
      }, signal),
    remove: (ifindex, address, signal) =>
      connection.perform({
        operation: 'RTM_DELNEIGH', type: RTM_DELNEIGH, body: (writer) => writeNeighbour(writer, { ifindex, address }),
      }, signal),
    ask: (ifindex, address, signal) =>
      connection.perform({
        operation: 'RTM_NEWNEIGH', type: RTM_NEWNEIGH, flags: FLAG.create | FLAG.replace,
        body: (writer) => writeNeighbour(writer, { ifindex, address, isUsed: true }),
      }, signal),
    watch: (ifindex, scope, observer) => watchNeighbours(system, { ifindex, observer }, scope),
  };
}
