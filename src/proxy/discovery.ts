/**
 * Web Proxy Auto-Discovery by DNS: the PAC file of a domain is at a host called `wpad` in it, or in
 * a domain above, but never in one of a single label.
 */

import type { LinkWeb } from '../web/link-web.ts';

/** All names together. */
const PATIENCE_MS = 3000;
const MOST_NAMES = 5;

/** Names to look for, nearest first. */
export function discoveryNames(domain: string | undefined): string[] {
  const labels = (domain ?? '').replace(/\.$/, '').toLowerCase().split('.').filter((label) => label !== '');
  const names: string[] = [];
  for (let first = 0; labels.length - first >= 2 && names.length < MOST_NAMES; first++) {
    names.push(`wpad.${labels.slice(first).join('.')}`);
  }
  return names;
}

/** URL of the PAC file of `domain`, if there is a host for it. Throws only the signal's reason. */
export async function discoverPacUrl(
  domain: string | undefined, web: LinkWeb, signal: AbortSignal,
): Promise<string | undefined> {
  const names = discoveryNames(domain);
  if (web.link.nameservers().length === 0) return undefined;
  for (const name of names) {
    try {
      await web.resolve(name, signal, PATIENCE_MS / names.length);
      return `http://${name}/wpad.dat`;
    } catch {
      signal.throwIfAborted();
    }
  }
  return undefined;
}
