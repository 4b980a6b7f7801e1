/**
 * Where buses are and a way there without the addon: server addresses (D-Bus specification,
 * "Server Addresses") and a stream over `node:net`, which carries no descriptors.
 */

import { createConnection } from 'node:net';
import { SystemError } from '../shared/errors.ts';
import type { Scope } from '../shared/scope.ts';
import type { StreamSocket } from '../system/system.ts';

/** The address of the system bus: DBUS_SYSTEM_BUS_ADDRESS, or the well-known one. */
export function systemBusAddress(env: Readonly<Record<string, string | undefined>>): string {
  return env['DBUS_SYSTEM_BUS_ADDRESS'] ?? 'unix:path=/var/run/dbus/system_bus_socket';
}

/**
 * The unix socket paths of an address list, in order of preference; `@` begins an abstract name.
 * What is not reached by a unix socket is left out. Empty for a text that is no address.
 */
export function parseBusAddress(text: string): string[] {
  const paths: string[] = [];
  for (const address of text.split(';')) {
    if (!address.startsWith('unix:')) continue;
    for (const pair of address.slice('unix:'.length).split(',')) {
      const [key, value] = pair.split('=', 2);
      const path = value === undefined ? undefined : unescape(value);
      if (path === undefined || path === '') continue;
      if (key === 'path') paths.push(path);
      if (key === 'abstract') paths.push(`@${path}`);
    }
  }
  return paths;
}

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

/** Server addresses escape bytes as %XX. */
function unescape(value: string): string | undefined {
  try {
    return decodeURIComponent(value);
  } catch {
    return undefined;
  }
}

function systemErrorOf(error: NodeJS.ErrnoException): SystemError {
  const { code = 'EIO', errno = 5, syscall = 'connect' } = error;
  return new SystemError(code, Math.abs(errno), syscall, error.message);
}
