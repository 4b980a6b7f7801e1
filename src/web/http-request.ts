/**
 * HTTP/1.1 GET (RFC 9112) through one link: the connection is made here, bound to the device, and
 * handed to `node:http`, which is loaded at first use. Redirects are reported, not followed.
 * Invariant: whatever the far side does, a request ends within its time, holds at most its limits
 * in memory, and leaves neither socket nor timer.
 */

import type * as Http from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../shared/clock.ts';
import { parseIpAddress, type IpAddress } from '../shared/ipaddress.ts';
import { createScope, type Scope } from '../shared/scope.ts';
import { connectTcp } from '../system/tcp-connect.ts';
import type { System } from '../system/system.ts';
import { HttpError, httpErrorOf } from './http-error.ts';

/** What to ask for, and how far to go for it. */
export interface HttpRequest {
  readonly url: string;
  /** Only addresses of this family are connected to. */
  readonly family: 4 | 6;
  /** Interface name for SO_BINDTODEVICE; the routing table decides when absent. */
  readonly device?: string;
  readonly userAgent: string;
  /** Finds addresses of a host that is not numeric; what it throws becomes failure `dns`. */
  resolve(host: string, signal: AbortSignal): Promise<readonly IpAddress[]>;
  /** Called before each connection; what it throws becomes failure `route`. */
  beforeConnect?(address: IpAddress, signal: AbortSignal): Promise<void>;
  /** Per address; 0 or absent: as long as the kernel tries, or 5 s while there are further addresses. */
  readonly connectTimeoutMs?: number;
  readonly limits?: HttpLimits;
}

/** Bounds of one request. */
export interface HttpLimits {
  /** Status line and headers; 16384 when absent. */
  readonly headerBytes?: number;
  /** Body kept; when absent the reply is complete with its headers and no body is read. */
  readonly bodyBytes?: number;
  /** From the established connection to the end of the reply; 30000 when absent. */
  readonly replyMs?: number;
}

/** A reply. Header names are in lower case, values of repeated ones joined as `node:http` does. */
export interface HttpReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Uint8Array;
  /** Who sent it. */
  readonly address: IpAddress;
}

/** What a request takes from outside. */
export interface HttpEnv {
  readonly system: Pick<System, 'tcp' | 'closeFd'>;
  readonly clock: Clock;
}

const NEXT_ADDRESS_AFTER_MS = 5000;
const MAX_ADDRESSES = 4;

/** Asks for a page. Throws HttpError, or `signal.reason` when aborted. */
export async function httpRequest(request: HttpRequest, env: HttpEnv, signal: AbortSignal): Promise<HttpReply> {
  signal.throwIfAborted();
  const url = parseUrl(request.url);
  const scope = createScope();
  try {
    // Loaded while the network is waited for.
    const http = loadHttp();
    const addresses = await addressesOf(url, request, signal);
    const { socket, address } = await connectAny(url, addresses, { request, env, signal, scope });
    scope.defer(() => void socket.destroy());
    const limitMs = request.limits?.replyMs ?? 30_000;
    const replySignal = env.clock.deadline(`reply from ${url.host}`, limitMs, signal, scope);
    const stream = url.protocol === 'https:' ? await startTls(socket, url.hostname, replySignal, scope) : socket;
    return { ...await exchange(await http, url, { request, stream, signal: replySignal }), address };
  } catch (error) {
    signal.throwIfAborted();
    throw httpErrorOf(error, 'reset');
  } finally {
    await scope.close();
  }
}

/** Loads what a request needs, so that the first one need not; a few milliseconds of CPU. */
export async function preloadHttp(): Promise<void> {
  await Promise.all([loadHttp(), import('node:net')]);
}

function loadHttp(): Promise<typeof Http> {
  return import('node:http');
}

function parseUrl(text: string): URL {
  let url: URL;
  try {
    url = new URL(text);
  } catch (error) {
    throw new HttpError('url', `"${text}" is not a URL`, { cause: error });
  }
  if (url.protocol === 'http:' || url.protocol === 'https:') return url;
  throw new HttpError('url', `${url.protocol} is neither http: nor https:`);
}

async function addressesOf(url: URL, request: HttpRequest, signal: AbortSignal): Promise<readonly IpAddress[]> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const literal = parseIpAddress(host);
  let found: readonly IpAddress[];
  try {
    found = literal === undefined ? await request.resolve(host, signal) : [literal];
  } catch (error) {
    signal.throwIfAborted();
    throw new HttpError('dns', error instanceof Error ? error.message : String(error), { cause: error });
  }
  const addresses = found.filter(({ family }) => family === request.family).slice(0, MAX_ADDRESSES);
  if (addresses.length === 0) throw new HttpError('dns', `${host} has no IPv${request.family} address`);
  return addresses;
}

interface Attempt {
  readonly request: HttpRequest;
  readonly env: HttpEnv;
  readonly signal: AbortSignal;
  readonly scope: Scope;
}

async function connectAny(
  url: URL, addresses: readonly IpAddress[], attempt: Attempt,
): Promise<{ socket: Socket; address: IpAddress }> {
  const { signal } = attempt;
  let failure: unknown;
  for (const [index, address] of addresses.entries()) {
    try {
      return { socket: await connectOne(url, address, index === addresses.length - 1, attempt), address };
    } catch (error) {
      signal.throwIfAborted();
      failure = error;
    }
  }
  throw httpErrorOf(failure, 'unreachable');
}

async function connectOne(url: URL, address: IpAddress, isLast: boolean, attempt: Attempt): Promise<Socket> {
  const { request, env, scope, signal } = attempt;
  try {
    await request.beforeConnect?.(address, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw new HttpError('route', error instanceof Error ? error.message : String(error), { cause: error });
  }
  const own = scope.child();
  const limitMs = request.connectTimeoutMs || (isLast ? undefined : NEXT_ADDRESS_AFTER_MS);
  const limit = limitMs === undefined ? signal : env.clock.deadline(`connect to ${address}`, limitMs, signal, own);
  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
  const peer = { address, port, ...(request.device === undefined ? {} : { device: request.device }) };
  try {
    return await connectTcp(env.system, peer, limit);
  } catch (error) {
    signal.throwIfAborted();
    if (limit.aborted) throw new HttpError('connectTimeout', `no connection to ${address} within ${limitMs} ms`);
    const failed = httpErrorOf(error, 'unreachable');
    // The kernel gave up on its own.
    throw failed.failure === 'timeout' ? new HttpError('connectTimeout', failed.message, { cause: error }) : failed;
  } finally {
    await own.close();
  }
}

async function startTls(socket: Socket, host: string, signal: AbortSignal, scope: Scope): Promise<Socket> {
  const { connect } = await import('node:tls');
  const isNumeric = parseIpAddress(host.replace(/^\[|\]$/g, '')) !== undefined;
  // RFC 6066, 3: the name sent is never a numeric address.
  const stream = connect({ socket, ...(isNumeric ? {} : { servername: host }), ALPNProtocols: ['http/1.1'] });
  scope.defer(() => void stream.destroy());
  await new Promise<void>((resolve, reject) => {
    const onAbort = (): void => reject(new HttpError('timeout', 'no TLS handshake in time'));
    signal.addEventListener('abort', onAbort);
    scope.defer(() => signal.removeEventListener('abort', onAbort));
    stream.on('error', (error) => reject(new HttpError('tls', error.message, { cause: error })));
    stream.on('close', () => reject(new HttpError('tls', 'the connection was closed in the handshake')));
    stream.once('secureConnect', resolve);
  });
  return stream;
}

interface Conversation {
  readonly request: HttpRequest;
  readonly stream: Socket;
  readonly signal: AbortSignal;
}

function exchange(http: typeof Http, url: URL, conversation: Conversation): Promise<Omit<HttpReply, 'address'>> {
  const { request, stream, signal } = conversation;
  return new Promise((resolve, reject) => {
    const { bodyBytes, headerBytes = 16_384 } = request.limits ?? {};
    const asking = http.request({
      method: 'GET',
      host: url.hostname,
      path: `${url.pathname}${url.search}`,
      // An array keeps the order; nothing is added to it.
      headers: ['Host', url.host, 'User-Agent', request.userAgent, 'Connection', 'close'],
      maxHeaderSize: headerBytes,
      createConnection: () => stream,
    });
    const onAbort = (): void => {
      asking.destroy();
      reject(new HttpError('timeout', 'no reply in time'));
    };
    signal.addEventListener('abort', onAbort);
    asking.on('error', (error) => reject(httpErrorOf(error, 'reset')));
    asking.on('close', () => {
      signal.removeEventListener('abort', onAbort);
      reject(new HttpError('reset', 'the connection was closed before the reply'));
    });
    asking.on('upgrade', () => {
      asking.destroy();
      reject(new HttpError('malformed', 'the reply switches to a protocol not asked for'));
    });
    asking.on('response', (response) => {
      readBody(response, bodyBytes).then((body) => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
        asking.destroy();
      }, (error: unknown) => reject(httpErrorOf(error, 'reset')));
    });
    asking.end();
  });
}

function readBody(response: Http.IncomingMessage, limitBytes: number | undefined): Promise<Uint8Array> {
  if (limitBytes === undefined) {
    response.on('error', () => undefined);
    return Promise.resolve(new Uint8Array());
  }
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let size = 0;
    response.on('data', (chunk: Uint8Array) => {
      size += chunk.length;
      chunks.push(chunk);
      if (size <= limitBytes) return;
      reject(new HttpError('tooLarge', `a body of more than ${limitBytes} bytes`));
      response.destroy();
    });
    response.on('end', () => resolve(Uint8Array.from(Buffer.concat(chunks))));
    response.on('error', reject);
  });
}
