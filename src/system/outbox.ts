/**
 * Messages that leave together, laid out as src/system/addon/outbox.c reads them: SLOTS records of
 * RECORD_WORDS words in host order, then the bytes. Invariant: there is always room for one more
 * message; what is in it leaves before the event loop turns.
 */

import { ADDRESS, ADDRESS_LENGTH, IFINDEX, LENGTH, OFFSET, PORT, RECORD_WORDS } from './arena.ts';
import type { Outbox, UdpSender } from './system.ts';

/** The longest message; more than any that is not to be fragmented. */
export const MESSAGE_BYTES = 1536;

const SLOTS = 32;
const RECORDS_BYTES = 4 * SLOTS * RECORD_WORDS;
const BYTES = 16_384;

/** A socket whose messages are in the outbox. */
export interface Departing {
  /** Sends the first `count` messages; what the kernel does not take is lost, as with UDP anywhere. */
  sendAll(memory: Buffer, count: number): void;
}

/** The outbox, for what `owner` sends: there is one, and what another left in it leaves first. */
export function outboxOf(owner: Departing): Outbox {
  shared ??= new TurnOutbox();
  return shared.handTo(owner);
}

let shared: TurnOutbox | undefined;

class TurnOutbox implements Outbox {
  readonly memory: Buffer;
  offset = RECORDS_BYTES;
  readonly #words: Int32Array;
  #owner: Departing | undefined;
  #count = 0;

  constructor() {
    const buffer = new ArrayBuffer(BYTES);
    this.memory = Buffer.from(buffer);
    this.#words = new Int32Array(buffer, 0, SLOTS * RECORD_WORDS);
  }

  handTo(owner: Departing): Outbox {
    if (owner !== this.#owner) {
      this.#flush();
      this.#owner = owner;
    }
    return this;
  }

  add(lengthBytes: number, to?: UdpSender): void {
    if (this.#count === 0) void ended.then(this.#flush);
    const words = this.#words;
    const at = this.#count++ * RECORD_WORDS;
    words[at + OFFSET] = this.offset;
    words[at + LENGTH] = lengthBytes;
    words[at + ADDRESS_LENGTH] = 0;
    if (to !== undefined) {
      const { bytes } = to.address;
      words[at + PORT] = to.port;
      words[at + IFINDEX] = to.ifindex;
      words[at + ADDRESS_LENGTH] = bytes.length;
      for (let index = 0; index < bytes.length; index++) {
        this.memory[4 * (at + ADDRESS) + index] = bytes[index] ?? 0;
      }
    }
    this.offset += lengthBytes;
    if (this.#count === SLOTS || this.offset + MESSAGE_BYTES > BYTES) this.#flush();
  }

  readonly #flush = (): void => {
    const count = this.#count;
    this.#count = 0;
    this.offset = RECORDS_BYTES;
    if (count > 0) this.#owner?.sendAll(this.memory, count);
  };
}

/** What follows it runs when the handler of this turn has returned. */
const ended = Promise.resolve();
