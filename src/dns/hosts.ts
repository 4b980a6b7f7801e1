/**
 * The hosts file (hosts(5)): an address, then names, `#` begins a comment. Lines that are none are
 * passed over. The same text always gives the same table; memory is bounded by that text.
 */

import { DecodeError } from '../shared/errors.ts';
import { parseIpAddress, type IpAddress } from '../shared/ipaddress.ts';
import { canonicalName, parseName } from './name.ts';
import { reverseName } from './reverse-name.ts';

/** What a hosts file says. */
export interface Hosts {
  /** Lower-case names without a last dot. */
  readonly addresses: ReadonlyMap<string, readonly IpAddress[]>;
  /** Names of the reverse zones; the canonical host name, which comes first on its line. */
  readonly names: ReadonlyMap<string, string>;
}

/** More names than these are a mistake, or want a server of their own. */
const MAX_NAMES = 50_000;

/** Reads a hosts file. */
export function parseHosts(text: string): Hosts {
  const addresses = new Map<string, IpAddress[]>();
  const names = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [first = '', ...words] = (line.split('#', 1)[0] ?? '').trim().split(/[ \t\r]+/);
    const address = parseIpAddress(first);
    if (address === undefined) continue;
    const usable = words.flatMap((word) => hostName(word) ?? []);
    const [canonical] = usable;
    const reverse = reverseName(address);
    if (canonical !== undefined && !names.has(reverse)) names.set(reverse, canonical);
    for (const name of usable) {
      const known = addresses.get(name);
      if (known === undefined && addresses.size < MAX_NAMES) addresses.set(name, [address]);
      else if (known !== undefined && !known.some((other) => other.equals(address))) known.push(address);
    }
  }
  return { addresses, names };
}

function hostName(word: string): string | undefined {
  // A host name needs no escapes, and a last dot may not turn out to be one.
  if (word.includes('\\')) return undefined;
  try {
    if (parseName(word).length === 0) return undefined;
    return canonicalName(word.replace(/\.$/, ''));
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return undefined;
  }
}
