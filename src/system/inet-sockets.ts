/**
 * Sockets over IP, bound to a device where asked: UDP, raw (ICMPv6) and TCP. ip(7), ipv6(7), and
 * RFC 3542 for what comes with a message. IPv6 sockets carry IPv6 only.
 */

import { constants } from 'node:os';
import { IpAddress } from '../shared/ipaddress.ts';
import type { Scope } from '../shared/scope.ts';
import type { ConstantName } from './addon.ts';
import { check, systemError } from './addon.ts';
import type { Arena } from './arena.ts';
import type { Native } from './message-socket.ts';
import { openDescriptor, openMessageSocket, setReceiveBuffer, watchDescriptor } from './message-socket.ts';
import { openRequestSocket } from './request-socket.ts';
import { openConnectingStream } from './stream-socket.ts';
import type {
  MessageSocket, RawOptions, TcpOptions, TcpStream, TcpStreamOptions, UdpOptions, UdpSender, UdpServer,
} from './system.ts';

/** See System.udp. */
export function openUdp(native: Native, options: UdpOptions, scope: Scope): MessageSocket<UdpSender> {
  return openMessageSocket(native, udpDescriptor(native, options), { senderOf: inetSender() }, scope);
}

/** See System.udpServer. */
export function openUdpServer(native: Native, options: UdpOptions, scope: Scope): UdpServer {
  return openRequestSocket(native, udpDescriptor(native, options), inetSender(), scope);
}

function udpDescriptor(native: Native, options: UdpOptions): number {
  const { addon } = native;
  return openInet(native, { family: options.family, type: 'SOCK_DGRAM' }, (fd, set) => {
    bindToDevice(set, options.device);
    if (options.reuseAddress === true) set('SOL_SOCKET', 'SO_REUSEADDR', 1);
    if (options.receiveBufferBytes !== undefined) setReceiveBuffer(native, fd, options.receiveBufferBytes);
    if (options.broadcast === true) set('SOL_SOCKET', 'SO_BROADCAST', 1);
    if (options.packetInfo === true) askForInterface(set, options.family);
    check(addon, addon.bind(fd, options.address?.bytes, options.port ?? 0, 0), 'bind');
    if (options.multicastGroup !== undefined) joinGroup(set, options.multicastGroup);
    const { peer } = options;
    if (peer !== undefined) check(addon, addon.connect(fd, peer.address.bytes, peer.port, 0), 'connect');
  });
}

/** See System.raw. */
export function openRaw(native: Native, options: RawOptions, scope: Scope): MessageSocket<UdpSender> {
  const { family, protocol } = options;
  const fd = openInet(native, { family, type: 'SOCK_RAW', protocol }, (_fd, set) => {
    bindToDevice(set, options.device);
    askForInterface(set, family);
    if (options.icmpv6Types !== undefined) set('IPPROTO_ICMPV6', 'ICMP6_FILTER', encodeTypes(options.icmpv6Types));
    if (options.hopLimit !== undefined) setHopLimit(set, family, options.hopLimit);
  });
  return openMessageSocket(native, fd, { senderOf: inetSender() }, scope);
}

/** See System.tcp. */
export function openTcp(native: Native, options: TcpOptions): number {
  const { addon } = native;
  return openInet(native, { family: options.family, type: 'SOCK_STREAM' }, (fd, set) => {
    bindToDevice(set, options.device);
    if (options.mark !== undefined) set('SOL_SOCKET', 'SO_MARK', options.mark);
    if (options.bind === undefined) return;
    set('SOL_SOCKET', 'SO_REUSEADDR', 1);
    check(addon, addon.bind(fd, options.bind.address.bytes, options.bind.port, 0), 'bind');
  });
}

/** See System.listen. */
export function listen(
  native: Native, { fd, backlog }: { readonly fd: number; readonly backlog: number }, scope: Scope, onFirst: () => void,
): number {
  const { addon } = native;
  check(addon, addon.listen(fd, backlog), 'listen');
  const port = check(addon, addon.localPort(fd), 'getsockname');
  // There is nothing to read from what listens: an event of any kind is somebody who knocks.
  const knocked = scope.child();
  const watcher = watchDescriptor(native, check(addon, addon.duplicate(fd), 'dup'), () => {
    void knocked.close();
    onFirst();
  });
  knocked.defer(() => addon.unwatch(watcher));
  return port;
}

/** See System.tcpStream. */
export function openTcpStream(native: Native, { peer, device }: TcpStreamOptions, scope: Scope): TcpStream {
  const { addon } = native;
  const { address, port } = peer;
  const fd = openTcp(native, { family: address.family, ...(device !== undefined && { device }) });
  const begun = addon.connect(fd, address.bytes, port, 0);
  if (begun < 0 && begun !== -constants.errno.EINPROGRESS) {
    addon.close(fd);
    throw systemError(addon, -begun, 'connect');
  }
  return openConnectingStream(native, fd, scope);
}

type SetOption = (level: ConstantName, name: ConstantName, value: number | Uint8Array) => void;

interface InetKind {
  readonly family: 4 | 6;
  readonly type: ConstantName;
  readonly protocol?: number;
}

function openInet(native: Native, kind: InetKind, configure: (fd: number, set: SetOption) => void): number {
  const { addon } = native;
  const { constants } = addon;
  const { family, type, protocol = 0 } = kind;
  const made = addon.socket(family === 4 ? constants.AF_INET : constants.AF_INET6, constants[type], protocol);
  return openDescriptor(native, made, (fd) => {
    const set: SetOption = (level, name, value) => {
      check(addon, addon.setOption(fd, constants[level], constants[name], value), 'setsockopt');
    };
    if (family === 6 && type !== 'SOCK_RAW') set('IPPROTO_IPV6', 'IPV6_V6ONLY', 1); // raw sockets always are
    configure(fd, set);
  });
}

function bindToDevice(set: SetOption, device: string | undefined): void {
  if (device !== undefined) set('SOL_SOCKET', 'SO_BINDTODEVICE', new TextEncoder().encode(device));
}

function askForInterface(set: SetOption, family: 4 | 6): void {
  if (family === 4) set('IPPROTO_IP', 'IP_PKTINFO', 1);
  else set('IPPROTO_IPV6', 'IPV6_RECVPKTINFO', 1);
}

function setHopLimit(set: SetOption, family: 4 | 6, hopLimit: number): void {
  if (family === 4) {
    set('IPPROTO_IP', 'IP_TTL', hopLimit);
    set('IPPROTO_IP', 'IP_MULTICAST_TTL', hopLimit);
    set('IPPROTO_IP', 'IP_RECVTTL', 1);
  } else {
    set('IPPROTO_IPV6', 'IPV6_UNICAST_HOPS', hopLimit);
    set('IPPROTO_IPV6', 'IPV6_MULTICAST_HOPS', hopLimit);
    set('IPPROTO_IPV6', 'IPV6_RECVHOPLIMIT', 1);
  }
}

// struct ip_mreqn of ip(7): group, local address (any), ifindex; struct ipv6_mreq: group, ifindex.
function joinGroup(set: SetOption, { address, ifindex }: { address: IpAddress; ifindex: number }): void {
  const request = new Uint8Array(address.family === 4 ? 12 : 20);
  request.set(address.bytes);
  new Int32Array(request.buffer)[request.length / 4 - 1] = ifindex;
  if (address.family === 4) set('IPPROTO_IP', 'IP_ADD_MEMBERSHIP', request);
  else set('IPPROTO_IPV6', 'IPV6_JOIN_GROUP', request);
}

/** ICMPV6_FILTER of RFC 3542, 3.2 as Linux wants it: a bit set keeps a type out. */
export function encodeTypes(types: readonly number[]): Uint8Array {
  const words = new Uint32Array(8).fill(0xffff_ffff);
  for (const type of types) words[(type >> 5) & 7] = (words[(type >> 5) & 7] ?? 0) & ~(1 << (type & 31));
  return new Uint8Array(words.buffer);
}

// Messages of one sender tend to follow each other: its address is made once.
function inetSender(): (arena: Arena, index: number) => UdpSender {
  let last: IpAddress | undefined;
  return (arena, index) => {
    if (last === undefined || !arena.isAddress(index, last.bytes)) last = new IpAddress(arena.address(index));
    return { address: last, port: arena.port(index), ifindex: arena.ifindex(index), hopLimit: arena.hopLimit(index) };
  };
}
