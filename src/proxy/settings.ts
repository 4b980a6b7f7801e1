/**
 * Which proxy a URL goes through by what was configured, and what PAC files answer, as values:
 * nothing here asks anybody. Servers and excludes are ConnMan's `Proxy.Configuration`.
 */

import { parseIpAddress, type IpAddress } from '../shared/ipaddress.ts';
import type { HttpProxy } from '../web/http-request.ts';

/** How programs reach the web through a service now. */
export type ProxySettings =
  | { readonly method: 'direct' }
  | { readonly method: 'auto'; readonly url: string }
  | { readonly method: 'manual'; readonly servers: readonly string[]; readonly excludes: readonly string[] };

/** What a user chose for a service. */
export interface ChosenProxy {
  readonly method: 'direct' | 'auto' | 'manual';
  readonly url?: string;
  readonly servers: readonly string[];
  readonly excludes: readonly string[];
}

/** What is in force, given the PAC file that the network named or that was found, if any. */
export function proxyInForce(chosen: ChosenProxy | undefined, offeredUrl: string | undefined): ProxySettings {
  switch (chosen?.method) {
    case 'direct':
      return { method: 'direct' };
    case 'manual':
      return { method: 'manual', servers: chosen.servers, excludes: chosen.excludes };
    case 'auto':
    case undefined: {
      const url = chosen?.url ?? offeredUrl;
      return url === undefined ? { method: 'direct' } : { method: 'auto', url };
    }
  }
}

/** Whether a PAC file is to be looked for where the network names none. */
export function wantsDiscovery(chosen: ChosenProxy | undefined): boolean {
  return chosen === undefined || (chosen.method === 'auto' && chosen.url === undefined);
}

/**
 * The configured proxy for a URL; undefined is direct. A server with a protocol in front is for URLs of
 * that protocol, before one without.
 */
export function manualProxy(
  { servers, excludes }: Extract<ProxySettings, { method: 'manual' }>, url: URL,
): HttpProxy | undefined {
  if (excludes.some((exclude) => isExcluded(url, exclude.trim().toLowerCase()))) return undefined;
  const parsed = servers.flatMap((text) => parseServer(text) ?? []);
  const protocol = url.protocol.slice(0, -1);
  return (parsed.find((server) => server.protocol === protocol) ?? parsed.find(({ protocol: its }) => its === ''))
    ?.proxy;
}

/** Where a server stands that a user wrote as `host:port` or `protocol://host:port`; 8080 without a port. */
function parseServer(text: string): { protocol: string; proxy: HttpProxy } | undefined {
  const [, protocol = '', rest = ''] = /^(?:([a-z][a-z0-9+.-]*):\/\/)?([^/]*)\/?$/i.exec(text.trim()) ?? [];
  const proxy = parseHostPort(rest, 8080);
  return proxy && { protocol: protocol.toLowerCase(), proxy };
}

/**
 * The first HTTP proxy of what FindProxyForURL returned: `PROXY host:port` or `HTTP host:port`;
 * 'direct' where DIRECT or nothing stands there, undefined where only other kinds stand before it.
 */
export function firstProxy(answer: string): HttpProxy | 'direct' | undefined {
  const entries = answer.split(';').map((each) => each.trim()).filter((each) => each !== '');
  if (entries.length === 0) return 'direct';
  for (const entry of entries) {
    const [kind = '', where = ''] = entry.split(/\s+/, 2);
    if (/^DIRECT$/i.test(kind)) return 'direct';
    const proxy = /^(PROXY|HTTP)$/i.test(kind) ? parseHostPort(where, 80) : undefined;
    if (proxy !== undefined) return proxy;
  }
  return undefined;
}

function parseHostPort(text: string, defaultPort: number): HttpProxy | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([0-9a-f:.]+)\]|([^:[\]\s@/]+))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = digits === undefined ? defaultPort : Number(digits);
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port };
}

/** `example.com` and `.example.com` with all below, `*` within labels, addresses and prefixes, `<local>`. */
function isExcluded(url: URL, exclude: string): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (exclude === '*' || exclude === host || exclude === url.host) return true;
  if (exclude === '<local>') return !host.includes('.') && !host.includes(':');
  const address = parseIpAddress(host);
  if (address !== undefined) return isInPrefix(address, exclude);
  const domain = exclude.replace(/^\*?\./, '');
  return domain !== '' && (host === domain || host.endsWith(`.${domain}`));
}

function isInPrefix(address: IpAddress, prefix: string): boolean {
  const [network = '', length = ''] = prefix.split('/', 2);
  const base = parseIpAddress(network);
  if (base === undefined || !/^\d{1,3}$/.test(length) || Number(length) > 8 * base.bytes.length) return false;
  return address.sharesPrefix(base, Number(length));
}
