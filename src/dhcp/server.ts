/**
 * A DHCPv4 server (RFC 2131) on one interface: the pure machine (server-machine.ts) with its
 * sockets. Like the client it hears and sends whole packets in front of this host's firewall, so
 * that hosts without an address are reached; a UDP socket holds the port, lest the kernel refuse
 * what renews by unicast. Bindings live as long as the server; who comes back after it gets the
 * address it asks for.
 */

import type { Clock } from '../shared/clock.ts';
import type { Observable } from '../shared/emitter.ts';
import { DecodeError } from '../shared/errors.ts';
import { IpAddress } from '../shared/ipaddress.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';
import type { MessageSocket, PacketSender, System } from '../system/system.ts';
import { Driver, type Machine } from './driver.ts';
import { requestFilter } from './filter.ts';
import { decodeMessage, encodeMessage, messageType } from './message.ts';
import {
  type Binding, EMPTY, isInForce, type Reply, type ServerConfiguration, type ServerEvent, type ServerInput,
  type ServerState, step,
} from './server-machine.ts';
import { decodeUdpPacket, encodeUdpPacket } from './udp-packet.ts';

export type { Binding, ServerConfiguration, ServerEvent } from './server-machine.ts';

const log = logger('src/dhcp/server.ts');

/** Where a server is and what it gives. */
export interface ServerOptions extends ServerConfiguration {
  readonly ifindex: number;
  /** The interface's name, for logs and for the socket that holds the port. */
  readonly name: string;
}

/** A running server. */
export interface DhcpServer {
  /** Never emits during `startDhcpServer`. */
  readonly events: Observable<ServerEvent>;
  /** The leases in force now, the newest last. */
  readonly leases: readonly Binding[];
}

/**
 * Starts a server; it ends with `scope`. The address is on the interface already. Throws nothing: an
 * interface that is down, or a port that another server has, is tried again.
 */
export function startDhcpServer(
  options: ServerOptions, { system, clock }: { readonly system: System; readonly clock: Clock }, scope: Scope,
): DhcpServer {
  const name = `DHCP server ${options.name}`;
  const sockets = new ServerSockets(system, options, scope);
  const machine: Machine<ServerState, ServerInput, Reply, ServerEvent> = {
    name,
    nextTickAt: () => undefined,
    step: (state, input) => step(state, input, { now: clock.now(), configuration: options }),
    send(reply) {
      sockets.send(reply);
      const { message, to } = reply;
      const receiver = to === 'all' ? to : to.address;
      log.debug('%s: sent %s %s to %s', name, messageType(message), message.yourAddress, receiver);
    },
    isListening: () => true,
    open: () => sockets.open((bytes) => driver.feed({ kind: 'message', message: decodeMessage(bytes) })),
    close: () => sockets.close(),
  };
  const driver = new Driver(machine, EMPTY, { clock, log }, scope);
  return {
    events: driver.events,
    get leases() {
      const now = clock.now();
      return [...driver.state.bindings.values()].filter((binding) => isInForce(binding, now));
    },
  };
}

const CLIENT_PORT = 68;
const SERVER_PORT = 67;
const ETHERTYPE_IP = 0x0800;
const BROADCAST_HARDWARE = Uint8Array.of(255, 255, 255, 255, 255, 255);
const BROADCAST_IPV4 = new IpAddress(Uint8Array.of(255, 255, 255, 255));

/** Opened again and again where the interface is not ready. */
class ServerSockets {
  readonly #system: System;
  readonly #options: ServerOptions;
  readonly #scope: Scope;
  #opened: { readonly scope: Scope; readonly packets: MessageSocket<PacketSender> } | undefined;

  constructor(system: System, options: ServerOptions, scope: Scope) {
    this.#system = system;
    this.#options = options;
    this.#scope = scope;
  }

  /** Hands over what stands in requests; throws SystemError. */
  open(onRequest: (bytes: Uint8Array) => void): void {
    if (this.#opened !== undefined) return;
    const scope = this.#scope.child();
    const { ifindex, name } = this.#options;
    try {
      this.#system.udp({ family: 4, port: SERVER_PORT, device: name, reuseAddress: true }, scope);
      const filter = requestFilter(SERVER_PORT);
      const packets = this.#system.packet({ ifindex, etherType: ETHERTYPE_IP, filter }, scope);
      packets.onMessage = (bytes, sender) => this.#receive(bytes, sender, onRequest);
      packets.onError = (error) => log.debug('%s: %s', name, error.message);
      this.#opened = { scope, packets };
    } catch (error) {
      void scope.close();
      throw error;
    }
  }

  close(): void {
    void this.#opened?.scope.close();
    this.#opened = undefined;
  }

  /** Throws SystemError. */
  send({ message, to }: Reply): void {
    const packet = encodeUdpPacket({
      source: this.#options.address,
      destination: to === 'all' ? BROADCAST_IPV4 : to.address,
      sourcePort: SERVER_PORT,
      destinationPort: CLIENT_PORT,
      payload: encodeMessage(message),
    });
    this.#opened?.packets.send(packet, { hardwareAddress: to === 'all' ? BROADCAST_HARDWARE : to.hardwareAddress });
  }

  #receive(bytes: Uint8Array, { checksumNotReady }: PacketSender, onRequest: (bytes: Uint8Array) => void): void {
    try {
      const packet = decodeUdpPacket(bytes, checksumNotReady);
      // Copied: what is kept of a message outlives the socket's buffer.
      if (packet.destinationPort === SERVER_PORT) onRequest(packet.payload.slice());
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      log.debug('%s: dropped a packet: %s', this.#options.name, error.message);
    }
  }
}
