/**
 * A tunnel through an HTTP proxy (CONNECT, RFC 9110, 9.3.6): after it the socket leads to the far
 * host. Invariant: reads no byte past the proxy's reply, and no more than a few kilobytes of it.
 */

import type { Socket } from 'node:net';
import { HttpError } from './http-error.ts';

const LONGEST_REPLY = 8192;

/** Has the proxy at the other end of `socket` connect it to `authority` (host:port). Throws HttpError. */
export function openTunnel(socket: Socket, authority: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    let head = Buffer.alloc(0);
    const settle = (tell: () => void): void => {
      signal.removeEventListener('abort', onAbort);
      for (const [event, listener] of listeners) socket.off(event, listener);
      socket.on('error', () => undefined);
      tell();
    };
    const fail = (error: HttpError): void => settle(() => reject(error));
    const onAbort = (): void => fail(new HttpError('timeout', 'the proxy did not answer in time'));
    const onReadable = (): void => {
      // One byte at a time: what follows the head is the far host's.
      for (let byte = take(socket); byte !== undefined; byte = take(socket)) {
        head = Buffer.concat([head, byte]);
        if (head.length > LONGEST_REPLY) return fail(new HttpError('tooLarge', 'an endless reply of the proxy'));
        if (!head.subarray(-4).equals(END)) continue;
        const status = /^HTTP\/1\.[01] (\d{3})[ \r]/.exec(head.toString('latin1'))?.[1];
        if (status?.startsWith('2') === true) return settle(resolve);
        return fail(new HttpError('refused', `the proxy answers ${status ?? 'nonsense'} to CONNECT ${authority}`));
      }
    };
    const onEnd = (): void => fail(new HttpError('reset', 'the proxy closed the connection'));
    const listeners = [['readable', onReadable], ['end', onEnd], ['error', onEnd], ['close', onEnd]] as const;
    for (const [event, listener] of listeners) socket.on(event, listener);
    signal.addEventListener('abort', onAbort);
    socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
  });
}

const END = Buffer.from('\r\n\r\n');

function take(socket: Socket): Buffer | undefined {
  const bytes: unknown = socket.read(1);
  return Buffer.isBuffer(bytes) ? bytes : undefined;
}
