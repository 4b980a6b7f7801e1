/**
 * The sockets of one DHCPv4 client. A packet socket behind a filter hears every reply, unicast or
 * broadcast, in front of this host's firewall, and sends broadcasts before there is an address.
 * Renewals and releases go out of a UDP socket bound to address and device: the kernel routes them
 * and resolves the neighbour, so that a server behind a relay is reached as well, and the port is
 * held, lest the kernel answers the server's reply with "port unreachable".
 * Invariant: bytes that are no reply to this client cost no more than a look and are dropped.
 */

import { DecodeError, SystemError } from '../shared/errors.ts';
import { IpAddress } from '../shared/ipaddress.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';
import type { MessageSocket, PacketSender, System, UdpSender } from '../system/system.ts';
import type { Route } from './client-state.ts';
import { replyFilter } from './filter.ts';
import { decodeMessage, type DhcpMessage, encodeMessage } from './message.ts';
import { decodeUdpPacket, encodeUdpPacket } from './udp-packet.ts';

const log = logger('src/dhcp/client-sockets.ts');

/** Where the sockets are bound. */
export interface SocketOptions {
  readonly ifindex: number;
  readonly name: string;
  readonly hardwareAddress: Uint8Array;
}

interface Opened {
  readonly scope: Scope;
  readonly packets: MessageSocket<PacketSender>;
}

/** Takes a reply; `isBroadcast` when it was sent to everybody. */
export type OnReply = (message: DhcpMessage, isBroadcast: boolean) => void;

const CLIENT_PORT = 68;
const SERVER_PORT = 67;
const ETHERTYPE_IP = 0x0800;
const BROADCAST_HARDWARE = Uint8Array.of(255, 255, 255, 255, 255, 255);
const BROADCAST_IPV4 = new IpAddress(Uint8Array.of(255, 255, 255, 255));

/** Opened by `open` or the first message, closed by `close` or with the scope. */
export class ClientSockets {
  readonly #system: System;
  readonly #options: SocketOptions;
  readonly #scope: Scope;
  readonly #onReply: OnReply;
  #opened: Opened | undefined;
  #unicasts: MessageSocket<UdpSender> | undefined;

  constructor(system: System, options: SocketOptions, scope: Scope, onReply: OnReply) {
    this.#system = system;
    this.#options = options;
    this.#scope = scope;
    this.#onReply = onReply;
  }

  /** Sends along `route`, or by broadcast without one or where it fails. Throws SystemError. */
  send(message: DhcpMessage, route: Route | undefined): void {
    const bytes = encodeMessage(message);
    const { packets, scope } = this.open();
    if (route !== undefined && this.#sendUnicast(bytes, route, scope)) return;
    const packet = encodeUdpPacket({
      // 0.0.0.0 until there is an address (RFC 2131, 4.1).
      source: message.clientAddress,
      destination: BROADCAST_IPV4,
      sourcePort: CLIENT_PORT,
      destinationPort: SERVER_PORT,
      payload: bytes,
    });
    packets.send(packet, { hardwareAddress: BROADCAST_HARDWARE });
  }

  /** Begins to listen, unless it does. Throws SystemError. */
  open(): Opened {
    if (this.#opened !== undefined) return this.#opened;
    const scope = this.#scope.child();
    const { ifindex, hardwareAddress } = this.#options;
    const filter = replyFilter(CLIENT_PORT, hardwareAddress);
    const packets = this.#system.packet({ ifindex, etherType: ETHERTYPE_IP, filter }, scope);
    packets.onMessage = (bytes, sender) => this.#receive(bytes, sender.checksumNotReady);
    // The link went down (ENETDOWN): what was lost is sent again when its time comes.
    packets.onError = (error) => log.debug('%s: %s', this.#options.name, error.message);
    this.#opened = { scope, packets };
    return this.#opened;
  }

  /** Closes what is open; the next message opens anew. */
  close(): void {
    void this.#opened?.scope.close();
    this.#opened = undefined;
    this.#unicasts = undefined;
  }

  #sendUnicast(bytes: Uint8Array, { from, to }: Route, scope: Scope): boolean {
    try {
      this.#unicasts ??= this.#system.udp({
        family: 4,
        address: from,
        port: CLIENT_PORT,
        device: this.#options.name,
        reuseAddress: true,
        peer: { address: to, port: SERVER_PORT },
      }, scope);
      this.#unicasts.send(bytes);
      return true;
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      log.debug('%s: no unicast to %s: %s', this.#options.name, to, error.message);
      return false;
    }
  }

  #receive(bytes: Uint8Array, checksumNotReady: boolean): void {
    try {
      const packet = decodeUdpPacket(bytes, checksumNotReady);
      if (packet.destinationPort !== CLIENT_PORT) return;
      // Copied: what is kept of a message outlives the socket's buffer.
      this.#onReply(decodeMessage(packet.payload.slice()), packet.destination.isBroadcast);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      log.debug('%s: dropped a packet: %s', this.#options.name, error.message);
    }
  }
}
