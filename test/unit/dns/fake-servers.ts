/**
 * Name servers in memory: a System whose UDP sockets record what is sent and answer as the test
 * says. Every socket must be gone at the end: `openSockets` counts those that are not.
 */

import type { Scope } from '../../../src/shared/scope.ts';
import { SystemError } from '../../../src/shared/errors.ts';
import type { Outbox, System, UdpOptions, UdpSender } from '../../../src/system/system.ts';
import { decodeMessage, encodeMessage, type DnsMessage } from '../../../src/dns/message.ts';
import type { DnsRecord } from '../../../src/dns/records.ts';

/** One question as a server got it. */
export interface Received {
  readonly server: string;
  readonly query: DnsMessage;
  readonly options: UdpOptions;
  /** Sends a message of this server's; fields not given are those of an empty good answer. */
  answer(reply: Partial<DnsMessage>): void;
  answerBytes(bytes: Uint8Array): void;
  /** What ICMP brings. */
  unreachable(): void;
}

/** Servers that answer with `onQuery`; silent without. */
export class FakeServers {
  readonly received: Received[] = [];
  onQuery: (received: Received) => void = () => undefined;
  /** Servers to which no socket can be made. */
  readonly withoutRoute = new Set<string>();
  openSockets = 0;

  readonly system: Pick<System, 'udp' | 'udpServer' | 'tcp' | 'closeFd'> = {
    udp: (options, scope) => {
      const wire = this.#open(options, scope);
      const socket: ReturnType<System['udp']> = {
        localPort: LOCAL_PORT, onMessage: () => undefined, onError: () => undefined, send: wire.send,
      };
      wire.onReply = (bytes) => socket.onMessage(bytes, wire.sender);
      wire.onError = (error) => socket.onError(error);
      return socket;
    },
    udpServer: (options, scope) => {
      const wire = this.#open(options, scope);
      const socket: ReturnType<System['udpServer']> = {
        localPort: LOCAL_PORT, onBatch: () => undefined, onError: () => undefined, outbox: outboxTo(wire.send),
        answerFrom: () => undefined,
      };
      wire.onReply = (bytes) => socket.onBatch(batchOf(bytes, wire.sender));
      wire.onError = (error) => socket.onError(error);
      return socket;
    },
    tcp: () => {
      throw new SystemError('ENETUNREACH', 101, 'connect', 'Network is unreachable');
    },
    closeFd: () => undefined,
  };

  #open(options: UdpOptions, scope: Scope): Wire {
    const { peer } = options;
    if (peer === undefined) throw new Error('the socket is not connected');
    const server = peer.address.toString();
    if (this.withoutRoute.has(server)) throw new SystemError('ENETUNREACH', 101, 'connect', 'Network is unreachable');
    this.openSockets++;
    let isOpen = true;
    scope.defer(() => {
      isOpen = false;
      this.openSockets--;
    });
    const wire: Wire = {
      sender: { address: peer.address, port: peer.port, ifindex: 0, hopLimit: -1 },
      onReply: () => undefined,
      onError: () => undefined,
      send: (bytes) => {
        const query = decodeMessage(bytes);
        const answerBytes = (reply: Uint8Array): void => {
          if (isOpen) wire.onReply(reply);
        };
        const received: Received = {
          server,
          query,
          options,
          answerBytes,
          answer: (reply) => answerBytes(encodeMessage(replyTo(query, reply))),
          unreachable: () => {
            if (isOpen) wire.onError(new SystemError('ECONNREFUSED', 111, 'recvmsg', 'Connection refused'));
          },
        };
        this.received.push(received);
        queueMicrotask(() => this.onQuery(received));
      },
    };
    return wire;
  }
}

const LOCAL_PORT = 40_000;

/** The server's end of a socket. */
interface Wire {
  readonly sender: UdpSender;
  readonly send: (bytes: Uint8Array) => void;
  onReply: (bytes: Uint8Array) => void;
  onError: (error: SystemError) => void;
}

function outboxTo(send: (bytes: Uint8Array) => void): Outbox {
  const memory = Buffer.alloc(2000);
  return { memory, offset: 0, add: (lengthBytes) => send(memory.subarray(0, lengthBytes)) };
}

function batchOf(bytes: Uint8Array, sender: UdpSender): Parameters<ReturnType<System['udpServer']>['onBatch']>[0] {
  const memory = Buffer.alloc(0x1_0000);
  memory.set(bytes);
  const fields = { count: 1, memory, offset: () => 0, length: () => bytes.length, message: () => memory };
  return { ...fields, sender: () => sender, answer: () => undefined };
}

/** An answer to `query`. */
export function replyTo(query: DnsMessage, reply: Partial<DnsMessage>): DnsMessage {
  return { ...query, isResponse: true, isRecursionAvailable: true, ...reply };
}

/** A record of class IN that lives for a minute. */
export function recordOf(name: string, type: number, data: DnsRecord['data']): DnsRecord {
  return { name, type, class: 1, ttl: 60, data };
}
