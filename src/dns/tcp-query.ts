/**
 * One DNS question over TCP, or over TLS (RFC 7858): two bytes of length before each message
 * (RFC 1035, 4.2.2). Memory is bounded by that length, time by `signal`.
 */

import type { Socket } from 'node:net';
import { DecodeError } from '../shared/errors.ts';
import { connectTcp, type TcpPeer } from '../system/tcp-connect.ts';
import { connectTls } from '../system/tls-connect.ts';
import type { System } from '../system/system.ts';

/** A server on a stream; with `tlsName` over TLS alone, and its certificate must bear that name. */
export interface StreamPeer extends TcpPeer {
  readonly tlsName?: string;
}

/**
 * The bytes of the first message that `peer` answers with. Throws what connecting throws,
 * DecodeError when the peer closes before the end of a message, or `signal.reason`.
 */
export async function askByTcp(
  system: Pick<System, 'tcp' | 'closeFd'>, peer: StreamPeer, query: Uint8Array, signal: AbortSignal,
): Promise<Uint8Array> {
  const { tlsName, ...place } = peer;
  const socket = tlsName === undefined
    ? await connectTcp(system, place, signal)
    : await connectTls(system, { ...place, name: tlsName, protocol: 'dot' }, signal);
  try {
    // One segment for both, or some servers answer only half (RFC 7766, 8).
    socket.write(Uint8Array.of(query.length >> 8, query.length & 0xff, ...query));
    return await readMessage(socket, signal);
  } finally {
    socket.destroy();
  }
}

function readMessage(socket: Socket, signal: AbortSignal): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    let received = new Uint8Array();
    const onAbort = (): void => settle(() => reject(signal.reason));
    const settle = (act: () => void): void => {
      signal.removeEventListener('abort', onAbort);
      act();
    };
    signal.addEventListener('abort', onAbort);
    // Stays until the socket is gone: an error after the answer must not end the daemon.
    socket.on('error', (error) => settle(() => reject(error)));
    socket.on('close', () => settle(() => reject(new DecodeError('a DNS message cut short', received.length))));
    socket.on('data', (chunk: Uint8Array) => {
      const [high = 0, low = 0] = (received = join(received, chunk));
      const end = 2 + ((high << 8) | low);
      if (received.length >= 2 && received.length >= end) settle(() => resolve(received.subarray(2, end)));
    });
    socket.resume();
  });
}

function join(one: Uint8Array, other: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}
