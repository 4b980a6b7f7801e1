/** The DHCPv4 message codec: captures, joined and overloaded options, and whatever bytes may come. */

import fc from 'fast-check';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeMessage, type DhcpMessage, encodeMessage, messageType } from '../../../src/dhcp/message.ts';
import { OPTION } from '../../../src/dhcp/options.ts';
import { decodeUdpPacket } from '../../../src/dhcp/udp-packet.ts';
import { DecodeError } from '../../../src/shared/errors.ts';
import { ANY_IPV4, IpAddress } from '../../../src/shared/ipaddress.ts';
import { assertHardened, assertTotal, hex, readVector } from './battery.ts';

const ackBytes = decodeUdpPacket(readVector('dhcp-ack'), true).payload;

test('a reply of dnsmasq decodes', () => {
  const message = decodeMessage(ackBytes);
  assert.is(message.op, 'reply');
  assert.is(messageType(message), 'ack');
  assert.is(String(message.yourAddress), '192.0.2.47');
  assert.equal(message.hardwareAddress, hex('02005e005301'));
  assert.is(message.isBroadcast, false);
  assert.equal(message.options.get(OPTION.serverIdentifier), hex('c0000201'));
  assert.equal(message.options.get(OPTION.classlessRoutes), hex('18c63364c000020200c0000203'));
});

test('our first message is what it was on the wire', () => {
  const bytes = decodeUdpPacket(readVector('dhcp-discover'), false).payload;
  assert.equal(encodeMessage(decodeMessage(bytes)), bytes);
});

test('whatever is cut, flipped or random decodes or is refused', () => {
  assertHardened(decodeMessage, ackBytes);
});

test('what is encoded decodes to the same', () => {
  fc.assert(fc.property(messages(), (message) => {
    assert.equal(decodeMessage(encodeMessage(message)), message);
  }));
});

test('a message is padded to the least a relay takes', () => {
  assert.is(encodeMessage({ ...decodeMessage(ackBytes), options: new Map() }).length, 300);
});

test('values past 255 bytes are split and joined (RFC 3396)', () => {
  for (const length of [0, 1, 255, 256, 510, 511, 1000]) {
    const value = Uint8Array.from({ length }, (_, index) => index & 0xff);
    const bytes = encodeMessage({ ...decodeMessage(ackBytes), options: new Map([[43, value]]) });
    assert.equal(decodeMessage(bytes).options.get(43), value);
  }
});

test('options overflow into file, then sname (option 52)', () => {
  const bytes = withOptions('340103 0f03 613a31 ff');
  bytes.set(hex('0c0266 6f 0f02 3233 ff'), 44);
  bytes.set(hex('0f02 3435 060401020304 ff'), 108);
  const { options } = decodeMessage(bytes);
  // RFC 3396, 5: options field, file, sname.
  assert.equal(options.get(15), hex('613a31 3435 3233'));
  assert.equal(options.get(6), hex('01020304'));
  assert.equal(options.get(12), hex('666f'));
  assert.not.ok(options.has(OPTION.overload));
});

test('sname and file are left alone unless option 52 says so', () => {
  const bytes = withOptions('340101 ff');
  bytes.set(hex('0c02666fff'), 44);
  assert.is(decodeMessage(bytes).options.size, 0);
});

test('a missing end mark is borne, a cut option is not', () => {
  assert.equal(decodeMessage(withOptions('350102')).options.get(53), hex('02'));
  assert.throws(() => decodeMessage(withOptions('350102 0c05 66')), (error: unknown) => error instanceof DecodeError);
  assert.throws(() => decodeMessage(withOptions('350102 0c')), (error: unknown) => error instanceof DecodeError);
});

test('BOOTP without options, other operations and long addresses are refused', () => {
  const refused = (bytes: Uint8Array): void => {
    assert.throws(() => decodeMessage(bytes), (error: unknown) => error instanceof DecodeError);
  };
  refused(new Uint8Array(300));
  refused(patched(0, 3));
  refused(patched(2, 17));
  refused(patched(236, 0x62));
  refused(ackBytes.slice(0, 239));
});

test('an unknown or misshapen message type is none', () => {
  for (const options of ['ff', '3500ff', '35020205ff', '350100ff', '3501ffff']) {
    assert.is(messageType(decodeMessage(withOptions(options))), undefined);
  }
});

test('public corpora decode or are refused', () => {
  for (const folder of ['dhcp4', 'dhcp4-captures']) {
    const path = `../shared/corpora/${folder}`;
    if (!existsSync(path)) continue;
    for (const name of readdirSync(path)) {
      const bytes = new Uint8Array(readFileSync(`${path}/${name}`));
      for (const sample of name.endsWith('.pcap') ? pcapPayloads(bytes) : [bytes]) assertTotal(decodeMessage, sample);
      assertTotal((packet) => decodeUdpPacket(packet, true), bytes);
    }
  }
});

function patched(offset: number, value: number): Uint8Array {
  const bytes = ackBytes.slice();
  bytes[offset] = value;
  return bytes;
}

function withOptions(options: string): Uint8Array {
  const head = new Uint8Array(240);
  head.set(ackBytes.subarray(0, 44));
  head.set(hex('63825363'), 236);
  return Uint8Array.of(...head, ...hex(options));
}

/** UDP payloads of Ethernet frames in a little-endian pcap file. */
function pcapPayloads(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer);
  const payloads: Uint8Array[] = [];
  for (let at = 24; at + 16 <= bytes.length; ) {
    const length = view.getUint32(at + 8, true);
    payloads.push(bytes.slice(at + 16 + 42, at + 16 + length));
    at += 16 + length;
  }
  return payloads;
}

function messages(): fc.Arbitrary<DhcpMessage> {
  const address = fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => new IpAddress(bytes));
  const code = fc.integer({ min: 1, max: 254 }).filter((each) => each !== OPTION.overload);
  return fc.record({
    op: fc.constantFrom('request' as const, 'reply' as const),
    hardwareType: fc.nat(255),
    hops: fc.nat(255),
    xid: fc.nat(0xffff_ffff),
    secs: fc.nat(0xffff),
    isBroadcast: fc.boolean(),
    clientAddress: address,
    yourAddress: address,
    nextServer: fc.constant(ANY_IPV4),
    relayAddress: address,
    hardwareAddress: fc.uint8Array({ maxLength: 16 }),
    options: fc.array(fc.tuple(code, fc.uint8Array({ maxLength: 600 })), { maxLength: 8 }).map((all) => new Map(all)),
  }, { noNullPrototype: true });
}

test.run();
