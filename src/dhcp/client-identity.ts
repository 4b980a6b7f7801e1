/**
 * What a DHCPv4 client says of itself beyond ConnMan's words: the node-specific client identifier
 * (RFC 4361) and its fully qualified name (RFC 4702).
 */

/** `mac`: 1 and the hardware address, as ConnMan; `duid`: RFC 4361. */
export type ClientIdentifierKind = 'mac' | 'duid';

/** Option 61 of an Ethernet-like interface. */
export function clientIdentifierOf(kind: ClientIdentifierKind, hardwareAddress: Uint8Array): Uint8Array {
  switch (kind) {
    case 'mac': return Uint8Array.of(ARPHRD_ETHER, ...hardwareAddress);
    // RFC 4361, 6.1: 255, the interface (the end of its address), a DUID; RFC 8415, 11.4: one of the
    // link layer needs no memory, and a machine installed anew is known again.
    case 'duid': {
      const duid = [0, DUID_LL, 0, ARPHRD_ETHER, ...hardwareAddress];
      return Uint8Array.of(NODE_SPECIFIC, ...hardwareAddress.slice(-4), ...duid);
    }
  }
}

/**
 * Option 81 for a name with a dot: the server shall keep both records of it (RFC 4702, 2.1), the
 * name in the encoding of DNS. Undefined for a name that is none, or has but one label.
 */
export function qualifiedNameOption(hostname: string): Uint8Array | undefined {
  const labels = hostname.replace(/\.$/, '').split('.');
  if (labels.length < 2 || hostname.length > 253) return undefined;
  if (!labels.every((label) => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(label))) return undefined;
  const name = labels.flatMap((label) => [label.length, ...Buffer.from(label, 'latin1')]);
  return Uint8Array.of(SERVER_UPDATES | WIRE_ENCODED, 0, 0, ...name, 0);
}

const ARPHRD_ETHER = 1;
const NODE_SPECIFIC = 255;
const DUID_LL = 3;
/** RFC 4702, 2.1: the flags S and E. */
const SERVER_UPDATES = 1;
const WIRE_ENCODED = 4;
