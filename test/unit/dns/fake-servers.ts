/**
 * Name servers in memory: a System whose UDP sockets record what is sent and answer as the test
 * says. Every socket must be gone at the end: `openSockets` counts those that are not.
 */

import type { Scope } from '../../../src/shared/scope.ts';
import { SystemError } from '../../../src/shared/errors.ts';
import type { MessageSocket, System, UdpOptions, UdpSender } from '../../../src/system/system.ts';
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

  readonly system: Pick<System, 'udp' | 'tcp' | 'closeFd'> = {
    udp: (options, scope) => this.#open(options, scope),
    tcp: () => {
      throw new SystemError('ENETUNREACH', 101, 'connect', 'Network is unreachable');
    },
    closeFd: () => undefined,
  };

  #open(options: UdpOptions, scope: Scope): MessageSocket<UdpSender> {
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
    const sender: UdpSender = { address: peer.address, port: peer.port, ifindex: 0, hopLimit: -1 };
    const socket: MessageSocket<UdpSender> = {
      localPort: 40_000,
      onMessage: () => undefined,
      onError: () => undefined,
      send: (bytes) => {
        const query = decodeMessage(bytes);
        const answerBytes = (reply: Uint8Array): void => {
          if (isOpen) socket.onMessage(reply, sender);
        };
        const received: Received = {
          server,
          query,
          options,
          answerBytes,
          answer: (reply) => answerBytes(encodeMessage(replyTo(query, reply))),
          unreachable: () => {
            if (isOpen) socket.onError(new SystemError('ECONNREFUSED', 111, 'recvmsg', 'Connection refused'));
          },
        };
        this.received.push(received);
        queueMicrotask(() => this.onQuery(received));
      },
    };
    return socket;
  }
}

/** An answer to `query`. */
export function replyTo(query: DnsMessage, reply: Partial<DnsMessage>): DnsMessage {
  return { ...query, isResponse: true, isRecursionAvailable: true, ...reply };
}

/** A record of class IN that lives for a minute. */
export function recordOf(name: string, type: number, data: DnsRecord['data']): DnsRecord {
  return { name, type, class: 1, ttl: 60, data };
}
