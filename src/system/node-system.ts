/**
 * The System of a running daemon: the addon's functions behind the interface of `system.ts`.
 * One per process.
 */

import type { TimeSource } from '../shared/clock.ts';
import { nodeTimeSource } from '../shared/clock.ts';
import type { Scope } from '../shared/scope.ts';
import { check, loadAddon, systemError } from './addon.ts';
import { Arena } from './arena.ts';
import { listen, openRaw, openTcp, openTcpStream, openUdp, openUdpServer } from './inet-sockets.ts';
import { openNetlink, openPacket } from './link-sockets.ts';
import type { Native } from './message-socket.ts';
import { openDescriptor, openMessageSocket, watchDescriptor } from './message-socket.ts';
import { openStreamSocket } from './stream-socket.ts';
import type { MessageSocket, StreamSocket, System } from './system.ts';

/** Loads the addon; throws an Error that names the file it looked for. */
export function openSystem(): System {
  const addon = loadAddon();
  const native: Native = { addon, arena: new Arena(addon.arena) };
  return {
    bootTimeSource: (scope) => bootTimeSource(native, scope),
    netlink: (options, scope) => openNetlink(native, options, scope),
    packet: (options, scope) => openPacket(native, options, scope),
    raw: (options, scope) => openRaw(native, options, scope),
    udp: (options, scope) => openUdp(native, options, scope),
    udpServer: (options, scope) => openUdpServer(native, options, scope),
    tcp: (options) => openTcp(native, options),
    listen: (fd, backlog, scope, onFirst) => listen(native, { fd, backlog }, scope, onFirst),
    tcpStream: (options, scope) => openTcpStream(native, options, scope),
    unixDatagram: (path, scope) => unixDatagram(native, path, scope),
    unixStream: (path, scope) => unixStream(native, path, scope),
    unixClient: (path, scope, onClient) => unixClient(native, path, scope, onClient),
    device: (path, scope) => device(native, path, scope),
    tun(name, { kind = 'tun', owner = -1 } = {}) {
      const made = addon.tun(encode(name), kind === 'tap', owner);
      if (typeof made !== 'number') return made;
      throw systemError(addon, -made, 'TUNSETIFF');
    },
    closeFd: (fd) => void check(addon, addon.close(fd), 'close'),
    setWallClock: (unixMs) => void check(addon, addon.setWallClock(unixMs), 'clock_settime'),
    wallTime: () => addon.wallTime(),
    adjustClock(offsetMs, how, leap, timeConstant = -1) {
      check(addon, addon.adjustClock(offsetMs, how === 'step', LEAP[leap], timeConstant), 'adjtimex');
    },
    setHostname: (name) => void check(addon, addon.setHostname(encode(name)), 'sethostname'),
    setDomainname: (name) => void check(addon, addon.setDomainname(encode(name)), 'setdomainname'),
    fileSystemId(path) {
      const found = addon.fileSystemId(encode(path));
      if (typeof found === 'string') return found;
      throw systemError(addon, -found, 'statfs');
    },
    compileSparingly: () => addon.compileSparingly(),
    unmapProgram: () => addon.unmapProgram(),
    fillRandom: (bytes) => void check(addon, addon.fillRandom(bytes), 'getrandom'),
    startSession: () => void check(addon, addon.startSession(), 'setsid'),
  };
}

const LEAP = { none: 0, insert: 1, delete: -1 } as const;

// The timer keeps the process going only while it is set.
function bootTimeSource(native: Native, scope: Scope): TimeSource {
  const { addon } = native;
  const fd = check(addon, addon.timer(), 'timerfd_create');
  const watcher = watchDescriptor(native, fd, () => source.onWake());
  const source: TimeSource = {
    now: () => addon.bootTime(),
    wallTime: nodeTimeSource().wallTime,
    onWake: () => undefined,
    wakeAt(atMs) {
      if (scope.isClosed) return;
      addon.keepAlive(watcher, atMs !== undefined);
      check(addon, addon.setTimer(watcher, atMs === undefined ? -1 : Math.max(0, atMs)), 'timerfd_settime');
    },
  };
  addon.keepAlive(watcher, false);
  scope.defer(() => addon.unwatch(watcher));
  return source;
}

function unixDatagram(native: Native, path: string, scope: Scope): MessageSocket<undefined> {
  const { addon } = native;
  const made = addon.socket(addon.constants.AF_UNIX, addon.constants.SOCK_DGRAM, 0);
  const fd = openDescriptor(native, made, (fd) => {
    check(addon, addon.bind(fd, undefined, 0, 0), 'bind'); // a name of its own, so that the peer can answer
    check(addon, addon.connect(fd, encodeUnixPath(path), 0, 0), 'connect');
  });
  return openMessageSocket(native, fd, { senderOf: () => undefined }, scope);
}

function unixStream(native: Native, path: string, scope: Scope): StreamSocket {
  const { addon } = native;
  const made = addon.socket(addon.constants.AF_UNIX, addon.constants.SOCK_STREAM, 0);
  const fd = openDescriptor(native, made, (fd) => {
    check(addon, addon.connect(fd, encodeUnixPath(path), 0, 0), 'connect');
  });
  return openStreamSocket(native, fd, scope);
}

function unixClient(native: Native, path: string, scope: Scope, onClient: (stream: StreamSocket) => void): void {
  const { addon } = native;
  const made = addon.socket(addon.constants.AF_UNIX, addon.constants.SOCK_STREAM, 0);
  const fd = openDescriptor(native, made, (fd) => {
    check(addon, addon.bind(fd, encodeUnixPath(path), 0, 0), 'bind');
  });
  const waiting = scope.child();
  waiting.defer(() => void addon.close(fd));
  listen(native, { fd, backlog: 1 }, waiting, () => {
    const client = addon.accept(fd);
    void waiting.close();
    if (client >= 0) onClient(openStreamSocket(native, client, scope));
  });
}

function device(native: Native, path: string, scope: Scope): MessageSocket<undefined> {
  const fd = check(native.addon, native.addon.open(encode(`${path}\0`)), 'open');
  return openMessageSocket(native, fd, { senderOf: () => undefined, endsOnError: true }, scope);
}

/** `@` begins an abstract name, which on the wire begins with a zero byte. */
function encodeUnixPath(path: string): Uint8Array {
  return encode(path.startsWith('@') ? `\0${path.slice(1)}` : path);
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
