/**
 * The UDP socket of one DHCPv6 client: port 546 of one device, where servers and relays answer;
 * what it sends goes to all of them (RFC 8415, 7.1), from the link-local address, as a destination
 * of link scope demands. Invariant: bytes that are no message cost no more than a look.
 */

import { DecodeError, type SystemError } from '../shared/errors.ts';
import { IpAddress } from '../shared/ipaddress.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';
import type { MessageSocket, System, UdpSender } from '../system/system.ts';
import { decodeMessage, type Dhcpv6Message, encodeMessage } from './message.ts';

const log = logger('src/dhcpv6/client-sockets.ts');

/** Where the socket is bound. */
export interface SocketOptions {
  readonly ifindex: number;
  readonly name: string;
}

const CLIENT_PORT = 546;
const SERVER_PORT = 547;
/** ff02::1:2, All_DHCP_Relay_Agents_and_Servers. */
const ALL_SERVERS = new IpAddress(Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2));

/** Opened by `open` or the first message, closed by `close` or with the scope. */
export class ClientSocket {
  readonly #system: System;
  readonly #options: SocketOptions;
  readonly #scope: Scope;
  readonly #onMessage: (message: Dhcpv6Message) => void;
  #opened: { readonly scope: Scope; readonly socket: MessageSocket<UdpSender> } | undefined;

  constructor(system: System, options: SocketOptions, scope: Scope, onMessage: (message: Dhcpv6Message) => void) {
    this.#system = system;
    this.#options = options;
    this.#scope = scope;
    this.#onMessage = onMessage;
  }

  /** Throws SystemError; EADDRNOTAVAIL while the link-local address is not there or not yet usable. */
  send(message: Dhcpv6Message): void {
    const { ifindex } = this.#options;
    this.open().send(encodeMessage(message), { address: ALL_SERVERS, port: SERVER_PORT, ifindex });
  }

  /** Begins to listen, unless it does. Throws SystemError. */
  open(): MessageSocket<UdpSender> {
    if (this.#opened !== undefined) return this.#opened.socket;
    const { name } = this.#options;
    const scope = this.#scope.child();
    const socket = this.#system.udp({ family: 6, port: CLIENT_PORT, device: name, reuseAddress: true }, scope);
    socket.onMessage = (bytes, { address }) => this.#receive(bytes, address);
    socket.onError = (error: SystemError) => log.debug('%s: %s', name, error.message);
    this.#opened = { scope, socket };
    return socket;
  }

  /** Closes what is open; the next message opens anew. */
  close(): void {
    void this.#opened?.scope.close();
    this.#opened = undefined;
  }

  #receive(bytes: Uint8Array, from: IpAddress): void {
    try {
      // Copied: what is kept of a message outlives the socket's buffer.
      this.#onMessage(decodeMessage(bytes.slice()));
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      log.debug('%s: dropped a message of %s: %s', this.#options.name, from, error.message);
    }
  }
}
