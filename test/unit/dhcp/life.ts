/**
 * A client machine with time in the test's hand, and replies to what it sends. Randomness is in the
 * middle of its range (no jitter) unless told otherwise, and transaction ids count from 1.
 */

import { step } from '../../../src/dhcp/client-machine.ts';
import type { Identity } from '../../../src/dhcp/client-messages.ts';
import { type Input, type LeaseEvent, nextTickAt, type Route, type State } from '../../../src/dhcp/client-state.ts';
import { type DhcpMessage, MESSAGE_TYPES, messageType, type MessageType } from '../../../src/dhcp/message.ts';
import { u32Bytes } from '../../../src/dhcp/options.ts';
import { IpAddress, parseIpv4 } from '../../../src/shared/ipaddress.ts';
import type { Random } from '../../../src/shared/random.ts';
import { hex } from './battery.ts';

/** An address, for tests that write them out. */
export function ip(text: string): IpAddress {
  const address = parseIpv4(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return address;
}

export const SERVER = ip('192.0.2.1');
export const ADDRESS = ip('192.0.2.47');

export const IDENTITY: Identity = {
  hardwareAddress: hex('02005e005301'),
  clientIdentifier: hex('0102005e005301'),
  hostname: undefined,
  vendorClass: undefined,
  maximumMessageSize: 1500,
};

/** Ids 1, 2, 3 … and always the same fraction. */
export function countingRandom(fraction = 0.5): Random {
  let last = 0;
  return { u32: () => ++last, fraction: () => fraction };
}

/** What differs from a plain good reply. */
export interface ReplyChanges {
  readonly address?: IpAddress;
  readonly leaseSec?: number;
  /** More options, in place of those set by themselves; `undefined` takes one out. */
  readonly options?: Readonly<Record<number, Uint8Array | undefined>>;
  readonly header?: Partial<DhcpMessage>;
}

/** A server's reply to `request`. */
export function replyTo(request: DhcpMessage, type: MessageType, changes: ReplyChanges = {}): DhcpMessage {
  const { address = ADDRESS, leaseSec = 3600, header } = changes;
  const isNak = type === 'nak';
  const options = new Map<number, Uint8Array>([
    [53, Uint8Array.of(MESSAGE_TYPES.indexOf(type))],
    [54, SERVER.bytes],
    ...(isNak ? [] : [[51, u32Bytes(leaseSec)], [1, hex('ffffff00')], [3, SERVER.bytes]] as [number, Uint8Array][]),
  ]);
  for (const [code, value] of Object.entries(changes.options ?? {})) {
    if (value === undefined) options.delete(Number(code));
    else options.set(Number(code), value);
  }
  return {
    ...request,
    op: 'reply',
    clientAddress: new IpAddress(new Uint8Array(4)),
    yourAddress: isNak ? new IpAddress(new Uint8Array(4)) : address,
    options,
    ...header,
  };
}

/** A message that was sent. */
export interface Sent {
  readonly at: number;
  readonly type: MessageType | undefined;
  readonly message: DhcpMessage;
  readonly route: Route | undefined;
}

export class Life {
  state: State = { name: 'stopped' };
  now = 0;
  readonly sent: Sent[] = [];
  /** Everything that happened, as `seconds what`. */
  readonly diary: string[] = [];
  readonly events: LeaseEvent[] = [];
  readonly #random: Random;

  constructor(random: Random = countingRandom()) {
    this.#random = random;
  }

  feed(input: Input): void {
    const { state, actions } = step(this.state, input, { now: this.now, random: this.#random, identity: IDENTITY });
    this.state = state;
    for (const action of actions) {
      if (action.kind === 'event') this.#note(action.event);
      else this.#keep(action.packet.message, action.packet.route);
    }
  }

  /** Starts as a driver does: the first tick is due at once. */
  start(input: Omit<Extract<Input, { kind: 'start' }>, 'kind'> = {}): this {
    this.feed({ kind: 'start', ...input });
    this.run(0);
    return this;
  }

  /** Lets time pass, ticking whenever the machine asks. */
  run(ms: number): this {
    const end = this.now + ms;
    for (let ticks = 0; ticks < 100_000; ticks++) {
      const at = nextTickAt(this.state);
      if (at === undefined || at > end) {
        this.now = end;
        return this;
      }
      this.now = Math.max(this.now, at);
      this.feed({ kind: 'tick' });
    }
    throw new Error(`the machine does not rest in ${this.state.name}`);
  }

  /** The server answers the last message sent. */
  answer(type: MessageType, changes: ReplyChanges = {}, isBroadcast = false): this {
    this.feed({ kind: 'message', message: replyTo(this.last.message, type, changes), isBroadcast });
    return this;
  }

  /** A full exchange from `start` to a lease. */
  bind(changes: ReplyChanges = {}): this {
    return this.start().answer('offer', changes).answer('ack', changes);
  }

  get last(): Sent {
    const last = this.sent.at(-1);
    if (last === undefined) throw new Error('nothing was sent');
    return last;
  }

  /** The diary so far, which begins anew. */
  read(): string[] {
    return this.diary.splice(0);
  }

  #keep(message: DhcpMessage, route: Route | undefined): void {
    const type = messageType(message);
    this.sent.push({ at: this.now, type, message, route });
    this.diary.push(`${this.now / 1000} ${type}${route === undefined ? '' : ` to ${route.to}`}`);
  }

  #note(event: LeaseEvent): void {
    this.events.push(event);
    const detail = event.kind === 'bound' ? (event.isChanged ? ' changed' : ' same')
      : event.kind === 'lost' ? ` ${event.reason}` : '';
    this.diary.push(`${this.now / 1000} ${event.kind}${detail}`);
  }
}
