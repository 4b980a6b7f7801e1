/**
 * DHCP unique identifiers (RFC 8415, 11; RFC 6355): who a client is, over all its interfaces and
 * restarts. Bytes to everybody but their maker; a server compares them and nothing else.
 */

/** What a DUID is made of. */
export type Duid =
  | { readonly kind: 'linkLayerTime'; readonly hardwareType: number; readonly time: Date; readonly address: Uint8Array }
  | { readonly kind: 'enterprise'; readonly enterprise: number; readonly identifier: Uint8Array }
  | { readonly kind: 'linkLayer'; readonly hardwareType: number; readonly address: Uint8Array }
  | { readonly kind: 'uuid'; readonly uuid: Uint8Array };

/** A DUID-LLT of an Ethernet address, as ConnMan makes it. Keep it: with another time it is another. */
export function makeDuid(hardwareAddress: Uint8Array, wallTime: Date): Uint8Array {
  return encodeDuid({ kind: 'linkLayerTime', hardwareType: ARPHRD_ETHER, time: wallTime, address: hardwareAddress });
}

/** The parts of a DUID; undefined for a kind or a length that no standard knows. */
export function parseDuid(bytes: Uint8Array): Duid | undefined {
  if (!isDuid(bytes)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kind = view.getUint16(0);
  if (kind === 1 && bytes.length >= 8) {
    const time = new Date(EPOCH_MS + 1000 * view.getUint32(4));
    return { kind: 'linkLayerTime', hardwareType: view.getUint16(2), time, address: bytes.slice(8) };
  }
  if (kind === 2 && bytes.length >= 6) {
    return { kind: 'enterprise', enterprise: view.getUint32(2), identifier: bytes.slice(6) };
  }
  if (kind === 3 && bytes.length >= 4) {
    return { kind: 'linkLayer', hardwareType: view.getUint16(2), address: bytes.slice(4) };
  }
  return kind === 4 && bytes.length === 18 ? { kind: 'uuid', uuid: bytes.slice(2) } : undefined;
}

/** The bytes of a DUID. */
export function encodeDuid(duid: Duid): Uint8Array {
  switch (duid.kind) {
    case 'linkLayerTime': {
      const seconds = Math.max(0, Math.floor((duid.time.getTime() - EPOCH_MS) / 1000)) % 0x1_0000_0000;
      return join([...u16(1), ...u16(duid.hardwareType), ...u32(seconds)], duid.address);
    }
    case 'enterprise': return join([...u16(2), ...u32(duid.enterprise)], duid.identifier);
    case 'linkLayer': return join([...u16(3), ...u16(duid.hardwareType)], duid.address);
    case 'uuid': return join(u16(4), duid.uuid);
  }
}

/** RFC 8415, 11.1: a kind of two bytes and then at least one and at most 128. */
export function isDuid(bytes: Uint8Array): boolean {
  return bytes.length >= 3 && bytes.length <= 130;
}

const ARPHRD_ETHER = 1;
/** RFC 8415, 11.2: times count from 2000-01-01. */
const EPOCH_MS = Date.UTC(2000, 0, 1);

function join(head: readonly number[], tail: Uint8Array): Uint8Array {
  return Uint8Array.of(...head, ...tail);
}

function u16(value: number): number[] {
  return [(value >> 8) & 0xff, value & 0xff];
}

function u32(value: number): number[] {
  return [...u16(value >>> 16), ...u16(value & 0xffff)];
}
