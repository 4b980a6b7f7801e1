/**
 * TLS over a TCP socket that is bound to a link: strict, with the certificate checked against a name
 * (RFC 5280, RFC 6125) and nothing older than TLS 1.2 (RFC 9325). `node:tls` is loaded at first use.
 */

import type { TLSSocket } from 'node:tls';
import type { System } from './system.ts';
import { connectTcp, type TcpPeer } from './tcp-connect.ts';

/** The far end and what proves that it is. */
export interface TlsPeer extends TcpPeer {
  /** The name its certificate must bear. */
  readonly name: string;
  /** Application protocol to agree upon (RFC 7301). */
  readonly protocol?: string;
  /** Certificates to trust, in PEM; the platform's when absent. */
  readonly authorities?: string;
}

/**
 * A socket after a complete handshake, paused, the caller's to destroy. Throws what connecting
 * throws, an Error that says what is wrong with the certificate, or `signal.reason`.
 */
export async function connectTls(
  system: Pick<System, 'tcp' | 'closeFd'>, peer: TlsPeer, signal: AbortSignal,
): Promise<TLSSocket> {
  const { connect } = await import('node:tls');
  const socket = await connectTcp(system, peer, signal);
  const { name, protocol, authorities } = peer;
  const secured = connect({
    socket,
    servername: name,
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
    ...(protocol === undefined ? {} : { ALPNProtocols: [protocol] }),
    ...(authorities === undefined ? {} : { ca: authorities }),
  });
  return await new Promise<TLSSocket>((resolve, reject) => {
    const settle = (): void => {
      signal.removeEventListener('abort', onAbort);
      secured.removeListener('close', onClose);
    };
    const fail = (reason: unknown): void => {
      settle();
      secured.destroy();
      socket.destroy();
      reject(reason);
    };
    const onAbort = (): void => fail(signal.reason);
    const onClose = (): void => fail(new Error(`${name}: closed during the handshake`));
    signal.addEventListener('abort', onAbort);
    // Both stay: an error after the end must not end the daemon.
    secured.on('error', fail);
    socket.on('error', fail);
    secured.once('close', onClose);
    secured.once('secureConnect', () => {
      settle();
      resolve(secured.pause());
    });
  });
}
