/**
 * What the kernel says of links, for the live view: addresses, default routes, bytes and name
 * servers, from where every program may read them (proc(5), resolv.conf(5)). Parsing is total: what
 * is not understood is left out.
 */

import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { clean } from '../text.ts';

/** One link. */
export interface LinkView {
  readonly name: string;
  readonly addresses: readonly string[];
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

/** A default route. */
export interface RouteView {
  readonly link: string;
  readonly gateway: string | undefined;
  readonly metric: number;
}

/** All links but the loopback, with the addresses of this moment. */
export function readLinks(): LinkView[] {
  const addresses = networkInterfaces();
  return parseTraffic(read('/proc/net/dev'))
    .filter(({ name }) => name !== 'lo')
    .map((link) => ({
      ...link,
      addresses: (addresses[link.name] ?? []).map(({ cidr, address }) => cidr ?? address),
    }));
}

/** The default routes of both families, those tried first first. */
export function readDefaultRoutes(): RouteView[] {
  const routes = [...parseRoutes4(read('/proc/net/route')), ...parseRoutes6(read('/proc/net/ipv6_route'))];
  return routes.sort((one, other) => one.metric - other.metric);
}

/** The name servers programs are told. */
export function readNameservers(): string[] {
  const lines = read('/etc/resolv.conf').matchAll(/^[ \t]*nameserver[ \t]+(\S+)/gm);
  return [...lines].map(([, address = '']) => clean(address));
}

/** /proc/net/dev: two lines of headings, then `name: bytes packets … ` twice eight figures. */
export function parseTraffic(text: string): { name: string; receivedBytes: number; sentBytes: number }[] {
  return text.split('\n').flatMap((line) => {
    const [, name, figures] = /^ *(\S+):(( +\d+){16})/.exec(line) ?? [];
    if (name === undefined || figures === undefined) return [];
    const numbers = figures.trim().split(/ +/).map(Number);
    return [{ name: clean(name), receivedBytes: numbers[0] ?? 0, sentBytes: numbers[8] ?? 0 }];
  });
}

/** /proc/net/route: destination, gateway and mask are words of memory in hexadecimal. */
export function parseRoutes4(text: string): RouteView[] {
  return text.split('\n').flatMap((line) => {
    const [link, destination, gateway = '', flags, , , metric, mask] = line.split('\t');
    const isUp = (Number.parseInt(flags ?? '', 16) & 1) === 1;
    if (link === undefined || destination !== '00000000' || mask !== '00000000' || !isUp) return [];
    const bytes = gateway.match(/../g)?.reverse().map((byte) => Number.parseInt(byte, 16)) ?? [];
    const address = bytes.every((byte) => byte === 0) ? undefined : bytes.join('.');
    return [{ link: clean(link), gateway: address, metric: Number(metric) }];
  });
}

const UP_AND_GATEWAY = 0x3;
const REJECT = 0x200;

/** /proc/net/ipv6_route: destination, its length, source, its length, next hop, metric, …, flags, link. */
export function parseRoutes6(text: string): RouteView[] {
  return text.split('\n').flatMap((line) => {
    const [destination, length, , , gateway = '', metric, , , flags, link] = line.trim().split(/ +/);
    const bits = Number.parseInt(flags ?? '', 16);
    const isDefault = destination === '0'.repeat(32) && length === '00';
    if (link === undefined || link === 'lo' || !isDefault || (bits & REJECT) !== 0) return [];
    const hasGateway = (bits & UP_AND_GATEWAY) === UP_AND_GATEWAY;
    const address = hasGateway ? shortIpv6(gateway) : undefined;
    return [{ link: clean(link), gateway: address, metric: Number.parseInt(metric ?? '', 16) }];
  });
}

/** RFC 5952, 4: no leading zeros, the first longest run of zero groups as `::`. */
function shortIpv6(hexadecimal: string): string {
  const groups = hexadecimal.match(/..../g)?.map((group) => group.replace(/^0{1,3}/, '')) ?? [];
  const text = groups.join(':');
  const runs = text.match(/(?:^|:)0(?::0)+(?=:|$)/g)?.sort((one, other) => other.length - one.length);
  const longest = runs?.[0];
  if (longest === undefined) return text;
  const at = text.indexOf(longest);
  return `${text.slice(0, at)}::${text.slice(at + longest.length).replace(/^:/, '')}`;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
