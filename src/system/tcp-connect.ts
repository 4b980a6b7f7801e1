/**
 * Connects a TCP socket that `System.tcp` bound to a link. `node:net` is loaded at first use.
 * Invariant: the descriptor has exactly one owner: the returned socket, or nobody after a failure.
 */

import type { Socket, SocketConstructorOpts } from 'node:net';
import type { IpAddress } from '../shared/ipaddress.ts';
import type { System } from './system.ts';

/** The far end and the link to reach it by. */
export interface TcpPeer {
  readonly address: IpAddress;
  readonly port: number;
  /** Interface name for SO_BINDTODEVICE; the routing table decides when absent. */
  readonly device?: string;
}

/**
 * A connected socket, paused, the caller's to destroy. Throws SystemError or Node's error with its
 * errno name in `code`, or `signal.reason`.
 */
export async function connectTcp(
  system: Pick<System, 'tcp' | 'closeFd'>, peer: TcpPeer, signal: AbortSignal,
): Promise<Socket> {
  const { Socket } = await import('node:net');
  signal.throwIfAborted();
  const { address, port, device } = peer;
  const fd = system.tcp({ family: address.family, ...(device === undefined ? {} : { device }) });
  let socket: Socket;
  try {
    // Without `manualStart`, which Node's types leave out, it is read from before it is connected.
    const state: SocketConstructorOpts & { manualStart: true } = { fd, manualStart: true };
    socket = new Socket({ ...state, readable: true, writable: true });
  } catch (error) {
    system.closeFd(fd);
    throw error;
  }
  return await new Promise<Socket>((resolve, reject) => {
    const settle = (): void => {
      signal.removeEventListener('abort', onAbort);
      socket.removeAllListeners();
    };
    const fail = (reason: unknown): void => {
      settle();
      // An error that the socket reports while it goes down has no one left to tell.
      socket.on('error', () => undefined);
      socket.destroy();
      reject(reason);
    };
    const onAbort = (): void => fail(signal.reason);
    signal.addEventListener('abort', onAbort);
    socket.once('error', fail);
    socket.connect({ host: address.toString(), port }, () => {
      settle();
      resolve(socket.pause());
    });
  });
}
