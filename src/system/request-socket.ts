/**
 * A socket of requests over one watched descriptor: the handler sees a whole batch in the arena and
 * leaves its answers there; they go out with one call. Nothing is allocated per message.
 */

import { constants } from 'node:os';
import type { SystemError } from '../shared/errors.ts';
import type { Scope } from '../shared/scope.ts';
import type { Watcher } from './addon.ts';
import { EVENT_DATA, systemError } from './addon.ts';
import type { Arena } from './arena.ts';
import type { Native } from './message-socket.ts';
import { watchDescriptor } from './message-socket.ts';
import { type Departing, outboxOf } from './outbox.ts';
import type { Outbox, RequestBatch, UdpSender, UdpServer } from './system.ts';

type SenderOf = (arena: Arena, index: number) => UdpSender;

/** Watches `fd`, which it then owns and closes with `scope`; closes it at once if it cannot. */
export function openRequestSocket(native: Native, fd: number, senderOf: SenderOf, scope: Scope): UdpServer {
  return new RequestSocket(native, fd, senderOf, scope);
}

class RequestSocket implements UdpServer, Departing {
  readonly localPort: number;
  onBatch: (batch: RequestBatch) => void = () => undefined;
  onError: (error: SystemError) => void = () => undefined;
  readonly #native: Native;
  readonly #watcher: Watcher;
  readonly #batch: ArenaBatch;

  constructor(native: Native, fd: number, senderOf: SenderOf, scope: Scope) {
    const { addon, arena } = native;
    this.#native = native;
    this.#batch = new ArenaBatch(arena, senderOf);
    this.localPort = Math.max(0, addon.localPort(fd));
    this.#watcher = watchDescriptor(native, fd, (event, value) => this.#onEvent(event, value));
    scope.defer(() => addon.unwatch(this.#watcher));
  }

  answerFrom(memory: ArrayBuffer): void {
    this.#native.addon.answerFrom(this.#watcher, new Uint8Array(memory));
  }

  get outbox(): Outbox {
    return outboxOf(this);
  }

  sendAll(memory: Buffer, count: number): void {
    this.#tell(this.#native.addon.sendAll(this.#watcher, memory, count));
  }

  #onEvent(event: number, value: number): void {
    const { addon } = this.#native;
    if (event !== EVENT_DATA) {
      this.onError(systemError(addon, value, 'recvmmsg'));
      return;
    }
    this.#batch.count = value;
    this.#batch.answered = 0;
    this.onBatch(this.#batch);
    if (this.#batch.answered === 0) return;
    this.#tell(addon.reply(this.#watcher, value));
  }

  // A socket that its handler closed has nobody to tell.
  #tell(result: number): void {
    if (result >= 0 || result === -constants.errno.EBADF) return;
    this.onError(systemError(this.#native.addon, -result, 'sendmmsg'));
  }
}

class ArenaBatch implements RequestBatch {
  count = 0;
  answered = 0;
  readonly memory: Buffer;
  readonly #arena: Arena;
  readonly #senderOf: SenderOf;

  constructor(arena: Arena, senderOf: SenderOf) {
    this.#arena = arena;
    this.#senderOf = senderOf;
    this.memory = arena.memory;
  }

  offset(index: number): number {
    return this.#arena.offset(index);
  }

  length(index: number): number {
    return this.#arena.length(index);
  }

  message(index: number): Buffer {
    return this.#arena.slot(index);
  }

  sender(index: number): UdpSender {
    return this.#senderOf(this.#arena, index);
  }

  answer(index: number, lengthBytes: number): void {
    this.answered++;
    this.#arena.setReply(index, lengthBytes);
  }
}
