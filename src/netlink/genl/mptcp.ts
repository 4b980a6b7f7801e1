/**
 * Endpoints of Multipath TCP (RFC 8684): the kernel's family mptcp_pm (linux/mptcp_pm.h), as
 * ip-mptcp(8) shows them. Addresses are in network order.
 */

import type { IpAddress } from '../../shared/ipaddress.ts';
import type { Decoded, Shape } from '../attributes.ts';
import { i32, ipAddress, nested, u16, u32, u8 } from '../kinds.ts';
import type { FamilyDescription, Genl } from './genl.ts';

/** What an endpoint is for (MPTCP_PM_ADDR_FLAG_*). */
export type MptcpFlag = 'signal' | 'subflow' | 'backup' | 'fullmesh';

/** An endpoint. */
export interface MptcpEndpoint {
  readonly address: IpAddress;
  readonly ifindex: number;
  readonly flags: readonly MptcpFlag[];
}

/** An endpoint as the kernel has it. */
export interface KnownEndpoint extends MptcpEndpoint {
  readonly id: number;
  /** Given for connections to one port alone, which we never do. */
  readonly port: number | undefined;
}

/** All endpoints. Rejects with NetlinkError; ENOENT where the kernel has no MPTCP. */
export async function listEndpoints(genl: Genl, signal?: AbortSignal): Promise<KnownEndpoint[]> {
  const messages = await genl.request(MPTCP_FAMILY, { command: GET_ADDR, isDump: true }, signal);
  return messages.flatMap(({ attributes: { endpoint } }) => {
    const { id, ipv4, ipv6, port, ifindex = 0, flags = 0 } = endpoint ?? {};
    const address = ipv4 ?? ipv6;
    return id === undefined || address === undefined ? [] : [{ id, address, port, ifindex, flags: flagsOf(flags) }];
  });
}

/** Adds one; EEXIST where there is one of this address. */
export async function addEndpoint(genl: Genl, endpoint: MptcpEndpoint, signal?: AbortSignal): Promise<void> {
  const { address, ifindex, flags } = endpoint;
  const bits = flags.reduce((sum, name) => sum | FLAGS[name], 0);
  const attributes = { endpoint: { ...addressOf(address), flags: bits, ifindex } };
  await genl.request(MPTCP_FAMILY, { command: ADD_ADDR, attributes }, signal);
}

/** Removes one, with the subflows that use it. */
export async function removeEndpoint(
  genl: Genl, { id, address }: Pick<KnownEndpoint, 'id' | 'address'>, signal?: AbortSignal,
): Promise<void> {
  const attributes = { endpoint: { ...addressOf(address), id } };
  await genl.request(MPTCP_FAMILY, { command: DEL_ADDR, attributes }, signal);
}

/** In the order in which they are told. */
const FLAGS: Readonly<Record<MptcpFlag, number>> = { signal: 1, subflow: 2, backup: 4, fullmesh: 8 };

const NAMES: readonly MptcpFlag[] = ['signal', 'subflow', 'backup', 'fullmesh'];

function flagsOf(bits: number): MptcpFlag[] {
  return NAMES.filter((name) => (bits & FLAGS[name]) !== 0);
}

function addressOf(address: IpAddress): Decoded<typeof ENDPOINT> {
  return address.family === 4 ? { family: AF_INET, ipv4: address } : { family: AF_INET6, ipv6: address };
}

const AF_INET = 2;
const AF_INET6 = 10;
const ADD_ADDR = 1; // MPTCP_PM_CMD_ADD_ADDR
const DEL_ADDR = 2;
const GET_ADDR = 3;

/** MPTCP_PM_ADDR_ATTR_*. */
const ENDPOINT = {
  family: [1, u16],
  id: [2, u8],
  ipv4: [3, ipAddress],
  ipv6: [4, ipAddress],
  port: [5, u16],
  flags: [6, u32],
  ifindex: [7, i32],
} as const satisfies Shape;

/** MPTCP_PM_ATTR_*. */
export const MPTCP_FAMILY = {
  name: 'mptcp_pm', version: 1, attributes: { endpoint: [1, nested(ENDPOINT)] },
} as const satisfies FamilyDescription<Shape>;
