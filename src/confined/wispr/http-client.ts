/**
 * HTTP for one login on undici: every connection takes one of the sockets that the daemon made and
 * bound to the link, so that their number bounds the conversation. Sizes and times are bounded,
 * nothing is kept alive, and bodies are cut rather than refused.
 */

import { Socket, type SocketConstructorOpts } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Client } from 'undici';
import type { Clock } from '../../shared/clock.ts';
import { createScope } from '../../shared/scope.ts';
import type { Reply } from './login-machine.ts';

/** Answers of the daemon. */
export interface Daemon {
  /** Addresses of a host, of the family of the sockets. */
  addressesOf(host: string): readonly string[];
  /** The proxy for a URL. */
  proxyFor(url: string): { readonly host: string; readonly port: number } | undefined;
}

/** One request; with a form it is a POST. */
export interface Request {
  readonly url: string;
  readonly form?: string;
}

const REQUEST_MS = 20_000;
const CONNECT_MS = 8000;
const MOST_ADDRESSES = 2;
const LARGEST_BODY = 256 * 1024;

/** A client with so many sockets to use up. */
export class HttpClient {
  readonly #sockets: number[];
  readonly #daemon: Daemon;
  readonly #clock: Clock;
  readonly #userAgent: string;

  constructor(sockets: readonly number[], daemon: Daemon, clock: Clock, userAgent: string) {
    this.#sockets = [...sockets];
    this.#daemon = daemon;
    this.#clock = clock;
    this.#userAgent = userAgent;
  }

  /** Throws an Error that says why there is no reply. */
  async ask({ url, form }: Request): Promise<Reply> {
    const target = new URL(url);
    const proxy = this.#daemon.proxyFor(url);
    const isPlainProxy = proxy !== undefined && target.protocol === 'http:';
    const path = `${target.pathname}${target.search}`;
    const scope = createScope();
    const signal = this.#clock.deadline('reply', REQUEST_MS, new AbortController().signal, scope);
    const stream = await this.#connect(target, proxy, signal);
    // The connection is there: undici is handed it, once.
    const client = new Client(target.origin, {
      // Not at once: undici misses what it is told while it asks.
      connect: (_, done) => queueMicrotask(() => done(null, stream)),
      maxHeaderSize: 16_384,
      pipelining: 1,
      headersTimeout: REQUEST_MS,
      bodyTimeout: REQUEST_MS,
    });
    try {
      const { statusCode, headers, body } = await client.request({
        method: form === undefined ? 'GET' : 'POST',
        path: isPlainProxy ? `${target.origin}${path}` : path,
        headers: {
          'user-agent': this.#userAgent,
          ...(form !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
        },
        ...(form !== undefined && { body: form }),
        reset: true,
        signal,
      });
      const location = headers['location'];
      return {
        url,
        status: statusCode,
        location: typeof location === 'string' ? location : undefined,
        isStatusPage: statusCode === 200 && headers['x-connman-status'] !== undefined,
        body: await readBody(body),
      };
    } finally {
      void client.destroy();
      stream.destroy();
      await scope.close();
    }
  }

  async #connect(
    target: URL, proxy: { readonly host: string; readonly port: number } | undefined, signal: AbortSignal,
  ): Promise<Socket> {
    const isSecure = target.protocol === 'https:';
    const port = Number(target.port) || (isSecure ? 443 : 80);
    const host = target.hostname.replace(/^\[|\]$/g, '');
    const socket = await this.#open(proxy ?? { host, port }, signal);
    if (!isSecure) return socket;
    if (proxy !== undefined) await this.#tunnel(socket, `${target.hostname}:${port}`, signal);
    const isName = !host.includes(':') && !/^[\d.]+$/.test(host);
    const secured = connectTls({ socket, ALPNProtocols: ['http/1.1'], ...(isName && { servername: host }) });
    await settled(secured, 'secureConnect', signal);
    return secured;
  }

  async #open({ host, port }: { host: string; port: number }, signal: AbortSignal): Promise<Socket> {
    let failure: unknown = new Error(`${host} has no address`);
    for (const address of this.#daemon.addressesOf(host).slice(0, MOST_ADDRESSES)) {
      const fd = this.#sockets.shift();
      if (fd === undefined) throw new Error('no more connections');
      // `manualStart`, which Node's types leave out: it is not read from before it is connected.
      const state: SocketConstructorOpts & { manualStart: true } = { fd, manualStart: true };
      const socket = new Socket({ ...state, readable: true, writable: true });
      const scope = createScope();
      try {
        const limit = this.#clock.deadline(`connect to ${address}`, CONNECT_MS, signal, scope);
        socket.connect({ host: address, port });
        await settled(socket, 'connect', limit);
        return socket;
      } catch (error) {
        socket.destroy();
        failure = error;
      } finally {
        await scope.close();
      }
    }
    throw failure;
  }

  /** CONNECT (RFC 9110, 9.3.6); afterwards the socket leads to `authority`. */
  async #tunnel(socket: Socket, authority: string, signal: AbortSignal): Promise<void> {
    socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
    let head = '';
    while (!head.endsWith('\r\n\r\n')) {
      const byte: unknown = socket.read(1);
      if (byte === null) await settled(socket, 'readable', signal);
      else head += String(byte);
      if (head.length > 8192 || socket.readableEnded) throw new Error('the proxy does not answer as one');
    }
    if (!/^HTTP\/1\.[01] 2\d\d[ \r]/.test(head)) throw new Error(`the proxy refuses: ${head.split('\r\n', 1)[0]}`);
  }
}

/** Waits for an event of a socket; its end, an error or the signal come before as an error. */
function settled(socket: Socket, event: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error): void => finish(() => reject(error));
    const onClose = (): void => finish(() => reject(new Error('the connection was closed')));
    const onAbort = (): void => finish(() => reject(new Error('no answer in time')));
    const onEvent = (): void => finish(resolve);
    const finish = (tell: () => void): void => {
      socket.off(event, onEvent).off('error', onError).off('close', onClose).off('end', onClose);
      // An error that comes later has no one left to tell.
      socket.on('error', () => undefined);
      signal.removeEventListener('abort', onAbort);
      tell();
    };
    socket.once(event, onEvent).once('error', onError).once('close', onClose).once('end', onClose);
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
  });
}

async function readBody(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let room = LARGEST_BODY;
  try {
    for await (const chunk of body) {
      chunks.push(chunk.subarray(0, room));
      room -= chunk.length;
      if (room <= 0) break;
    }
  } catch {
    // A body that breaks off is judged by what came of it.
  }
  return Buffer.concat(chunks).toString();
}
