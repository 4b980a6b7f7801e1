/**
 * A way to a bus without the addon: a stream over `node:net`, which carries no descriptors. Apart
 * from ./address.ts, so that the daemons do not load `node:net` at start.
 */

import { createConnection } from 'node:net';
import { SystemError } from '../shared/errors.ts';
import type { Scope } from '../shared/scope.ts';
import type { StreamSocket } from '../system/system.ts';
import { parseBusAddress } from './address.ts';

/** Opens the stream to the first unix socket of an address; problems arrive at `onEnd`. */
export function nodeTransport(address: string, scope: Scope): StreamSocket {
  const path = parseBusAddress(address)[0];
  if (path === undefined) throw new SystemError('EINVAL', 22, 'connect', `no unix socket in "${address}"`);
  const socket = createConnection(path.startsWith('@') ? `\0${path.slice(1)}` : path);
  let failure: SystemError | undefined;
  const transport: StreamSocket = {
    onData: () => undefined,
    onEnd: () => undefined,
    send(bytes, fds = []) {
      if (fds.length > 0) throw new SystemError('ENOTSUP', 95, 'sendmsg', 'descriptors need the addon');
      if (socket.writable) socket.write(bytes);
    },
    get queuedBytes() {
      return socket.writableLength;
    },
  };
  socket.on('data', (bytes) => transport.onData(bytes, []));
  socket.on('error', (error) => (failure = systemErrorOf(error)));
  socket.on('close', () => transport.onEnd(failure));
  scope.defer(() => {
    transport.onEnd = () => undefined;
    socket.destroySoon();
  });
  return transport;
}


function systemErrorOf(error: NodeJS.ErrnoException): SystemError {
  const { code = 'EIO', errno = 5, syscall = 'connect' } = error;
  return new SystemError(code, Math.abs(errno), syscall, error.message);
}
