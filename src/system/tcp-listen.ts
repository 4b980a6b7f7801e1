/**
 * A TCP server on a socket that `System.tcp` bound to an address, and a link where one is named.
 * `node:net` is loaded at first use. Invariant: the descriptor has exactly one owner.
 */

import type { Server, Socket } from 'node:net';
import type { IpAddress } from '../shared/ipaddress.ts';
import type { Scope } from '../shared/scope.ts';
import type { System } from './system.ts';

/** Where to listen. */
export interface TcpListenOptions {
  readonly address: IpAddress;
  /** 0 for a free one. */
  readonly port: number;
  readonly device?: string;
  /** More connections at once than these are refused. */
  readonly maxConnections: number;
  /** How many may wait to be accepted. */
  readonly backlog: number;
}

/**
 * Listens until `scope` closes, which also ends the connections; each is handed over paused, with
 * an error listener. Returns the port. Throws SystemError or Node's error (`EADDRINUSE` in `code`).
 */
export async function listenTcp(
  system: Pick<System, 'tcp' | 'closeFd'>,
  options: TcpListenOptions,
  scope: Scope,
  onConnection: (socket: Socket) => void,
): Promise<number> {
  const { createServer } = await import('node:net');
  scope.signal.throwIfAborted();
  const { address, port, device, backlog, maxConnections } = options;
  const fd = system.tcp({
    family: address.family, bind: { address, port }, ...(device === undefined ? {} : { device }),
  });
  const server = createServer({ pauseOnConnect: true, noDelay: true });
  const sockets = new Set<Socket>();
  server.maxConnections = maxConnections;
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    onConnection(socket);
  });
  await listening(server, { fd, backlog }).catch((error: unknown) => {
    // Once `listen` has taken the descriptor it closes it, also when it fails.
    server.close();
    throw error;
  });
  scope.defer(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const bound = server.address();
  return typeof bound === 'object' && bound !== null ? bound.port : port;
}

function listening(server: Server, where: { readonly fd: number; readonly backlog: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, () => {
      server.removeListener('error', reject);
      // What fails later concerns one connection, or the lack of descriptors: the server goes on.
      server.on('error', () => undefined);
      resolve();
    });
  });
}
