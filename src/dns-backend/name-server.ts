/**
 * Name servers as users write them: an address, and `#name` behind it where the server is to be
 * asked over TLS alone and must prove that name (RFC 7858, 8.1).
 */

import { parseIpAddress } from '../shared/ipaddress.ts';
import type { NameServer } from './backend.ts';

/** Of a host name that a certificate can bear (RFC 6125, 6.4.1). */
const HOST_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;

/** `192.0.2.1`, `2001:db8::1` or either with `#dns.example`; undefined for any other text. */
export function parseNameServer(text: string): NameServer | undefined {
  const [place = '', tlsName, rest] = text.split('#', 3);
  const address = parseIpAddress(place);
  if (address === undefined || rest !== undefined) return undefined;
  if (tlsName === undefined) return { address };
  return HOST_NAME.test(tlsName) ? { address, tlsName } : undefined;
}
