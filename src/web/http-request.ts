/**
 * HTTP/1.1 GET (RFC 9112) through one link, on the System's own streams: the few functions it takes
 * are warm already when the first link comes up, where `node:http` costs 10 ms. Redirects are
 * reported, not followed. Invariant: whatever the far side does, a request ends within its time,
 * holds at most its limits in memory, and leaves neither socket nor timer.
 */

import type { Socket } from 'node:net';
import type { Clock } from '../shared/clock.ts';
import { messageOf } from '../shared/errors.ts';
import { parseIpAddress, type IpAddress } from '../shared/ipaddress.ts';
import { createScope, type Scope } from '../shared/scope.ts';
import { connectTcp, type TcpPeer } from '../system/tcp-connect.ts';
import type { System } from '../system/system.ts';
import { connectTwice } from './connect-twice.ts';
import { HttpError, httpErrorOf } from './http-error.ts';
import { openTunnel } from './proxy-tunnel.ts';
import { ReplyReader, type ReplyParts } from './reply-reader.ts';
import { startTls, type Stream } from './tls-stream.ts';

/** What to ask for, and how far to go for it. */
export interface HttpRequest {
  readonly url: string;
  /** Only addresses of this family are connected to. */
  readonly family: 4 | 6;
  /** Interface name for SO_BINDTODEVICE; the routing table decides when absent. */
  readonly device?: string;
  readonly userAgent: string;
  /** Media types wanted (`Accept`); nothing is said where absent. */
  readonly accept?: string;
  /** Whom to ask in place of the host: for `http:` by the whole URL, for `https:` for a tunnel (RFC 9110, 9.3.6). */
  readonly proxy?: HttpProxy;
  /** Finds addresses of a host that is not numeric; what it throws becomes failure `dns`. */
  resolve(host: string, signal: AbortSignal): Promise<readonly IpAddress[]>;
  /** Called before each connection; what it throws becomes failure `route`. */
  beforeConnect?(address: IpAddress, signal: AbortSignal): Promise<void>;
  /** Per address; 0 or absent: as long as the kernel tries, or 5 s while there are further addresses. */
  readonly connectTimeoutMs?: number;
  readonly limits?: HttpLimits;
}

/** An HTTP proxy. */
export interface HttpProxy {
  /** A name or a numeric address, without brackets. */
  readonly host: string;
  readonly port: number;
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

/** A reply and who sent it. */
export interface HttpReply extends ReplyParts {
  readonly address: IpAddress;
}

/** What a request takes from outside. */
export interface HttpEnv {
  readonly system: Pick<System, 'tcpStream' | 'tcp' | 'closeFd'>;
  readonly clock: Clock;
}

const NEXT_ADDRESS_AFTER_MS = 5000;
const MAX_ADDRESSES = 4;
const DEFAULT_HEADER_BYTES = 16_384;
const DEFAULT_REPLY_MS = 30_000;

/** Asks for a page. Throws HttpError, or `signal.reason` when aborted. */
export async function httpRequest(request: HttpRequest, env: HttpEnv, signal: AbortSignal): Promise<HttpReply> {
  signal.throwIfAborted();
  const url = parseUrl(request.url);
  // Whatever is under way belongs to the scope: one listener for the signal, which are dear, is enough.
  const scope = createScope();
  const onAbort = (): void => void scope.close();
  signal.addEventListener('abort', onAbort);
  try {
    const far = request.proxy ?? { host: hostOf(url), port: portOf(url) };
    const addresses = await addressesOf(far.host, request, signal);
    const attempt = { port: far.port, addresses, request, env, signal, scope };
    const replyMs = request.limits?.replyMs ?? DEFAULT_REPLY_MS;
    if (url.protocol === 'http:') {
      const { made, address } = await connectAny(attempt, openStream);
      const time = scope.child();
      env.clock.after(`reply from ${url.host}`, replyMs, time, () => void time.close());
      return { ...await exchange(url, request, made, time), address };
    }
    const { made, address } = await connectAny(attempt, openSocket);
    const time = scope.child();
    const replySignal = env.clock.deadline(`reply from ${url.host}`, replyMs, signal, scope);
    replySignal.addEventListener('abort', () => void time.close());
    if (request.proxy !== undefined) await openTunnel(made, `${url.hostname}:${portOf(url)}`, replySignal);
    const stream = await startTls(made, url.hostname, replySignal, scope);
    return { ...await exchange(url, request, stream, time), address };
  } catch (error) {
    signal.throwIfAborted();
    throw httpErrorOf(error, 'reset');
  } finally {
    signal.removeEventListener('abort', onAbort);
    await scope.close();
  }
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

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

function portOf(url: URL): number {
  return Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
}

async function addressesOf(host: string, request: HttpRequest, signal: AbortSignal): Promise<readonly IpAddress[]> {
  const literal = parseIpAddress(host);
  let found: readonly IpAddress[];
  try {
    found = literal === undefined ? await request.resolve(host, signal) : [literal];
  } catch (error) {
    signal.throwIfAborted();
    throw new HttpError('dns', messageOf(error), { cause: error });
  }
  const addresses = found.filter(({ family }) => family === request.family).slice(0, MAX_ADDRESSES);
  if (addresses.length === 0) throw new HttpError('dns', `${host} has no IPv${request.family} address`);
  return addresses;
}

interface Attempt {
  readonly port: number;
  readonly addresses: readonly IpAddress[];
  readonly request: HttpRequest;
  readonly env: HttpEnv;
  readonly signal: AbortSignal;
  readonly scope: Scope;
}

/** Connects; what it makes goes with `scope`. */
type Open<T> = (env: HttpEnv, peer: TcpPeer, scope: Scope) => Promise<T>;

async function connectAny<T>(attempt: Attempt, open: Open<T>): Promise<{ made: T; address: IpAddress }> {
  const { addresses, signal } = attempt;
  let failure: unknown;
  for (const address of addresses) {
    try {
      return { made: await connectOne(attempt, address, open), address };
    } catch (error) {
      signal.throwIfAborted();
      failure = error;
    }
  }
  throw httpErrorOf(failure, 'unreachable');
}

async function connectOne<T>(attempt: Attempt, address: IpAddress, open: Open<T>): Promise<T> {
  const { port, request, env, signal } = attempt;
  try {
    await request.beforeConnect?.(address, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw new HttpError('route', messageOf(error), { cause: error });
  }
  const peer = { address, port, ...(request.device === undefined ? {} : { device: request.device }) };
  const own = attempt.scope.child();
  const isLast = address === attempt.addresses.at(-1);
  const limitMs = request.connectTimeoutMs || (isLast ? undefined : NEXT_ADDRESS_AFTER_MS);
  let isLate = false;
  const connected = connectTwice((scope) => open(env, peer, scope), env.clock, own);
  const timer = own.child();
  if (limitMs !== undefined) {
    env.clock.after(`connect to ${address}`, limitMs, timer, () => {
      isLate = true;
      void own.close();
    });
  }
  try {
    return await connected;
  } catch (error) {
    void own.close();
    signal.throwIfAborted();
    if (isLate) throw new HttpError('connectTimeout', `no connection to ${address} within ${limitMs} ms`);
    const failed = httpErrorOf(error, 'unreachable');
    // The kernel gave up on its own.
    throw failed.failure === 'timeout' ? new HttpError('connectTimeout', failed.message, { cause: error }) : failed;
  } finally {
    void timer.close();
  }
}

function openStream({ system }: HttpEnv, { address, port, device }: TcpPeer, scope: Scope): Promise<Stream> {
  return new Promise((resolve, reject) => {
    const stream = system.tcpStream({ peer: { address, port }, ...(device !== undefined && { device }) }, scope);
    stream.onEnd = (error) => reject(error ?? new HttpError('reset', 'the connection was closed at once'));
    let isConnected = false;
    stream.onConnected = () => {
      isConnected = true;
      resolve({
        send: (bytes) => stream.send(bytes),
        listen(onData, onEnd) {
          stream.onData = onData;
          stream.onEnd = onEnd;
        },
      });
    };
    // To reject what is resolved is dear.
    scope.defer(() => {
      if (!isConnected) reject(new HttpError('reset', 'given up'));
    });
  });
}

function openSocket({ system }: HttpEnv, peer: TcpPeer, scope: Scope): Promise<Socket> {
  return connectTcp(system, peer, scope.signal).then((socket) => {
    scope.defer(() => void socket.destroy());
    return socket;
  });
}

/** Asks and reads the reply while `time` lasts. */
function exchange(url: URL, request: HttpRequest, stream: Stream, time: Scope): Promise<ReplyParts> {
  const { bodyBytes, headerBytes = DEFAULT_HEADER_BYTES } = request.limits ?? {};
  return new Promise((resolve, reject) => {
    const reader = new ReplyReader({ headerBytes, bodyBytes });
    let isSettled = false;
    time.defer(() => {
      if (!isSettled) reject(new HttpError('timeout', 'no reply in time'));
    });
    const take = (read: () => ReplyParts | undefined): void => {
      try {
        const parts = read();
        if (parts === undefined) return;
        resolve(parts);
      } catch (error) {
        reject(httpErrorOf(error, 'reset'));
      }
      isSettled = true;
      stream.listen(() => undefined, () => undefined);
    };
    stream.listen((bytes) => take(() => reader.push(bytes)), (error) => take(() => {
      if (error !== undefined) throw error;
      return reader.end();
    }));
    const { proxy, userAgent, accept } = request;
    // RFC 9112, 3.2.2: a proxy is told the whole URL.
    const origin = proxy !== undefined && url.protocol === 'http:' ? url.origin : '';
    const lines = [
      `GET ${origin}${url.pathname}${url.search} HTTP/1.1`, `Host: ${url.host}`,
      `User-Agent: ${userAgent}`, ...(accept === undefined ? [] : [`Accept: ${accept}`]), 'Connection: close',
    ];
    stream.send(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'));
  });
}
