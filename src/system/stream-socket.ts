/**
 * A stream: unix with file descriptor passing (unix(7), SCM_RIGHTS), or TCP. What the kernel does not take
 * at once waits in a queue, descriptors duplicated, and goes out in order. Every descriptor has
 * one owner: received ones the handler, queued duplicates this socket.
 */

import { SystemError } from '../shared/errors.ts';
import type { Scope } from '../shared/scope.ts';
import type { Watcher } from './addon.ts';
import { check, EVENT_DATA, EVENT_ERROR, systemError } from './addon.ts';
import { errnoName } from './errno.ts';
import type { Native } from './message-socket.ts';
import { watchDescriptor } from './message-socket.ts';
import type { StreamSocket, TcpStream } from './system.ts';

/** Watches a connected stream, which it then owns and closes with `scope`; closes it at once if it cannot. */
export function openStreamSocket(native: Native, fd: number, scope: Scope): StreamSocket {
  return new WatchedStream(native, fd, scope);
}

/** As `openStreamSocket`, for a TCP socket whose connection is under way. */
export function openConnectingStream(native: Native, fd: number, scope: Scope): TcpStream {
  const stream = new WatchedStream(native, fd, scope);
  stream.awaitConnection();
  return stream;
}

interface Chunk {
  readonly bytes: Uint8Array;
  /** Duplicates, closed once they are sent. */
  readonly fds: readonly number[];
}

class WatchedStream implements TcpStream {
  onData: (bytes: Uint8Array, fds: readonly number[]) => void;
  onEnd: (error: SystemError | undefined) => void = () => undefined;
  onConnected: () => void = () => undefined;
  readonly #native: Native;
  readonly #watcher: Watcher;
  readonly #queue: Chunk[] = [];
  #queuedBytes = 0;
  #isConnecting = false;
  #isClosed = false;

  constructor(native: Native, fd: number, scope: Scope) {
    this.#native = native;
    this.onData = (_bytes, fds) => this.#closeAll(fds);
    this.#watcher = watchDescriptor(native, fd, (event, value) => this.#onEvent(event, value));
    scope.defer(() => this.#close());
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** The first time that the kernel would take bytes, the connection stands. */
  awaitConnection(): void {
    this.#isConnecting = true;
    this.#native.addon.awaitWritable(this.#watcher, true);
  }

  send(bytes: Uint8Array, fds: readonly number[] = []): void {
    if (this.#isClosed) return;
    const taken = this.#queue.length === 0 && !this.#isConnecting ? this.#write(bytes, fds) : 0;
    if (taken < bytes.length) this.#enqueue(bytes.subarray(taken), taken > 0 ? [] : fds);
  }

  #onEvent(event: number, value: number): void {
    if (event === EVENT_ERROR) this.#end(systemError(this.#native.addon, value, 'recvmsg'));
    else if (event !== EVENT_DATA) this.#onWritable();
    else if (value === 0) this.#end(undefined);
    else this.onData(this.#native.arena.streamBytes(value), this.#native.arena.streamDescriptors());
  }

  /** How many bytes need not be sent again. A peer that is gone swallows all: reading tells its end. */
  #write(bytes: Uint8Array, fds: readonly number[]): number {
    const { addon } = this.#native;
    const taken = addon.sendStream(this.#watcher, bytes, fds);
    if (taken >= 0) return taken;
    const name = errnoName(-taken);
    if (name === 'EAGAIN') return 0;
    if (name === 'EPIPE' || name === 'ECONNRESET') return bytes.length;
    throw systemError(addon, -taken, 'sendmsg');
  }

  #enqueue(bytes: Uint8Array, fds: readonly number[]): void {
    this.#queue.push({ bytes: bytes.slice(), fds: this.#duplicateAll(fds) });
    this.#queuedBytes += bytes.length;
    if (this.#queue.length === 1) this.#native.addon.awaitWritable(this.#watcher, true);
  }

  #onWritable(): void {
    if (this.#isConnecting) {
      this.#isConnecting = false;
      if (this.#queue.length === 0) this.#native.addon.awaitWritable(this.#watcher, false);
      this.onConnected();
      if (this.#isClosed) return;
    }
    this.#flush();
  }

  #flush(): void {
    try {
      while (this.#writeFirst());
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.#end(error);
    }
  }

  /** Whether the first chunk went out whole and another waits. */
  #writeFirst(): boolean {
    const [first] = this.#queue;
    if (first === undefined) return false;
    const taken = this.#write(first.bytes, first.fds);
    if (taken === 0) return false;
    this.#queuedBytes -= taken;
    this.#closeAll(first.fds);
    if (taken < first.bytes.length) {
      this.#queue[0] = { bytes: first.bytes.subarray(taken), fds: [] };
      return false;
    }
    this.#queue.shift();
    if (this.#queue.length > 0) return true;
    this.#native.addon.awaitWritable(this.#watcher, false);
    return false;
  }

  #end(error: SystemError | undefined): void {
    this.#close();
    this.onEnd(error);
  }

  #close(): void {
    this.#isClosed = true;
    this.#native.addon.unwatch(this.#watcher);
    for (const { fds } of this.#queue.splice(0)) this.#closeAll(fds);
    this.#queuedBytes = 0;
  }

  #duplicateAll(fds: readonly number[]): number[] {
    const duplicates: number[] = [];
    try {
      for (const fd of fds) duplicates.push(check(this.#native.addon, this.#native.addon.duplicate(fd), 'fcntl'));
    } catch (error) {
      this.#closeAll(duplicates);
      throw error;
    }
    return duplicates;
  }

  #closeAll(fds: readonly number[]): void {
    for (const fd of fds) this.#native.addon.close(fd);
  }
}
