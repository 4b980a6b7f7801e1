/**
 * The part of the package dns-packet that our tests use as an independent codec; it brings no types.
 */
declare module 'dns-packet' {
  interface Packet {
    readonly questions?: readonly unknown[];
    readonly answers?: readonly unknown[];
    readonly authorities?: readonly unknown[];
    readonly additionals?: readonly unknown[];
  }
  const dnsPacket: {
    readonly AUTHORITATIVE_ANSWER: number;
    readonly TRUNCATED_RESPONSE: number;
    readonly CHECKING_DISABLED: number;
    encode(packet: Packet & Readonly<Record<string, unknown>>): Uint8Array;
    decode(bytes: Uint8Array): Required<Packet>;
  };
  export default dnsPacket;
}
