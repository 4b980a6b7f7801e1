/**
 * Requests about neighbours (rtnetlink(7)).
 */

import type { Connection } from '../connection.ts';
import { FLAG } from '../message.ts';
import {
  RTM_DELNEIGH, RTM_GETNEIGH, RTM_NEWNEIGH, decodeNeighbour, writeNeighbour, writeNeighbourDump,
} from './codec.ts';
import type { NeighbourRequests } from './neighbour.ts';

/** Requests about neighbours over `connection`. */
export function neighbourRequests(connection: Connection): NeighbourRequests {
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
  };
}
