/** UDP in IPv4: captures, checksums, and headers that lie about lengths. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeUdpPacket, encodeUdpPacket, type UdpPacket } from '../../../src/dhcp/udp-packet.ts';
import { DecodeError } from '../../../src/shared/errors.ts';
import { ANY_IPV4, IpAddress } from '../../../src/shared/ipaddress.ts';
import { assertHardened, readVector } from './battery.ts';

const discover = readVector('dhcp-discover');
const ack = readVector('dhcp-ack');

const refused = (bytes: Uint8Array, what: string, checksumNotReady = false): void => {
  assert.throws(() => decodeUdpPacket(bytes, checksumNotReady), (error: unknown) => {
    return error instanceof DecodeError && error.message.includes(what);
  });
};

const patched = (bytes: Uint8Array, ...changes: [offset: number, value: number][]): Uint8Array => {
  const copy = bytes.slice();
  for (const [offset, value] of changes) copy[offset] = value;
  return copy;
};

/** The header of `bytes` with its checksum made right again. */
const resealed = (bytes: Uint8Array): Uint8Array => {
  const copy = patched(bytes, [10, 0], [11, 0]);
  const view = new DataView(copy.buffer);
  let sum = 0;
  for (let at = 0; at < ((copy[0] ?? 0) & 0xf) * 4 && at + 1 < copy.length; at += 2) sum += view.getUint16(at);
  view.setUint16(10, ~((sum & 0xffff) + (sum >> 16)));
  return copy;
};

test('a packet of ours is what it was on the wire', () => {
  const packet = decodeUdpPacket(discover, false);
  assert.is(String(packet.source), '0.0.0.0');
  assert.is(String(packet.destination), '255.255.255.255');
  assert.is(packet.sourcePort, 68);
  assert.is(packet.destinationPort, 67);
  assert.equal(encodeUdpPacket(packet), discover);
});

test('a checksum left to hardware is believed only when the kernel says so', () => {
  assert.is(decodeUdpPacket(ack, true).destinationPort, 68);
  refused(ack, 'UDP checksum');
});

test('a checksum of zero is none', () => {
  assert.is(decodeUdpPacket(patched(ack, [26, 0], [27, 0]), false).destinationPort, 68);
});

test('one changed byte breaks a checksum', () => {
  refused(patched(discover, [100, 0xaa]), 'UDP checksum');
  refused(patched(discover, [15, 1]), 'IPv4 header checksum');
});

test('bytes behind the packet are padding', () => {
  assert.is(decodeUdpPacket(Uint8Array.of(...discover, 0, 0, 0, 0), false).payload.length, discover.length - 28);
});

test('lengths beyond what is there are refused', () => {
  refused(discover.slice(0, 27), 'short');
  refused(resealed(patched(discover, [2, 0xff])), 'total length');
  refused(resealed(patched(discover, [2, 0], [3, 27])), 'total length');
  refused(resealed(patched(discover, [0, 0x4f])).slice(0, 60), 'total length');
  refused(patched(discover, [0, 0x44]), 'no IPv4 header');
  refused(patched(discover, [0, 0x65]), 'no IPv4 header');
  refused(patched(discover, [24, 0], [25, 7]), 'UDP length 7');
  refused(patched(discover, [24, 0xff]), 'UDP length');
});

test('fragments and other protocols are refused', () => {
  refused(resealed(patched(discover, [6, 0x20])), 'fragment');
  refused(resealed(patched(discover, [7, 1])), 'fragment');
  refused(resealed(patched(discover, [9, 6])), 'protocol 6');
  assert.ok(decodeUdpPacket(resealed(patched(discover, [6, 0x40])), false), "don't fragment is no fragment");
});

test('header options are skipped', () => {
  const longer = Uint8Array.of(...discover.subarray(0, 20), 1, 1, 1, 0, ...discover.subarray(20));
  const sealed = resealed(patched(longer, [0, 0x46], [2, longer.length >> 8], [3, longer.length & 0xff]));
  assert.equal(decodeUdpPacket(sealed, false).payload, discover.subarray(28));
});

test('whatever is cut, flipped or random decodes or is refused', () => {
  assertHardened((bytes) => decodeUdpPacket(bytes, false), discover);
  assertHardened((bytes) => decodeUdpPacket(bytes, true), ack);
});

test('what is encoded decodes to the same, odd lengths too', () => {
  const address = fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => new IpAddress(bytes));
  const port = fc.nat(0xffff);
  const payload = fc.uint8Array({ maxLength: 100 });
  const packets: fc.Arbitrary<UdpPacket> = fc.record({
    source: address, destination: address, sourcePort: port, destinationPort: port, payload,
  }, { noNullPrototype: true });
  fc.assert(fc.property(packets, (packet) => {
    assert.equal(decodeUdpPacket(encodeUdpPacket(packet), false), packet);
  }));
});

test('a checksum that comes out as zero is sent as all ones', () => {
  const base = { source: ANY_IPV4, destination: ANY_IPV4, sourcePort: 0, destinationPort: 0 };
  // Pseudo header and UDP header sum up to 17 + 10 + 10: this payload makes it 0xffff.
  const bytes = encodeUdpPacket({ ...base, payload: Uint8Array.of(0xff, 0xda) });
  assert.is(new DataView(bytes.buffer).getUint16(26), 0xffff);
});

test.run();
