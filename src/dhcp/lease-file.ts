/**
 * A lease as the entries of one key-file group, so that a restart asks for the same address again
 * or goes on with it. Invariant: `parseLease` is total and interprets the stored options by the
 * same rules as those from the wire.
 */

import { formatHex, parseHex } from '../shared/bytes.ts';
import type { Clock } from '../shared/clock.ts';
import { parseIpv4 } from '../shared/ipaddress.ts';
import { interpretLease, type Lease } from './lease.ts';
import { isHostAddress } from './options.ts';

/** The moment, as a `Clock` tells it. */
export type Moment = Pick<Clock, 'now' | 'wallTime'>;

/**
 * The entries of a lease, in file order; no value needs escaping. `Acquired` is in seconds since
 * 1970, `Option.<code>` in hexadecimal digits.
 */
export function formatLease(lease: Lease, clock: Moment): Map<string, string> {
  const ageMs = clock.now() - lease.acquiredAtMs;
  const entries = new Map([['Address', lease.address.toString()]]);
  if (lease.server !== undefined) entries.set('Server', lease.server.toString());
  entries.set('Acquired', String(Math.floor((clock.wallTime().getTime() - ageMs) / 1000)));
  for (const [code, value] of lease.options) entries.set(`Option.${code}`, formatHex(value));
  return entries;
}

/**
 * The lease that entries stand for, or undefined if they are none. Its age comes from wall time;
 * a lease from the future counts as expired. An expired one is still good as a wish.
 */
export function parseLease(entries: ReadonlyMap<string, string>, clock: Moment): Lease | undefined {
  const address = parseIpv4(entries.get('Address') ?? '');
  const acquired = entries.get('Acquired') ?? '';
  if (address === undefined || !isHostAddress(address) || !/^[0-9]{1,12}$/.test(acquired)) return undefined;
  const ageMs = clock.wallTime().getTime() - Number(acquired) * 1000;
  return interpretLease({
    address,
    server: parseIpv4(entries.get('Server') ?? ''),
    options: parseOptions(entries),
    acquiredAtMs: clock.now() - (ageMs >= 0 ? ageMs : Number.MAX_SAFE_INTEGER),
  });
}

function parseOptions(entries: ReadonlyMap<string, string>): Map<number, Uint8Array> {
  const options = new Map<number, Uint8Array>();
  for (const [key, text] of entries) {
    const code = /^Option\.([1-9][0-9]{0,2})$/.exec(key)?.[1];
    const value = parseHex(text);
    if (code !== undefined && Number(code) < 255 && value !== undefined) options.set(Number(code), value);
  }
  return options;
}
