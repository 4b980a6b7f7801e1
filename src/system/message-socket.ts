/**
 * A socket of whole messages over one watched descriptor: sockets, and devices read event by event.
 * The callback runs once a batch; a handler may close the socket in the middle of it.
 */

import { constants } from 'node:os';
import type { SystemError } from '../shared/errors.ts';
import type { Scope } from '../shared/scope.ts';
import type { Addon, WatchCallback, Watcher } from './addon.ts';
import { check, EVENT_DATA, systemError } from './addon.ts';
import type { Arena } from './arena.ts';
import type { Destination, MessageSocket } from './system.ts';

/** The addon with the reader of its arena. */
export interface Native {
  readonly addon: Addon;
  readonly arena: Arena;
}

/** How the messages of one kind of socket are told apart and ended. */
export interface MessageKind<Sender> {
  /** Who sent message `index` of the arena. */
  readonly senderOf: (arena: Arena, index: number) => Sender;
  /** An error is the end: there is nothing to wait for on a device that is gone. */
  readonly endsOnError?: boolean;
}

/** Hands a socket just `made` (or its negative errno) to `configure`; closes it if that throws. */
export function openDescriptor({ addon }: Native, made: number, configure: (fd: number) => void): number {
  const fd = check(addon, made, 'socket');
  try {
    configure(fd);
    return fd;
  } catch (error) {
    addon.close(fd);
    throw error;
  }
}

/** SO_RCVBUFFORCE, or without the right to it SO_RCVBUF. */
export function setReceiveBuffer({ addon }: Native, fd: number, bytes: number): void {
  const { constants: names } = addon;
  const forced = addon.setOption(fd, names.SOL_SOCKET, names.SO_RCVBUFFORCE, bytes);
  if (forced !== -constants.errno.EPERM) check(addon, forced, 'setsockopt');
  else check(addon, addon.setOption(fd, names.SOL_SOCKET, names.SO_RCVBUF, bytes), 'setsockopt');
}

/** Watches `fd`, which it then owns and closes with `scope`; closes it at once if it cannot. */
export function openMessageSocket<Sender>(
  native: Native, fd: number, kind: MessageKind<Sender>, scope: Scope,
): MessageSocket<Sender> {
  return new WatchedSocket(native, fd, kind, scope);
}

/** Watches `fd`, which the watcher then owns; closes it and throws SystemError if it cannot. */
export function watchDescriptor({ addon }: Native, fd: number, callback: WatchCallback): Watcher {
  const watcher = addon.watch(fd, callback);
  if (typeof watcher !== 'number') return watcher;
  addon.close(fd);
  throw systemError(addon, -watcher, 'epoll_ctl');
}

class WatchedSocket<Sender> implements MessageSocket<Sender> {
  readonly localPort: number;
  onMessage: (bytes: Uint8Array, sender: Sender) => void = () => undefined;
  onError: (error: SystemError) => void = () => undefined;
  readonly #native: Native;
  readonly #kind: MessageKind<Sender>;
  readonly #watcher: Watcher;
  #isClosed = false;

  constructor(native: Native, fd: number, kind: MessageKind<Sender>, scope: Scope) {
    this.#native = native;
    this.#kind = kind;
    this.localPort = Math.max(0, native.addon.localPort(fd));
    this.#watcher = watchDescriptor(native, fd, (event, value) => {
      if (event === EVENT_DATA) this.#deliver(value);
      else this.#fail(value);
    });
    scope.defer(() => this.#close());
  }

  send(bytes: Uint8Array, to?: Destination): void {
    const { addon } = this.#native;
    check(addon, sendTo(addon, this.#watcher, bytes, to), 'send');
  }

  #deliver(count: number): void {
    const { arena } = this.#native;
    for (let index = 0; index < count && !this.#isClosed; index++) {
      const bytes = arena.message(index);
      if (bytes === undefined) this.onError(systemError(this.#native.addon, constants.errno.EMSGSIZE, 'recvmmsg'));
      else this.onMessage(bytes, this.#kind.senderOf(arena, index));
    }
  }

  #fail(errno: number): void {
    if (this.#kind.endsOnError === true) this.#close();
    this.onError(systemError(this.#native.addon, errno, 'recvmmsg'));
  }

  #close(): void {
    this.#isClosed = true;
    this.#native.addon.unwatch(this.#watcher);
  }
}

/** Sends one message; the addon's answer. */
export function sendTo(addon: Addon, watcher: Watcher, bytes: Uint8Array, to: Destination | undefined): number {
  if (to === undefined) return addon.send(watcher, bytes, undefined, 0, 0);
  if ('hardwareAddress' in to) return addon.send(watcher, bytes, to.hardwareAddress, 0, 0);
  return addon.send(watcher, bytes, to.address.bytes, to.port, to.ifindex ?? 0);
}
