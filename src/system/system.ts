/**
 * What the project may ask of the kernel: factories of sockets that carry bytes. Parsing happens
 * elsewhere; tests pass a simulated kernel with the same interface. Everything opened here is
 * closed with the scope it was opened in. Received bytes are valid only during the call that hands
 * them over: they lie in an arena that the next batch overwrites.
 */

import type { TimeSource } from '../shared/clock.ts';
import type { SystemError } from '../shared/errors.ts';
import type { IpAddress } from '../shared/ipaddress.ts';
import type { Scope } from '../shared/scope.ts';

/** The kernel, as far as we use it. Every factory throws SystemError. */
export interface System {
  /** CLOCK_BOOTTIME with one timerfd. One per process. */
  bootTimeSource(scope: Scope): TimeSource;

  /** Request or event socket of a netlink protocol (linux/netlink.h). */
  netlink(options: NetlinkOptions, scope: Scope): MessageSocket<NetlinkSender>;

  /** AF_PACKET SOCK_DGRAM: payloads of `etherType` on one interface, behind an optional filter. */
  packet(options: PacketOptions, scope: Scope): MessageSocket<PacketSender>;

  /** AF_INET/AF_INET6 SOCK_RAW, for ICMPv6 (neighbour discovery). IPv4 messages begin with their IP header. */
  raw(options: RawOptions, scope: Scope): MessageSocket<UdpSender>;

  /** A UDP socket, bound as told, to any address and a free port where nothing is told. IPv6 alone with 6. */
  udp(options: UdpOptions, scope: Scope): MessageSocket<UdpSender>;

  /**
   * A UDP socket that takes requests by the batch and answers them where they stand; with `peer` one
   * that asks and takes answers by the batch.
   */
  udpServer(options: UdpOptions, scope: Scope): UdpServer;

  /**
   * A TCP socket, not connected, non-blocking, bound to `device`; the caller hands the descriptor
   * to `net.Socket({ fd, manualStart: true })` or `server.listen({ fd })`, which then owns it.
   */
  tcp(options: TcpOptions): number;

  /**
   * Has `fd`, bound by `tcp` and still the caller's, listen until the caller closes it; returns the port. Calls
   * `onFirst` once, when somebody wants to connect, unless `scope` has closed. Throws SystemError.
   */
  listen(fd: number, backlog: number, scope: Scope, onFirst: () => void): number;

  /** A TCP connection under way; what is sent before it stands waits. Throws SystemError where none can begin. */
  tcpStream(options: TcpStreamOptions, scope: Scope): TcpStream;

  /**
   * A unix datagram socket connected to `path` (/dev/log, NOTIFY_SOCKET); `@` begins an abstract name.
   * It has an abstract name of its own, so that the peer can answer.
   */
  unixDatagram(path: string, scope: Scope): MessageSocket<undefined>;

  /** A unix stream socket connected to `path` (D-Bus; `@` as above), with file descriptor passing. */
  unixStream(path: string, scope: Scope): StreamSocket;

  /**
   * Has one client connect to `path`, where nothing may be yet; nobody else is let in. The file is the caller's
   * to remove. Throws SystemError.
   */
  unixClient(path: string, scope: Scope, onClient: (stream: StreamSocket) => void): void;

  /** A character device read event by event, such as /dev/rfkill. It is closed before `onError` is called. */
  device(path: string, scope: Scope): MessageSocket<undefined>;

  /**
   * A TUN or TAP device; returns its descriptor (the caller's to close) and the name it got. With
   * `owner`, the number of the user who may open it, it stays until its link is removed.
   */
  tun(name: string, options?: { kind?: 'tun' | 'tap'; owner?: number }): { fd: number; name: string };

  /** Closes a descriptor that was received or made by `tcp` or `tun` and is not owned by Node. */
  closeFd(fd: number): void;

  /**
   * Has V8 compile only what runs for long: a daemon's functions run seldom, and when they do somebody waits.
   * Node's modules that are loaded later come without their compiled code, a few milliseconds for a large one.
   */
  compileSparingly(): void;

  /**
   * Unmaps what was used of Node's own program so far, most of it for its start alone: half of what the process
   * occupies. What is used again is mapped again out of the kernel's page cache, sixteen pages in a microsecond.
   */
  unmapProgram(): void;

  /** Overwrites `bytes` with the kernel's randomness. */
  fillRandom(bytes: Uint8Array): void;

  /** clock_settime(CLOCK_REALTIME); `unixMs` milliseconds since 1970. */
  setWallClock(unixMs: number): void;

  /** CLOCK_REALTIME: milliseconds since 1970, with fractions. */
  wallTime(): number;

  /**
   * adjtimex: slews by `offsetMs` as the kernel sees fit (ADJ_OFFSET with STA_PLL), or steps
   * (ADJ_SETOFFSET); `leap` sets STA_INS or STA_DEL. With `timeConstant` (0 to 10) a slew goes at
   * 2^(timeConstant + 2) s and the kernel learns the clock's frequency from it.
   */
  adjustClock(
    offsetMs: number, how: 'slew' | 'step', leap: 'none' | 'insert' | 'delete', timeConstant?: number,
  ): void;

  /** sethostname(2) and setdomainname(2). */
  setHostname(name: string): void;
  setDomainname(name: string): void;

  /** statfs(2): the identifier of the file system that a file is on, in hexadecimal digits. */
  fileSystemId(path: string): string;

  /** umask(2) is Node's own; this is setsid(2) for a daemon that left its terminal. */
  startSession(): void;
}

/** A socket of whole messages. A message may be empty. */
export interface MessageSocket<Sender> {
  /** The local port (UDP), netlink port id, or 0. */
  readonly localPort: number;
  /** Set once, before the event loop turns. `bytes` are valid only during the call. */
  onMessage: (bytes: Uint8Array, sender: Sender) => void;
  /**
   * A pending socket error (ENOBUFS, ENETDOWN …) was read and cleared, or one message was longer than
   * 64 KiB and is lost (EMSGSIZE); the socket goes on working.
   * Defaults to ignoring it.
   */
  onError: (error: SystemError) => void;
  /** Sends one message at once; throws SystemError (EAGAIN when the kernel's buffer is full). */
  send(bytes: Uint8Array, to?: Destination): void;
}

/** A socket that answers; with `packetInfo` an answer at once leaves from the address that was asked. */
export interface UdpServer {
  readonly localPort: number;
  /** Set once, before the event loop turns. When it returns, the batch's answers are sent. */
  onBatch: (batch: RequestBatch) => void;
  /**
   * Has DNS questions that `memory` (src/dns/answer-memory.ts, with times of `bootTimeSource`) knows the
   * answer to answered before a batch is handed over; in it they have length 0. Once for a socket.
   */
  answerFrom(memory: ArrayBuffer): void;
  /** As with MessageSocket; also when the kernel refused what was in the outbox. */
  onError: (error: SystemError) => void;
  /** Where messages are written that leave a little later; to be asked for anew before each of them. */
  readonly outbox: Outbox;
}

/**
 * Messages that leave together: with one call of the kernel at the end of this turn of the event
 * loop, or when there is no more room.
 */
export interface Outbox {
  /** Where messages are written: at `offset`, with room for `MESSAGE_BYTES` of outbox.ts. */
  readonly memory: Buffer;
  /** Changes with each message. */
  readonly offset: number;
  /** What stands at `offset` is a message; it goes to the socket's peer where `to` is absent. */
  add(lengthBytes: number, to?: UdpSender): void;
}

/** Messages received together; one object for all batches, valid while the handler runs. */
export interface RequestBatch {
  readonly count: number;
  /** Where all messages lie, each with room for 64 KiB. */
  readonly memory: Buffer;
  /** Of message `index` in `memory`. */
  offset(index: number): number;
  /** -1 for a message longer than 64 KiB, which is lost; 0 for one that was answered already. */
  length(index: number): number;
  /** A view that begins with message `index` and ends behind it, with its room. */
  message(index: number): Buffer;
  sender(index: number): UdpSender;
  /** The first `lengthBytes` bytes in place of message `index` are the answer. */
  answer(index: number, lengthBytes: number): void;
}

/** A connected stream with descriptors. */
export interface StreamSocket {
  /**
   * `fds` came with the last of `bytes` (SCM_RIGHTS); they are the receiver's to close. Until a
   * handler is set, both are thrown away.
   */
  onData: (bytes: Uint8Array, fds: readonly number[]) => void;
  /** Called once; undefined at an orderly end. */
  onEnd: (error: SystemError | undefined) => void;
  /**
   * Queues a copy of what the kernel does not take at once. `fds` stay the caller's; at most 253. Does
   * nothing after the end; throws SystemError for a bad descriptor.
   */
  send(bytes: Uint8Array, fds?: readonly number[]): void;
  /** Bytes queued and not yet taken by the kernel. */
  readonly queuedBytes: number;
}

/** A stream that begins before its connection stands; when none comes about, `onEnd` says why. */
export interface TcpStream extends StreamSocket {
  /** Called once, when the far side has answered. Set before the event loop turns. */
  onConnected: () => void;
}

/** Where a message goes, when the socket is not connected. */
export type Destination =
  | { readonly address: IpAddress; readonly port: number; readonly ifindex?: number }
  | { readonly hardwareAddress: Uint8Array };

/** Which netlink socket. */
export interface NetlinkOptions {
  /** NETLINK_ROUTE 0, NETLINK_GENERIC 16, … */
  readonly protocol: number;
  /** Multicast group numbers (not bits) to join. */
  readonly groups?: readonly number[];
  /** SO_RCVBUFFORCE (SO_RCVBUF without the right to). */
  readonly receiveBufferBytes?: number;
}

/** Who sent a netlink message. */
export interface NetlinkSender {
  /** 0 is the kernel; messages of others must be dropped (CVE-2012-2320). */
  readonly portId: number;
}

/** One classic BPF instruction (linux/filter.h): [code, jt, jf, k]. */
export type BpfInstruction = readonly [code: number, jumpTrue: number, jumpFalse: number, k: number];

/** Which packets of which interface. */
export interface PacketOptions {
  readonly ifindex: number;
  /** ETH_P_IP 0x0800, ETH_P_ARP 0x0806. */
  readonly etherType: number;
  /** Offsets begin at the network header; attached before the socket is bound. */
  readonly filter?: readonly BpfInstruction[];
}

/** Who sent a packet, and in what state it came. */
export interface PacketSender {
  readonly hardwareAddress: Uint8Array;
  /** TP_STATUS_CSUMNOTREADY: the sender's host left the checksum to hardware; do not verify it. */
  readonly checksumNotReady: boolean;
}

/** Which raw IP messages. */
export interface RawOptions {
  readonly family: 4 | 6;
  /** IPPROTO_ICMPV6 58, … */
  readonly protocol: number;
  /** Interface name for SO_BINDTODEVICE. */
  readonly device?: string;
  /** Bits of ICMPV6 types to let through (ICMPV6_FILTER), all when absent. */
  readonly icmpv6Types?: readonly number[];
  /** IPv6 hop limit of what is sent; also asks for that of what is received. */
  readonly hopLimit?: number;
}

/** Where a UDP socket is bound and what it hears. */
export interface UdpOptions {
  readonly family: 4 | 6;
  readonly address?: IpAddress;
  readonly port?: number;
  readonly device?: string;
  readonly reuseAddress?: boolean;
  readonly broadcast?: boolean;
  /** Ask for the interface each message came in on. */
  readonly packetInfo?: boolean;
  /** Connects the socket: only this peer is heard, and its ICMP errors arrive at `onError`. */
  readonly peer?: { readonly address: IpAddress; readonly port: number };
  readonly multicastGroup?: { readonly address: IpAddress; readonly ifindex: number };
  /** As with netlink. */
  readonly receiveBufferBytes?: number;
}

/** Who sent a UDP or raw message, and by which way it came. */
export interface UdpSender {
  readonly address: IpAddress;
  readonly port: number;
  /** 0 unless `packetInfo` was asked for. */
  readonly ifindex: number;
  /** -1 unless asked for. */
  readonly hopLimit: number;
}

/** How a TCP socket is prepared. */
export interface TcpOptions {
  readonly family: 4 | 6;
  readonly device?: string;
  readonly mark?: number;
  /** bind(2) before listening. */
  readonly bind?: { readonly address: IpAddress; readonly port: number };
}

/** Where a TCP connection goes. */
export interface TcpStreamOptions {
  readonly peer: { readonly address: IpAddress; readonly port: number };
  /** Interface name for SO_BINDTODEVICE. */
  readonly device?: string;
}
