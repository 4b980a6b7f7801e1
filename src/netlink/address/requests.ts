/**
 * Requests about addresses (rtnetlink(7)).
 */

import type { Connection } from '../connection.ts';
import { FLAG } from '../message.ts';
import { RTM_DELADDR, RTM_GETADDR, RTM_NEWADDR, decodeAddress, writeAddress, writeAddressDump } from './codec.ts';
import type { Address, AddressRequests } from './address.ts';

/** Requests about addresses over `connection`. */
export function addressRequests(connection: Connection): AddressRequests {
  return {
    add: (address, signal) =>
      connection.perform({
        operation: 'RTM_NEWADDR', type: RTM_NEWADDR, flags: FLAG.create | FLAG.replace,
        body: (writer) => writeAddress(writer, address),
      }, signal),
    remove: (address, signal) =>
      connection.perform({
        operation: 'RTM_DELADDR', type: RTM_DELADDR, body: (writer) => writeAddress(writer, address),
      }, signal),
  };
}

/** All addresses of both families. Rejects with NetlinkError EINTR as `dumpLinks` does. */
export function dumpAddresses(connection: Connection, signal: AbortSignal): Promise<Address[]> {
  const request = { operation: 'RTM_GETADDR', type: RTM_GETADDR, flags: FLAG.dump };
  return connection.request({ ...request, body: writeAddressDump, decode: decodeAddress }, signal);
}
