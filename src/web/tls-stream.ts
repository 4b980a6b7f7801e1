/**
 * TLS for a request to an https URL: Node's own over a connected socket, with the platform's
 * certificates, in the shape of the System's streams. `node:tls` is loaded at first use.
 */

import type { Socket } from 'node:net';
import { parseIpAddress } from '../shared/ipaddress.ts';
import type { Scope } from '../shared/scope.ts';
import { HttpError } from './http-error.ts';

/** As much of a stream as a request needs. */
export interface Stream {
  send(bytes: Uint8Array): void;
  /** Replaces who is told of bytes, valid during the call, and of the end with the error that it came with. */
  listen(onData: (bytes: Uint8Array) => void, onEnd: (error: Error | undefined) => void): void;
}

/** A stream after its handshake with `host`, closed with `scope`. Throws HttpError `tls` or `timeout`. */
export async function startTls(socket: Socket, host: string, signal: AbortSignal, scope: Scope): Promise<Stream> {
  const { connect } = await import('node:tls');
  const isNumeric = parseIpAddress(host.replace(/^\[|\]$/g, '')) !== undefined;
  // RFC 6066, 3: the name sent is never a numeric address.
  const tls = connect({ socket, ...(isNumeric ? {} : { servername: host }), ALPNProtocols: ['http/1.1'] });
  scope.defer(() => void tls.destroy());
  let told: Parameters<Stream['listen']> | undefined;
  await new Promise<void>((resolve, reject) => {
    const onAbort = (): void => reject(new HttpError('timeout', 'no TLS handshake in time'));
    signal.addEventListener('abort', onAbort);
    scope.defer(() => signal.removeEventListener('abort', onAbort));
    tls.on('error', (error) => {
      reject(new HttpError('tls', error.message, { cause: error }));
      told?.[1](error);
    });
    tls.on('close', () => {
      reject(new HttpError('tls', 'the connection was closed in the handshake'));
      told?.[1](undefined);
    });
    tls.once('secureConnect', resolve);
  });
  return {
    send: (bytes) => void tls.write(bytes),
    listen(...handlers) {
      told = handlers;
      if (tls.listenerCount('data') === 0) tls.on('data', (bytes: Uint8Array) => told?.[0](bytes));
    },
  };
}
