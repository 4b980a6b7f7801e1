/**
 * Requests about routes (rtnetlink(7)).
 */

import type { Connection } from '../connection.ts';
import { NetlinkError } from '../error.ts';
import { FLAG } from '../message.ts';
import {
  RTM_DELROUTE, RTM_GETROUTE, RTM_NEWROUTE, decodeRoutes, decodeTableRoutes, writeRoute, writeRouteDump,
  writeRouteLookup,
} from './codec.ts';
import { MAIN_TABLE } from './route.ts';
import type { Route, RouteRequests } from './route.ts';

/** Requests about routes over `connection`. */
export function routeRequests(connection: Connection): RouteRequests {
  const make = (flags: number, route: Route, signal?: AbortSignal): Promise<void> =>
    connection.perform({
      operation: 'RTM_NEWROUTE', type: RTM_NEWROUTE, flags, body: (writer) => writeRoute(writer, route, 'add'),
    }, signal);
  return {
    replace: (route, signal) => make(FLAG.create | FLAG.replace, route, signal),
    add: (route, signal) => make(FLAG.create | FLAG.exclusive, route, signal),
    remove: (route, signal) =>
      connection.perform({
        operation: 'RTM_DELROUTE', type: RTM_DELROUTE, body: (writer) => writeRoute(writer, route, 'remove'),
      }, signal),
    async get(destination, signal) {
      const [routes] = await connection.request({
        operation: 'RTM_GETROUTE', type: RTM_GETROUTE, decode: decodeRoutes,
        body: (writer) => writeRouteLookup(writer, destination),
      }, signal);
      if (routes?.[0] === undefined) throw new NetlinkError(ENETUNREACH, 'RTM_GETROUTE');
      return routes[0];
    },
    list: async (family, table, signal) => (await dumpRoutes(connection, { family, table }, signal)).flat(),
  };
}

/** All routes of a table, each with its hops. Rejects with NetlinkError EINTR as `dumpLinks` does. */
export async function dumpRoutes(
  connection: Connection, { family, table }: { family: 4 | 6; table: number }, signal?: AbortSignal,
): Promise<Route[][]> {
  try {
    const routes = await connection.request({
      operation: 'RTM_GETROUTE', type: RTM_GETROUTE, flags: FLAG.dump, decode: decodeTableRoutes,
      body: (writer) => writeRouteDump(writer, family, table),
    }, signal);
    // A kernel without strict checking tells more than was asked for, one without IPv6 the IPv4 routes.
    return routes.filter(([hop]) => hop?.family === family && (hop.table ?? MAIN_TABLE) === table);
  } catch (error) {
    // The kernel makes a table when its first route comes.
    if (error instanceof NetlinkError && error.code === 'ENOENT') return [];
    throw error;
  }
}

const ENETUNREACH = 101;
