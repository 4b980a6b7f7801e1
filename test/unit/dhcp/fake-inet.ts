/**
 * One link as the drivers of src/ndp and src/dhcpv6 see it: a System whose UDP and raw sockets
 * belong to the test. What is sent is kept decoded; what is delivered lies in a buffer that is
 * overwritten afterwards, as the arena is.
 */

import { SystemError } from '../../../src/shared/errors.ts';
import { type IpAddress, parseIpv6 } from '../../../src/shared/ipaddress.ts';
import type { Scope } from '../../../src/shared/scope.ts';
import type {
  Destination, MessageSocket, RawOptions, System, UdpOptions, UdpSender,
} from '../../../src/system/system.ts';
import { FakeLink } from './fake-link.ts';

/** An IPv6 address, for tests that write them out. */
export function ip6(text: string): IpAddress {
  const address = parseIpv6(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return address;
}

/** A router or server of the link. */
export const NEIGHBOUR = ip6('fe80::5eff:fe00:5302');

/** A socket that was opened and not closed. */
export interface OpenSocket {
  readonly options: UdpOptions | RawOptions;
  onMessage: (bytes: Uint8Array, sender: UdpSender) => void;
  onError: (error: SystemError) => void;
}

export class FakeInet<Message> {
  /** While set, every send fails with this errno name. */
  sendFailure: string | undefined;
  /** While set, no socket can be opened. */
  openFailure: string | undefined;
  readonly sent: { readonly message: Message; readonly to: string }[] = [];
  readonly sockets = new Set<OpenSocket>();
  readonly system: System;
  readonly #decode: (bytes: Uint8Array) => Message;

  constructor(decode: (bytes: Uint8Array) => Message) {
    this.#decode = decode;
    this.system = {
      ...new FakeLink(() => undefined).system,
      raw: (options, scope) => this.#open(options, scope),
      udp: (options, scope) => this.#open(options, scope),
    };
  }

  get last(): Message {
    const last = this.sent.at(-1);
    if (last === undefined) throw new Error('nothing was sent');
    return last.message;
  }

  /** Delivers bytes to every open socket; false when there is none. */
  deliver(bytes: Uint8Array, sender: Partial<UdpSender> = {}): boolean {
    for (const socket of [...this.sockets]) {
      const arena = bytes.slice();
      socket.onMessage(arena, { address: NEIGHBOUR, port: 547, ifindex: 7, hopLimit: 255, ...sender });
      arena.fill(0xee);
    }
    return this.sockets.size > 0;
  }

  #open(options: UdpOptions | RawOptions, scope: Scope): MessageSocket<UdpSender> {
    fail(this.openFailure, 'socket');
    const socket: MessageSocket<UdpSender> & OpenSocket = {
      options,
      localPort: 0,
      onMessage: () => undefined,
      onError: () => undefined,
      send: (bytes: Uint8Array, to?: Destination) => {
        fail(this.sendFailure, 'send');
        if (to === undefined || !('address' in to)) throw new Error('a destination is needed');
        this.sent.push({ message: this.#decode(bytes), to: `${to.address}:${to.port}%${to.ifindex}` });
      },
    };
    this.sockets.add(socket);
    scope.defer(() => void this.sockets.delete(socket));
    return socket;
  }
}

function fail(failure: string | undefined, syscall: string): void {
  if (failure !== undefined) throw new SystemError(failure, 1, syscall, failure);
}
