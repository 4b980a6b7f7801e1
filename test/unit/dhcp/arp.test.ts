/** ARP packets: the forms of RFC 5227, the filter, and whatever bytes may come. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  arpAnnouncement, arpFilter, type ArpPacket, arpProbe, decodeArp, encodeArp,
} from '../../../src/dhcp/arp.ts';
import { DecodeError } from '../../../src/shared/errors.ts';
import { ANY_IPV4, IpAddress } from '../../../src/shared/ipaddress.ts';
import { assertHardened, hex, readVector } from './battery.ts';
import { runFilter } from './bpf.ts';
import { ADDRESS, ip, SERVER } from './life.ts';

const OURS = hex('02005e005301');
const THEIRS = hex('02005e005302');

test('probe and announcement have the forms of RFC 5227', () => {
  for (const [packet, name] of [
    [arpProbe(OURS, ADDRESS), 'dhcp-arp-probe'],
    [arpAnnouncement(OURS, ADDRESS), 'dhcp-arp-announcement'],
  ] as const) {
    assert.equal(encodeArp(packet), readVector(name));
    assert.equal(decodeArp(readVector(name)), packet);
  }
});

test('padding is no matter', () => {
  const padded = new Uint8Array(46);
  padded.set(readVector('dhcp-arp-probe'));
  assert.equal(decodeArp(padded), arpProbe(OURS, ADDRESS));
});

test('other links, protocols and operations are refused', () => {
  for (const [offset, value] of [[1, 6], [2, 0x86], [4, 8], [5, 16], [7, 0], [7, 3], [6, 1]] as const) {
    const bytes = readVector('dhcp-arp-probe');
    bytes[offset] = value;
    assert.throws(() => decodeArp(bytes), (error: unknown) => error instanceof DecodeError);
  }
});

test('whatever is cut, flipped or random decodes or is refused', () => {
  assertHardened(decodeArp, readVector('dhcp-arp-announcement'));
});

test('what is encoded decodes to the same', () => {
  const hardware = fc.uint8Array({ minLength: 6, maxLength: 6 });
  const address = fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => new IpAddress(bytes));
  const packets: fc.Arbitrary<ArpPacket> = fc.record({
    operation: fc.constantFrom('request', 'reply'),
    senderHardware: hardware, sender: address, targetHardware: hardware, target: address,
  }, { noNullPrototype: true });
  fc.assert(fc.property(packets, (packet) => {
    assert.equal(decodeArp(encodeArp(packet)), packet);
  }));
});

test('the filter passes claims to the address and probes for it, and nothing else', () => {
  const passes = (packet: Partial<ArpPacket>): boolean => {
    const bytes = encodeArp({ ...arpAnnouncement(THEIRS, SERVER), ...packet });
    return runFilter(arpFilter(ADDRESS), bytes) >= bytes.length;
  };
  assert.ok(passes({ sender: ADDRESS, target: ADDRESS }));
  assert.ok(passes({ sender: ADDRESS, target: SERVER }));
  assert.ok(passes({ operation: 'reply', sender: ADDRESS, target: SERVER }));
  assert.ok(passes({ sender: ANY_IPV4, target: ADDRESS }));
  assert.not.ok(passes({ sender: SERVER, target: ADDRESS }), 'somebody asks for us');
  assert.not.ok(passes({ sender: ANY_IPV4, target: SERVER }));
  assert.not.ok(passes({ sender: ip('192.0.2.46') }));
  assert.is(runFilter(arpFilter(ADDRESS), new Uint8Array(10)), 0);
});

test.run();
