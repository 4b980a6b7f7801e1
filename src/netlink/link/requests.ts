/**
 * Requests about links (rtnetlink(7)): RTM_NEWLINK changes one that exists, and with NLM_F_CREATE
 * makes one.
 */

import type { Scope } from '../../shared/scope.ts';
import { encodeAttributes } from '../attributes.ts';
import type { Connection } from '../connection.ts';
import { FLAG } from '../message.ts';
import { NetlinkError } from '../error.ts';
import { Writer } from '../writer.ts';
import {
  BRIDGE_ATTRIBUTES, IFF, LINK_ATTRIBUTES, RTM_DELLINK, RTM_GETLINK, RTM_NEWLINK, SIT_ATTRIBUTES, VLAN_ATTRIBUTES,
  decodeLink, writeLinkHeader,
} from './codec.ts';
import type { LinkAttributes } from './codec.ts';
import { ADDR_GEN_MODES } from './link.ts';
import type { Link, LinkRequests, NewLink } from './link.ts';
import { type LinkWaitEnv, untilLink, untilNoLink } from './seen.ts';

/** Requests about links over `connection`; what they change shows in the mirror of `env`, until `scope` closes. */
export function linkRequests(connection: Connection, env: LinkWaitEnv, scope: Scope): LinkRequests {
  const change = (ifindex: number, attributes: LinkAttributes, signal?: AbortSignal): Promise<void> =>
    connection.perform({ ...newLink(0), body: (writer) => writeLink(writer, ifindex, attributes) }, signal);
  const setFlags = (ifindex: number, flags: number, signal?: AbortSignal): Promise<void> =>
    connection.perform({ ...newLink(0), body: (writer) => writeLinkHeader(writer, ifindex, flags, IFF.up) }, signal);
  return {
    async get(ifindex, signal) {
      const body = (writer: Writer): void => writeLinkHeader(writer, ifindex);
      const request = { operation: 'RTM_GETLINK', type: RTM_GETLINK, body, decode: decodeLink };
      const [link] = await connection.request(request, signal);
      if (link === undefined) throw new NetlinkError(ENODEV, request.operation);
      return link;
    },
    setUp: (ifindex, signal) => setFlags(ifindex, IFF.up, signal),
    setDown: (ifindex, signal) => setFlags(ifindex, 0, signal),
    setMtu: (ifindex, mtu, signal) => change(ifindex, { mtu }, signal),
    setName: (ifindex, name, signal) => change(ifindex, { name }, signal),
    setMaster: (ifindex, master, signal) => change(ifindex, { master }, signal),
    setHardwareAddress: (ifindex, address, signal) => change(ifindex, { address }, signal),
    setAddrGenMode: (ifindex, mode, signal) =>
      change(ifindex, { familySpec: { inet6: { addrGenMode: ADDR_GEN_MODES.indexOf(mode) } } }, signal),
    async add(link, signal) {
      const body = (writer: Writer): void => writeNewLink(writer, link);
      await connection.perform({ ...newLink(FLAG.create | FLAG.exclusive), body }, signal);
      // It is made, so `signal` comes too late: the caller has to know of it.
      return untilLink(env, { name: link.name, limitMs: EVENT_LIMIT_MS }, scope);
    },
    async remove(ifindex, signal) {
      const body = (writer: Writer): void => writeLinkHeader(writer, ifindex);
      await connection.perform({ operation: 'RTM_DELLINK', type: RTM_DELLINK, body }, signal);
      await untilNoLink(env, ifindex, EVENT_LIMIT_MS, scope);
    },
  };
}

/** All links. Rejects with NetlinkError EINTR if they change faster than they can be told. */
export function dumpLinks(connection: Connection, signal: AbortSignal): Promise<Link[]> {
  const body = (writer: Writer): void => writeLinkHeader(writer, 0);
  const request = { operation: 'RTM_GETLINK', type: RTM_GETLINK, flags: FLAG.dump, body, decode: decodeLink };
  return connection.request(request, signal);
}

const ENODEV = 19;
// Far longer than a storm of events, after which all is read anew.
const EVENT_LIMIT_MS = 10_000;

function newLink(flags: number): { operation: string; type: number; flags: number } {
  return { operation: 'RTM_NEWLINK', type: RTM_NEWLINK, flags };
}

function writeLink(writer: Writer, ifindex: number, attributes: LinkAttributes): void {
  writeLinkHeader(writer, ifindex);
  encodeAttributes(LINK_ATTRIBUTES, attributes, writer);
}

function writeNewLink(writer: Writer, link: NewLink): void {
  const { kind, name } = link;
  const parent = link.kind === 'vlan' ? link.parentIfindex : undefined;
  writeLink(writer, 0, { name, link: parent, info: { kind, data: infoData(link) } });
}

function infoData(link: NewLink): Uint8Array | undefined {
  switch (link.kind) {
    case 'dummy':
    case 'wireguard':
      return undefined;
    case 'vlan':
      return attributeBytes((writer) => encodeAttributes(VLAN_ATTRIBUTES, { id: link.vlanId }, writer));
    case 'bridge': {
      const forwardDelay = link.forwardDelaySec === undefined ? undefined : link.forwardDelaySec * USER_HZ;
      const stpState = link.stp === undefined ? undefined : Number(link.stp);
      return attributeBytes((writer) => encodeAttributes(BRIDGE_ATTRIBUTES, { forwardDelay, stpState }, writer));
    }
    case 'sit':
      return attributeBytes((writer) => encodeAttributes(SIT_ATTRIBUTES, link, writer));
    case 'veth':
      return attributeBytes((writer) => {
        writer.attribute(VETH_INFO_PEER, () => writeLink(writer, 0, { name: link.peerName }));
      });
  }
}

const VETH_INFO_PEER = 1; // struct ifinfomsg and attributes of the other end (linux/veth.h)
const USER_HZ = 100; // the unit of bridge times (linux/if_link.h, IFLA_BR_FORWARD_DELAY)

function attributeBytes(write: (writer: Writer) => void): Uint8Array {
  const writer = new Writer();
  write(writer);
  return writer.finish();
}
