/**
 * Web Proxy Auto-Discovery by DNS: the PAC file of a domain is at a host called `wpad` in it. Only in
 * the domain that the network itself named: ConnMan goes on in the domains above while two labels
 * remain, and so asks `wpad.co.uk` for `shop.co.uk`, whose owner is a stranger to the network (US-CERT
 * TA16-144A). Where a domain's proxy is kept further up, the network can name it by DHCP (option 252).
 */

import type { LinkWeb } from '../web/link-web.ts';

const PATIENCE_MS = 3000;

/** The host to look for; none in a domain of a single label, which may be anybody's. */
export function discoveryName(domain: string | undefined): string | undefined {
  const labels = (domain ?? '').replace(/\.$/, '').toLowerCase().split('.');
  return labels.length < 2 || labels.includes('') ? undefined : `wpad.${labels.join('.')}`;
}

/** URL of the PAC file of `domain`, if there is a host for it. Throws only the signal's reason. */
export async function discoverPacUrl(
  domain: string | undefined, web: LinkWeb, signal: AbortSignal,
): Promise<string | undefined> {
  const name = discoveryName(domain);
  if (name === undefined || web.link.nameservers().length === 0) return undefined;
  try {
    await web.resolve(name, signal, PATIENCE_MS);
    return `http://${name}/wpad.dat`;
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}
