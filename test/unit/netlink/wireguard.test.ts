/**
 * WireGuard's messages against linux/wireguard.h: what is written reads back, byte for byte where the
 * header fixes it, and broken ones are refused.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeAttributes, decodeAttributes } from '../../../src/netlink/attributes.ts';
import { WIREGUARD_FAMILY } from '../../../src/netlink/genl/wireguard.ts';
import { Writer } from '../../../src/netlink/writer.ts';
import { formatHex } from '../../../src/shared/bytes.ts';
import { DecodeError } from '../../../src/shared/errors.ts';
import { parseIpAddress } from '../../../src/shared/ipaddress.ts';

const address = (text: string) => {
  const parsed = parseIpAddress(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
};

const PEER = {
  publicKey: new Uint8Array(32).fill(0x22),
  flags: 2,
  endpoint: { address: address('192.0.2.1'), port: 51820 },
  keepaliveSec: 25,
  allowedIps: [
    { family: 2, address: address('10.0.0.0'), prefixLength: 8 },
    { family: 10, address: address('fd00::'), prefixLength: 64 },
  ],
};

function encode(): Uint8Array {
  const writer = new Writer(new Uint8Array(8).fill(0xff));
  const device = { interfaceName: 'wg0', privateKey: new Uint8Array(32).fill(0x11), peers: [PEER] };
  encodeAttributes(WIREGUARD_FAMILY.attributes, device, writer);
  return writer.finish();
}

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

test('a device reads back as it was written', () => {
  const bytes = encode();
  const device = decodeAttributes(WIREGUARD_FAMILY.attributes, view(bytes), 0, bytes.length);
  const [peer] = device.peers ?? [];
  assert.is(device.interfaceName, 'wg0');
  assert.equal([String(peer?.endpoint?.address), peer?.endpoint?.port], ['192.0.2.1', 51820]);
  assert.equal(
    peer?.allowedIps?.map((each) => `${each.address}/${each.prefixLength}`),
    ['10.0.0.0/8', 'fd00::/64'],
  );
});

test('endpoints are sockaddr_in and sockaddr_in6, the port in network order', () => {
  // AF_INET in host order, port ca6c, address, eight zeros.
  assert.match(formatHex(encode()), /14000400(0200|0002)ca6cc00002010000000000000000/);
  const writer = new Writer();
  const endpoint = { address: address('2001:db8::1'), port: 1 };
  encodeAttributes(WIREGUARD_FAMILY.attributes, { peers: [{ endpoint }] }, writer);
  assert.match(
    formatHex(writer.finish()),
    /2000(0400)(0a00|000a)00010000000020010db8000000000000000000000001(00000000)/,
  );
});

test('every truncation decodes or is refused', () => {
  const bytes = encode();
  for (let end = 0; end < bytes.length; end++) {
    try {
      decodeAttributes(WIREGUARD_FAMILY.attributes, view(bytes.subarray(0, end)), 0, end);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
    }
  }
});

test.run();
