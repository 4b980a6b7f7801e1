/**
 * A DHCPv6 lease as the entries of one key-file group, so that a restart can confirm it. Moments are
 * seconds since 1970, `never` where there is no end; bytes are hexadecimal digits.
 * Invariant: `parseLease6` is total and interprets stored options by the rules of those from the wire.
 */

import { formatHex, parseHex } from '../shared/bytes.ts';
import type { Clock } from '../shared/clock.ts';
import { type IpAddress, parseIpv6 } from '../shared/ipaddress.ts';
import { isDuid } from './duid.ts';
import { type Dhcpv6Address, type Dhcpv6Lease, type Dhcpv6Prefix, formatPrefix, interpret } from './lease.ts';

/** The moment, as a `Clock` tells it. */
export type Moment = Pick<Clock, 'now' | 'wallTime'>;

/** The entries of a lease, in file order; no value needs escaping. */
export function formatLease6(lease: Dhcpv6Lease, clock: Moment): Map<string, string> {
  const moment = (atMs: number): string => (
    atMs === Infinity ? 'never' : String(Math.floor((clock.wallTime().getTime() + atMs - clock.now()) / 1000))
  );
  const times = ({ preferredUntilMs, validUntilMs }: Dhcpv6Address | Dhcpv6Prefix): string =>
    `${moment(preferredUntilMs)} ${moment(validUntilMs)}`;
  const entries = new Map([
    ['Server', formatHex(lease.server)],
    ['Renew', moment(lease.renewAtMs)],
    ['Rebind', moment(lease.rebindAtMs)],
  ]);
  for (const [index, each] of lease.addresses.entries()) {
    entries.set(`Address.${index}`, `${each.address} ${times(each)}${each.isTemporary ? ' temporary' : ''}`);
  }
  for (const [index, each] of lease.prefixes.entries()) {
    entries.set(`Prefix.${index}`, `${formatPrefix(each.prefix)} ${times(each)}`);
  }
  for (const [code, value] of lease.options) entries.set(`Option.${code}`, formatHex(value));
  return entries;
}

/** The lease that entries stand for, or undefined if they are none. What has ended is still good as a wish. */
export function parseLease6(entries: ReadonlyMap<string, string>, clock: Moment): Dhcpv6Lease | undefined {
  const server = parseHex(entries.get('Server') ?? '');
  const renewAtMs = parseMoment(entries.get('Renew') ?? '', clock);
  const rebindAtMs = parseMoment(entries.get('Rebind') ?? '', clock);
  if (server === undefined || !isDuid(server) || renewAtMs === undefined || rebindAtMs === undefined) return undefined;
  const found = [...entries];
  return interpret({
    server, renewAtMs, rebindAtMs,
    addresses: found.flatMap(([key, text]) => (key.startsWith('Address.') ? parseAddress(text, clock) ?? [] : [])),
    prefixes: found.flatMap(([key, text]) => (key.startsWith('Prefix.') ? parsePrefix(text, clock) ?? [] : [])),
    options: parseOptions(found),
  });
}

function parseAddress(text: string, clock: Moment): Dhcpv6Address | undefined {
  const [address = '', preferred = '', valid = '', kind] = text.split(' ');
  const held = parseHeld(address, [preferred, valid], clock);
  return held === undefined ? undefined : { ...held, isTemporary: kind === 'temporary' };
}

function parsePrefix(text: string, clock: Moment): Dhcpv6Prefix | undefined {
  const [prefix = '', preferred = '', valid = ''] = text.split(' ');
  const [, address = '', length = ''] = /^([0-9a-f:]+)\/([1-9][0-9]{0,2})$/.exec(prefix) ?? [];
  const held = parseHeld(address, [preferred, valid], clock);
  const prefixLength = Number(length);
  if (held === undefined || prefixLength > 128) return undefined;
  const { address: network, ...times } = held;
  return { prefix: { address: network.network(prefixLength), prefixLength }, ...times };
}

function parseHeld(
  text: string,
  [preferred, valid]: readonly [string, string],
  clock: Moment,
): { address: IpAddress; preferredUntilMs: number; validUntilMs: number } | undefined {
  const address = parseIpv6(text);
  const preferredUntilMs = parseMoment(preferred, clock);
  const validUntilMs = parseMoment(valid, clock);
  if (address === undefined || preferredUntilMs === undefined || validUntilMs === undefined) return undefined;
  return { address, preferredUntilMs, validUntilMs };
}

/** By wall time, which may have been stepped meanwhile: CONFIRM is what makes sure. */
function parseMoment(text: string, clock: Moment): number | undefined {
  if (text === 'never') return Infinity;
  if (!/^-?[0-9]{1,12}$/.test(text)) return undefined;
  return clock.now() + 1000 * Number(text) - clock.wallTime().getTime();
}

function parseOptions(entries: readonly (readonly [string, string])[]): Map<number, Uint8Array> {
  const options = new Map<number, Uint8Array>();
  for (const [key, text] of entries) {
    const code = /^Option\.([1-9][0-9]{0,4})$/.exec(key)?.[1];
    const value = parseHex(text);
    if (code !== undefined && Number(code) <= 0xffff && value !== undefined) options.set(Number(code), value);
  }
  return options;
}
