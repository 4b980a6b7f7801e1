/**
 * Option 119, the domain search list (RFC 3397): DNS names with compression inside the option.
 * Invariant: total and bounded; a pointer must lead backwards, so that no list can loop.
 */

import { isDomainName } from './options.ts';

const MOST_DOMAINS = 32;

/** The names of a search list, at most 32; undefined when anything in it is malformed. */
export function searchDomainsOf(value: Uint8Array | undefined): string[] | undefined {
  if (value === undefined || value.length === 0) return undefined;
  const domains: string[] = [];
  for (let at = 0; at < value.length && domains.length < MOST_DOMAINS; ) {
    const read = readName(value, at);
    if (read === undefined || !isDomainName(read.name)) return undefined;
    domains.push(read.name);
    at = read.end;
  }
  return domains;
}

// RFC 1035, 4.1.4. `end` is behind the name where it stands, not where pointers lead.
function readName(value: Uint8Array, start: number): { name: string; end: number } | undefined {
  const labels: string[] = [];
  let end: number | undefined;
  let lowest = start;
  let at = start;
  for (let length = 0; length <= 255; ) {
    const head = value[at];
    if (head === undefined) return undefined;
    if (head === 0) return { name: labels.join('.'), end: end ?? at + 1 };
    if (head >= 0xc0) {
      const target = ((head & 0x3f) << 8) | (value[at + 1] ?? 0);
      if (at + 1 >= value.length || target >= lowest) return undefined;
      end ??= at + 2;
      lowest = target;
      at = target;
      continue;
    }
    if (head > 63 || at + 1 + head > value.length) return undefined;
    labels.push(Buffer.from(value.subarray(at + 1, at + 1 + head)).toString('latin1'));
    length += head + 1;
    at += head + 1;
  }
  return undefined;
}
