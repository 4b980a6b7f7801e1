/**
 * A DHCPv6 client machine with time in the test's hand, and a server's messages. Randomness is in
 * the middle of its range (no jitter) unless told otherwise, and transaction ids count from 1.
 */

import { step } from '../../../src/dhcpv6/client-machine.ts';
import type { Identity } from '../../../src/dhcpv6/client-messages.ts';
import { type Dhcpv6Event, type Input, nextTickAt, type State } from '../../../src/dhcpv6/client-state.ts';
import type { Dhcpv6Message, MessageType } from '../../../src/dhcpv6/message.ts';
import {
  type Association, associationsOf, encodeAssociation, type Option, OPTION, u16Bytes, valueOf,
} from '../../../src/dhcpv6/options.ts';
import type { Random } from '../../../src/shared/random.ts';
import { hex } from '../dhcp/battery.ts';
import { ip6 } from '../dhcp/fake-inet.ts';

export const IDENTITY: Identity = {
  duid: hex('000100012f2f2f2f02005e005301'),
  iaid: 0x5e005301,
  hostname: undefined,
  wantsAddresses: true,
  wantsTemporary: false,
  wantsPrefix: false,
};
export const SERVER = hex('0003000102005e005302');
export const OTHER_SERVER = hex('0003000102005e0053ff');
export const ADDRESS = ip6('2001:db8:1::100');

/** Ids 1, 2, 3 … (of 24 bits) and always the same fraction. */
export function countingRandom6(fraction = 0.5): Random {
  let last = 0;
  return { u32: () => ++last << 8, fraction: () => fraction };
}

/** An association of one address that holds for an hour, or what else is said. */
export function granted(changes: Partial<Association> & { address?: string; validSec?: number } = {}): Association {
  const { address, validSec = 3600, ...rest } = changes;
  const addresses = [{ address: address === undefined ? ADDRESS : ip6(address), preferredSec: validSec, validSec }];
  return {
    kind: 'nonTemporary', iaid: IDENTITY.iaid, renewalSec: 0, rebindingSec: 0, addresses, prefixes: [], status: 0,
    ...rest,
  };
}

/** A delegated prefix of 56 bits. */
export function delegated(network = '2001:db8:8000::', validSec = 3600): Association {
  const prefixes = [{ prefix: { address: ip6(network), prefixLength: 56 }, preferredSec: validSec, validSec }];
  return { ...granted(), kind: 'delegation', addresses: [], prefixes };
}

/** An association without anything but a status code. */
export function refusal(status: number, kind: Association['kind'] = 'nonTemporary'): Association {
  return granted({ kind, addresses: [], status });
}

/** What differs from a server's plain good message. */
export interface Answer {
  readonly server?: Uint8Array;
  readonly associations?: readonly Association[];
  readonly options?: Readonly<Record<number, Uint8Array>>;
  /** Option 13 of the message itself. */
  readonly status?: number;
  readonly duid?: Uint8Array;
  readonly xid?: number;
}

/** A server's answer to `request`. */
export function answerTo(request: Dhcpv6Message, type: MessageType, changes: Answer = {}): Dhcpv6Message {
  const { server = SERVER, associations = [granted()], options = {}, status, duid = IDENTITY.duid } = changes;
  const all: Option[] = [
    { code: OPTION.clientId, value: duid },
    { code: OPTION.serverId, value: server },
    ...(status === undefined ? [] : [{ code: OPTION.statusCode, value: u16Bytes(status) }]),
    ...Object.entries(options).map(([code, value]) => ({ code: Number(code), value })),
    ...associations.map(withStatus),
  ];
  return { type, xid: changes.xid ?? request.xid, options: all };
}

/** The client never writes a status, so its encoder has none. */
function withStatus(association: Association): Option {
  const { code, value } = encodeAssociation(association);
  if (association.status === 0) return { code, value };
  return { code, value: Uint8Array.of(...value, 0, 13, 0, 2, 0, association.status) };
}

/** A message that was sent. */
export interface Sent {
  readonly at: number;
  readonly message: Dhcpv6Message;
}

export class Life {
  state: State = { name: 'stopped' };
  now = 0;
  readonly sent: Sent[] = [];
  readonly events: Dhcpv6Event[] = [];
  /** Everything that happened, as `seconds what`. */
  readonly diary: string[] = [];
  readonly #random: Random;
  readonly #identity: Identity;

  constructor(identity: Partial<Identity> = {}, random: Random = countingRandom6()) {
    this.#identity = { ...IDENTITY, ...identity };
    this.#random = random;
  }

  feed(input: Input): this {
    const env = { now: this.now, random: this.#random, identity: this.#identity };
    const { state, actions } = step(this.state, input, env);
    this.state = state;
    for (const action of actions) {
      if (action.kind === 'event') this.#note(action.event);
      else this.#keep(action.packet);
    }
    return this;
  }

  /** Starts, and waits the twentieth of a second until the first message. */
  start(input: Partial<Extract<Input, { kind: 'start' }>> = {}): this {
    return this.feed({ kind: 'start', mode: 'stateful', ...input }).run(0.05);
  }

  /** Lets time pass, ticking whenever the machine asks. */
  run(seconds: number): this {
    const end = this.now + 1000 * seconds;
    for (let ticks = 0; ticks < 1_000_000; ticks++) {
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

  /** Lets time pass until the machine has sent something more. */
  untilSent(): this {
    const before = this.sent.length;
    for (let ticks = 0; this.sent.length === before; ticks++) {
      const at = nextTickAt(this.state);
      if (at === undefined || ticks > 100) throw new Error(`nothing is sent in ${this.state.name}`);
      this.now = Math.max(this.now, at);
      this.feed({ kind: 'tick' });
    }
    return this;
  }

  /** The server answers the last message sent. */
  answer(type: MessageType, changes: Answer = {}): this {
    return this.feed({ kind: 'message', message: answerTo(this.last.message, type, changes) });
  }

  /** From `start` to a lease, by a server that advertises at once. */
  bind(changes: Answer = {}): this {
    const preferred = { ...changes, options: { ...changes.options, [OPTION.preference]: Uint8Array.of(255) } };
    return this.start().answer('advertise', preferred).answer('reply', changes);
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

  #keep(message: Dhcpv6Message): void {
    this.sent.push({ at: this.now, message });
    this.diary.push(`${seconds(this.now)} ${message.type}`);
  }

  #note(event: Dhcpv6Event): void {
    this.events.push(event);
    const detail = event.kind === 'bound' ? (event.isChanged ? ' changed' : ' same')
      : event.kind === 'lost' ? ` ${event.reason}` : '';
    this.diary.push(`${seconds(this.now)} ${event.kind}${detail}`);
  }
}

/** What a message asks for: kinds of associations with what is in them. */
export function asked({ options }: Dhcpv6Message): string[] {
  return associationsOf(options).map(({ kind, addresses, prefixes }) => [
    kind, ...addresses.map(({ address }) => String(address)), ...prefixes.map(({ prefix }) => String(prefix.address)),
  ].join(' '));
}

/** The elapsed time a message tells, in hundredths of a second. */
export function elapsedOf({ options }: Dhcpv6Message): number {
  const [high = 0, low = 0] = valueOf(options, OPTION.elapsedTime) ?? [];
  return high * 256 + low;
}

function seconds(ms: number): number {
  return Math.round(ms) / 1000;
}
