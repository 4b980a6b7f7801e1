/**
 * WireGuard's family of generic netlink (linux/wireguard.h): a device with its key and peers, set
 * and read. Endpoints are struct sockaddr_in and sockaddr_in6, addresses in network order.
 */

import { HOST_IS_LITTLE_ENDIAN as LE } from '../../shared/bytes.ts';
import { DecodeError } from '../../shared/errors.ts';
import { IpAddress, type IpPrefix } from '../../shared/ipaddress.ts';
import type { Decoded, Kind, Shape } from '../attributes.ts';
import { bytes, ipAddress, list, nested, string, u16, u32, u64, u8 } from '../kinds.ts';
import type { FamilyDescription, Genl } from './genl.ts';

/** Where a peer is. */
export interface WireguardEndpoint {
  readonly address: IpAddress;
  readonly port: number;
}

/** A peer as it is to be. */
export interface WireguardPeer {
  readonly publicKey: Uint8Array;
  readonly presharedKey?: Uint8Array;
  readonly endpoint?: WireguardEndpoint;
  readonly keepaliveSec?: number;
  readonly allowedIps: readonly IpPrefix[];
}

/** A device as it is to be: its peers replace those it has. */
export interface WireguardDevice {
  readonly name: string;
  readonly privateKey: Uint8Array;
  readonly listenPort?: number;
  readonly peers: readonly WireguardPeer[];
}

/** Sets key, port and peers. Rejects with NetlinkError; ENOENT where the kernel has no WireGuard. */
export async function setWireguardDevice(genl: Genl, device: WireguardDevice, signal?: AbortSignal): Promise<void> {
  const { name, privateKey, listenPort, peers } = device;
  const attributes: Decoded<typeof DEVICE> = {
    interfaceName: name,
    flags: REPLACE_PEERS,
    privateKey,
    listenPort,
    peers: peers.map((peer) => ({
      publicKey: peer.publicKey,
      flags: REPLACE_ALLOWED_IPS,
      presharedKey: peer.presharedKey,
      endpoint: peer.endpoint,
      keepaliveSec: peer.keepaliveSec,
      allowedIps: peer.allowedIps.map(({ address, prefixLength }) => ({
        family: address.family === 4 ? AF_INET : AF_INET6, address, prefixLength,
      })),
    })),
  };
  await genl.request(WIREGUARD_FAMILY, { command: SET_DEVICE, attributes }, signal);
}

/** Moves a peer to another endpoint, and nothing else. */
export async function setWireguardEndpoint(
  genl: Genl, name: string, peer: { publicKey: Uint8Array; endpoint: WireguardEndpoint }, signal?: AbortSignal,
): Promise<void> {
  const attributes: Decoded<typeof DEVICE> = { interfaceName: name, peers: [{ ...peer, flags: UPDATE_ONLY }] };
  await genl.request(WIREGUARD_FAMILY, { command: SET_DEVICE, attributes }, signal);
}

const AF_INET = 2;
const AF_INET6 = 10;
const SET_DEVICE = 1; // WG_CMD_SET_DEVICE
const REPLACE_PEERS = 1; // WGDEVICE_F_REPLACE_PEERS
const REPLACE_ALLOWED_IPS = 2; // WGPEER_F_REPLACE_ALLOWEDIPS
const UPDATE_ONLY = 4; // WGPEER_F_UPDATE_ONLY

/** struct sockaddr_in (16 bytes) or sockaddr_in6 (28). */
const socketAddress: Kind<WireguardEndpoint> = {
  read(view, at, length) {
    if (length < 16) throw new DecodeError(`a socket address of ${length} bytes`, at);
    const family = view.getUint16(at, LE);
    if (family === AF_INET6 && length < 28) throw new DecodeError(`a socket address of ${length} bytes`, at);
    const [offset, size] = family === AF_INET6 ? [8, 16] : [4, 4];
    const address = new IpAddress(new Uint8Array(view.buffer, view.byteOffset + at + offset, size));
    return { address, port: view.getUint16(at + 2) };
  },
  write(writer, { address, port }) {
    writer.u16(address.family === 4 ? AF_INET : AF_INET6);
    writer.u8(port >> 8);
    writer.u8(port & 255);
    if (address.family === 6) writer.u32(0); // sin6_flowinfo
    writer.bytes(address.bytes);
    writer.zeros(address.family === 4 ? 8 : 4); // sin_zero, sin6_scope_id
  },
};

/** struct __kernel_timespec; its seconds. */
const timestamp: Kind<number> = {
  read: (view, at, length) => Number(u64.read(view, at, length)),
  write(writer, seconds) {
    writer.u64(BigInt(seconds));
    writer.u64(0n);
  },
};

const ALLOWED_IP = {
  family: [1, u16], address: [2, ipAddress], prefixLength: [3, u8],
} as const satisfies Shape;

const PEER = {
  publicKey: [1, bytes],
  presharedKey: [2, bytes],
  flags: [3, u32],
  endpoint: [4, socketAddress],
  keepaliveSec: [5, u16],
  lastHandshake: [6, timestamp],
  rxBytes: [7, u64],
  txBytes: [8, u64],
  allowedIps: [9, list(nested(ALLOWED_IP))],
} as const satisfies Shape;

const DEVICE = {
  ifindex: [1, u32],
  interfaceName: [2, string],
  privateKey: [3, bytes],
  publicKey: [4, bytes],
  flags: [5, u32],
  listenPort: [6, u16],
  fwmark: [7, u32],
  peers: [8, list(nested(PEER))],
} as const satisfies Shape;

/** WGDEVICE_A_*. */
export const WIREGUARD_FAMILY = {
  name: 'wireguard', version: 1, attributes: DEVICE,
} as const satisfies FamilyDescription<Shape>;
