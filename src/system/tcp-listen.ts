/**
 * A TCP server on a socket that `System.tcp` bound to an address, and a link where one is named.
 * `node:net`, 6 ms and a megabyte with all it draws in, is loaded when the first client knocks.
 * Invariant: the descriptor has exactly one owner.
 */

import type { Server, Socket } from 'node:net';
import type { IpAddress } from '../shared/ipaddress.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';
import type { System } from './system.ts';

const log = logger('src/system/tcp-listen.ts');

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
 * an error listener. Returns the port. Throws SystemError.
 */
export function listenTcp(
  system: Pick<System, 'tcp' | 'listen' | 'closeFd'>,
  options: TcpListenOptions,
  scope: Scope,
  onConnection: (socket: Socket) => void,
): number {
  const { address, port, device, backlog } = options;
  const fd = system.tcp({
    family: address.family, bind: { address, port }, ...(device === undefined ? {} : { device }),
  });
  let isNodes = false;
  const own = scope.child();
  own.defer(() => {
    if (!isNodes) system.closeFd(fd);
  });
  const serve = async (): Promise<void> => {
    const { createServer } = await import('node:net');
    if (own.isClosed) return;
    isNodes = true;
    serveOn(createServer({ pauseOnConnect: true, noDelay: true }), { ...options, fd }, own, onConnection);
  };
  try {
    return system.listen(fd, backlog, own, () => void serve());
  } catch (error) {
    void own.close();
    throw error;
  }
}

function serveOn(
  server: Server,
  { fd, backlog, maxConnections }: TcpListenOptions & { readonly fd: number },
  scope: Scope,
  onConnection: (socket: Socket) => void,
): void {
  const sockets = new Set<Socket>();
  server.maxConnections = maxConnections;
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    onConnection(socket);
  });
  // What fails now concerns one connection, or the lack of descriptors: the server goes on.
  server.on('error', (error) => log.debug('%s', error.message));
  scope.defer(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  server.listen({ fd, backlog });
}
