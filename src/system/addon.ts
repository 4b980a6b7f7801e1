/**
 * The native addon as TypeScript sees it, and how it is found: beside the running program, or where
 * CAUSEWAY_ADDON says. Functions answer a negative errno on failure; `check` turns that into a
 * SystemError. Only this folder may call them.
 */

import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SystemError } from '../shared/errors.ts';
import { errnoName } from './errno.ts';

/** What `src/system/addon/*.c` exports; every function is described there. */
export interface Addon {
  /** Received bytes and their records, laid out as `arena.ts` says. */
  readonly arena: ArrayBuffer;
  readonly constants: Readonly<Record<ConstantName, number>>;

  socket(domain: number, type: number, protocol: number): number;
  open(path: Uint8Array): number;
  bind(fd: number, address: Uint8Array | undefined, port: number, ifindex: number): number;
  connect(fd: number, address: Uint8Array | undefined, port: number, ifindex: number): number;
  listen(fd: number, backlog: number): number;
  accept(fd: number): number;
  localPort(fd: number): number;
  duplicate(fd: number): number;
  close(fd: number): number;
  setOption(fd: number, level: number, name: number, value: number | Uint8Array): number;
  attachFilter(fd: number, program: Uint8Array): number;

  /** On success the watcher owns `fd`. */
  watch(fd: number, callback: WatchCallback): Watcher | number;
  unwatch(watcher: Watcher): void;
  awaitWritable(watcher: Watcher, isAwaited: boolean): void;
  keepAlive(watcher: Watcher, isKept: boolean): void;
  send(watcher: Watcher, bytes: Uint8Array, address: Uint8Array | undefined, port: number, ifindex: number): number;
  reply(watcher: Watcher, count: number): number;
  answerFrom(watcher: Watcher, memory: Uint8Array): void;
  sendAll(watcher: Watcher, outbox: Uint8Array, count: number): number;
  sendStream(watcher: Watcher, bytes: Uint8Array, fds: readonly number[]): number;

  bootTime(): number;
  timer(): number;
  setTimer(watcher: Watcher, atMs: number): number;
  setWallClock(unixMs: number): number;
  wallTime(): number;
  adjustClock(offsetMs: number, isStep: boolean, leap: number, constant: number): number;
  tun(name: Uint8Array, isTap: boolean, owner: number): { fd: number; name: string } | number;
  setHostname(name: Uint8Array): number;
  setDomainname(name: Uint8Array): number;
  fileSystemId(path: Uint8Array): string | number;
  startSession(): number;
  fillRandom(bytes: Uint8Array): number;
  compileSparingly(): void;
  unmapProgram(): void;
  confine(user: number, moreBytes: number, cpuSec: number): number;
  describe(errno: number): string;
}

/** A watched descriptor; opaque. */
export type Watcher = object;

/** `EVENT_DATA` with a count, `EVENT_ERROR` with an errno, `EVENT_WRITABLE` with 0. */
export type WatchCallback = (event: number, value: number) => void;

/** Messages lie in the arena; of a stream so many bytes, 0 at its end. */
export const EVENT_DATA = 0;
/** A system call failed, or a pending error was read. */
export const EVENT_ERROR = 1;
/** A stream takes bytes again. */
export const EVENT_WRITABLE = 2;

/** The numbers of system headers that the addon tells. */
export type ConstantName =
  | 'AF_INET' | 'AF_INET6' | 'AF_NETLINK' | 'AF_PACKET' | 'AF_UNIX'
  | 'SOCK_DGRAM' | 'SOCK_RAW' | 'SOCK_STREAM'
  | 'SOL_SOCKET' | 'SO_BINDTODEVICE' | 'SO_BROADCAST' | 'SO_MARK' | 'SO_RCVBUF' | 'SO_RCVBUFFORCE' | 'SO_REUSEADDR'
  | 'SOL_NETLINK' | 'NETLINK_ADD_MEMBERSHIP' | 'NETLINK_EXT_ACK' | 'NETLINK_GET_STRICT_CHK'
  | 'SOL_PACKET' | 'PACKET_AUXDATA' | 'TP_STATUS_CSUMNOTREADY'
  | 'IPPROTO_IP' | 'IP_ADD_MEMBERSHIP' | 'IP_MULTICAST_TTL' | 'IP_PKTINFO' | 'IP_RECVTTL' | 'IP_TTL'
  | 'IPPROTO_IPV6' | 'IPV6_JOIN_GROUP' | 'IPV6_MULTICAST_HOPS' | 'IPV6_RECVHOPLIMIT' | 'IPV6_RECVPKTINFO'
  | 'IPV6_UNICAST_HOPS' | 'IPV6_V6ONLY'
  | 'IPPROTO_ICMPV6' | 'ICMP6_FILTER';

/**
 * Loads the addon: the file CAUSEWAY_ADDON names, else `system.node` beside the running module
 * (in a bundle the program; Node has resolved symbolic links). Throws an Error naming the file.
 */
export function loadAddon(): Addon {
  const path = addonPath();
  try {
    const loaded: Addon = createRequire(import.meta.url)(path);
    return loaded;
  } catch (cause) {
    throw new Error(
      `cannot load the native addon ${path}: run "npm run build", or name the file in CAUSEWAY_ADDON`, { cause });
  }
}

/** Where the addon is, and beside it the programs that were built with it. */
export function addonPath(): string {
  const named = process.env['CAUSEWAY_ADDON'];
  return named === undefined ? fileURLToPath(new URL('system.node', import.meta.url)) : resolve(named);
}

/** `result` unless it is a negative errno: then throws SystemError for `syscall`. */
export function check(addon: Addon, result: number, syscall: string): number {
  if (result < 0) throw systemError(addon, -result, syscall);
  return result;
}

/** The error of a failed system call; `errno` is positive. */
export function systemError(addon: Addon, errno: number, syscall: string): SystemError {
  return new SystemError(errnoName(errno), errno, syscall, addon.describe(errno));
}
