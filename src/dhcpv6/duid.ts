/**
 * DHCP unique identifiers (RFC 8415, 11): who a client is, over all its interfaces and restarts.
 * Bytes to everybody but their maker; a server compares them and nothing else.
 */

const LINK_LAYER_TIME = 1;
const ARPHRD_ETHER = 1;
/** RFC 8415, 11.2: times count from 2000-01-01, in seconds modulo 2^32. */
const EPOCH_MS = Date.UTC(2000, 0, 1);

/** A DUID-LLT of an Ethernet address, as ConnMan makes it. Keep it: with another time it is another. */
export function makeDuid(hardwareAddress: Uint8Array, wallTime: Date): Uint8Array {
  const duid = Buffer.alloc(8 + hardwareAddress.length);
  duid.writeUInt16BE(LINK_LAYER_TIME, 0);
  duid.writeUInt16BE(ARPHRD_ETHER, 2);
  duid.writeUInt32BE(Math.max(0, Math.floor((wallTime.getTime() - EPOCH_MS) / 1000)) % 0x1_0000_0000, 4);
  duid.set(hardwareAddress, 8);
  return Uint8Array.from(duid);
}

/** RFC 8415, 11.1: a kind of two bytes and then at least one and at most 128. */
export function isDuid(bytes: Uint8Array): boolean {
  return bytes.length >= 3 && bytes.length <= 130;
}
