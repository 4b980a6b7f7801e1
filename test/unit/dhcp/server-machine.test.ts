/** The DHCPv4 server in tables: RFC 2131, 4.3, on a clock in the test's hand. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type DhcpMessage, MESSAGE_TYPES, messageType, type MessageType } from '../../../src/dhcp/message.ts';
import {
  EMPTY, isInForce, type Reply, type ServerConfiguration, type ServerEvent, type ServerState, step,
} from '../../../src/dhcp/server-machine.ts';
import { ANY_IPV4, type IpAddress } from '../../../src/shared/ipaddress.ts';
import { hex } from './battery.ts';
import { ip, SERVER } from './life.ts';

const POOL: ServerConfiguration = {
  address: SERVER, prefixLength: 24, first: ip('192.0.2.1'), last: ip('192.0.2.3'), leaseSec: 3600,
};

type Options = Readonly<Record<number, Uint8Array>>;

/** A server and what clients hear of it. */
class Server {
  state: ServerState = EMPTY;
  now = 0;
  readonly events: ServerEvent[] = [];
  readonly configuration: ServerConfiguration;

  constructor(configuration = POOL) {
    this.configuration = configuration;
  }

  ask(type: MessageType, client: number, options: Options = {}, header: Partial<DhcpMessage> = {}): Reply | undefined {
    const { configuration, now } = this;
    const message = messageOf(type, client, options, header);
    const { state, actions } = step(this.state, { kind: 'message', message }, { configuration, now });
    this.state = state;
    let reply: Reply | undefined;
    for (const action of actions) {
      if (action.kind === 'send') reply = action.packet;
      else this.events.push(action.event);
    }
    return reply;
  }

  /** `offer 192.0.2.2`, `nak`, or `silence`. */
  hear(...question: Parameters<Server['ask']>): string {
    const reply = this.ask(...question);
    if (reply === undefined) return 'silence';
    const type = messageType(reply.message);
    return type === 'nak' ? 'nak' : `${type} ${reply.message.yourAddress}`;
  }

  /** Takes what is offered. */
  join(client: number): string {
    const offer = this.ask('discover', client);
    if (offer === undefined) return 'silence';
    return this.hear('request', client, { 50: offer.message.yourAddress.bytes, 54: SERVER.bytes });
  }

  get leases(): string[] {
    return [...this.state.bindings.values()].filter((each) => isInForce(each, this.now))
      .map(({ address, hardwareAddress }) => `${address} ${hardwareAddress[5]}`);
  }
}

function messageOf(type: MessageType, client: number, options: Options, header: Partial<DhcpMessage>): DhcpMessage {
  return {
    op: 'request', hardwareType: 1, hops: 0, xid: 7, secs: 3, isBroadcast: false, clientAddress: ANY_IPV4,
    yourAddress: ANY_IPV4, nextServer: ANY_IPV4, relayAddress: ANY_IPV4,
    hardwareAddress: Uint8Array.of(2, 0, 0, 0, client >> 8, client & 255),
    options: new Map<number, Uint8Array>([
      [53, Uint8Array.of(MESSAGE_TYPES.indexOf(type))],
      ...Object.entries(options).map(([code, value]): [number, Uint8Array] => [Number(code), value]),
    ]),
    ...header,
  };
}

test('discover, offer, request, ack: the pool from its start, without the server itself', () => {
  const server = new Server();
  assert.equal([server.join(1), server.join(2), server.join(3)], ['ack 192.0.2.2', 'ack 192.0.2.3', 'silence']);
  assert.equal(server.leases, ['192.0.2.2 1', '192.0.2.3 2']);
  assert.equal(server.events.map(({ kind }) => kind), ['leased', 'leased', 'exhausted']);
});

test('what an offer and its ack carry', () => {
  const nameservers = [SERVER, ip('192.0.2.53')];
  const server = new Server({ ...POOL, router: SERVER, nameservers, mtu: 1400 });
  const message = server.ask('discover', 1, { 61: hex('01020000000001') })?.message;
  assert.equal([...message?.options ?? []].map(([code, value]) => [code, Buffer.from(value).toString('hex')]), [
    [53, '02'], [54, 'c0000201'], [51, '00000e10'], [1, 'ffffff00'], [3, 'c0000201'], [6, 'c0000201c0000235'],
    [26, '0578'], [61, '01020000000001'],
  ]);
  assert.equal([message?.op, message?.xid, message?.hops, message?.secs], ['reply', 7, 0, 0]);
  assert.not.ok(new Server().ask('discover', 1)?.message.options.has(3), 'no router unless there is one');
});

test('rapid commit: two messages instead of four', () => {
  const server = new Server();
  const reply = server.ask('discover', 1, { 80: new Uint8Array() });
  assert.is(reply === undefined ? undefined : messageType(reply.message), 'ack');
  assert.ok(reply?.message.options.has(80));
  assert.equal(server.leases, ['192.0.2.2 1']);
});

test('where replies go: to the client where it is, to all when asked, to its hardware address', () => {
  const server = new Server();
  const to = (reply: Reply | undefined) => (reply?.to === 'all' ? 'all' : String(reply?.to.address));
  assert.is(to(server.ask('discover', 1)), '192.0.2.2');
  assert.is(to(server.ask('discover', 1, {}, { isBroadcast: true })), 'all');
  const hardwareAddress = new Uint8Array(16);
  assert.is(to(server.ask('discover', 9, {}, { hardwareAddress })), 'all', 'no Ethernet address');
  server.join(1);
  assert.is(to(server.ask('request', 1, {}, { clientAddress: ip('192.0.2.2') })), '192.0.2.2');
  const nak = server.ask('request', 1, {}, { clientAddress: ip('10.0.0.9') });
  assert.equal([to(nak), nak?.message.isBroadcast], ['all', true]);
});

test('renewal, reboot, and an address of elsewhere', () => {
  const server = new Server();
  server.join(1);
  server.now = 1_800_000;
  assert.is(server.hear('request', 1, {}, { clientAddress: ip('192.0.2.2') }), 'ack 192.0.2.2');
  assert.is(server.hear('request', 1, { 50: ip('192.0.2.2').bytes }), 'ack 192.0.2.2', 'INIT-REBOOT');
  assert.is(server.hear('request', 2, { 50: ip('192.0.2.2').bytes }), 'nak', 'someone else has it');
  assert.is(server.hear('request', 2, { 50: ip('10.0.0.9').bytes }), 'nak', 'of another network');
  assert.is(server.hear('request', 2, { 50: SERVER.bytes }), 'nak', 'the server itself');
  assert.is(server.hear('request', 2), 'nak', 'nothing asked for');
  assert.is(server.hear('request', 2, { 50: ip('192.0.2.3').bytes }), 'ack 192.0.2.3', 'from before a restart');
});

test('a client comes back to its address until another needs it', () => {
  const server = new Server();
  server.join(1);
  assert.is(server.hear('release', 1, {}, { clientAddress: ip('192.0.2.2') }), 'silence');
  assert.equal(server.leases, []);
  assert.is(server.join(2), 'ack 192.0.2.3');
  assert.is(server.join(1), 'ack 192.0.2.2');
  server.ask('release', 1, {}, { clientAddress: ip('192.0.2.2') });
  assert.equal([server.join(3), server.join(1)], ['ack 192.0.2.2', 'silence']);
});

test('a lease ends, and its address is given to who asks next', () => {
  const server = new Server();
  server.join(1);
  server.join(2);
  server.now = 3_600_000;
  assert.equal(server.leases, []);
  assert.is(server.join(3), 'ack 192.0.2.2', 'the one that is free longest');
});

test('the choice of another server frees the offer', () => {
  const server = new Server();
  server.ask('discover', 1);
  assert.is(server.hear('request', 1, { 50: ip('192.0.2.2').bytes, 54: ip('192.0.2.9').bytes }), 'silence');
  assert.is(server.state.bindings.size, 0);
  server.join(1);
  server.ask('request', 1, { 50: ip('192.0.2.2').bytes, 54: ip('192.0.2.9').bytes });
  assert.equal(server.leases, ['192.0.2.2 1'], 'a lease is not taken away by that');
});

test('an address in use by others rests, and the client gets another one', () => {
  const server = new Server();
  server.join(1);
  server.ask('decline', 1, { 50: ip('192.0.2.2').bytes, 54: SERVER.bytes });
  assert.is(server.join(1), 'ack 192.0.2.3');
  assert.is(server.join(2), 'silence');
  server.now = 600_001;
  assert.is(server.join(2), 'ack 192.0.2.2');
});

test('nobody can give back or decline what is not his', () => {
  const server = new Server();
  server.join(1);
  server.ask('release', 2, {}, { clientAddress: ip('192.0.2.2') });
  server.ask('decline', 2, { 50: ip('192.0.2.2').bytes });
  server.ask('release', 1, {}, { clientAddress: ip('192.0.2.3') });
  assert.equal(server.leases, ['192.0.2.2 1']);
});

test('offers that nobody takes keep nobody out for long', () => {
  const server = new Server();
  server.ask('discover', 1);
  server.ask('discover', 2);
  assert.is(server.hear('discover', 3), 'silence');
  server.now = 10_000;
  assert.is(server.hear('discover', 3), 'offer 192.0.2.2');
  assert.is(server.hear('request', 1, { 50: ip('192.0.2.2').bytes, 54: SERVER.bytes }), 'nak');
});

test('a host that has its address from elsewhere asks for options only', () => {
  const server = new Server({ ...POOL, router: SERVER });
  const reply = server.ask('inform', 1, {}, { clientAddress: ip('192.0.2.77') });
  assert.equal([reply?.message.yourAddress, reply?.message.options.has(51), reply?.message.options.has(3)], [
    ANY_IPV4, false, true,
  ]);
  assert.is(server.hear('inform', 1), 'silence');
  assert.is(server.state.bindings.size, 0);
});

test('replies, relayed requests and other messages are not for it', () => {
  const server = new Server();
  assert.is(server.hear('discover', 1, {}, { relayAddress: ip('192.0.2.254') }), 'silence');
  assert.is(server.hear('discover', 1, {}, { op: 'reply' }), 'silence');
  for (const type of ['offer', 'ack', 'nak'] as const) assert.is(server.hear(type, 1), 'silence');
  assert.is(server.hear('discover', 1, { 53: Uint8Array.of(99) }), 'silence');
});

test('the name of a client is kept where it is one', () => {
  const server = new Server();
  server.ask('discover', 1, { 80: new Uint8Array(), 12: Buffer.from('tablet') });
  server.ask('discover', 2, { 80: new Uint8Array(), 12: Buffer.from('<script>') });
  assert.equal([...server.state.bindings.values()].map(({ hostname }) => hostname), ['tablet', undefined]);
});

test('identifiers of any length are told apart and never grow the table past its pool', () => {
  const type = fc.constantFrom<MessageType>('discover', 'request', 'decline', 'release', 'inform');
  const address = fc.integer({ min: 0, max: 5 }).map((last) => ip(`192.0.2.${last}`));
  const message = fc.record({
    type, client: fc.integer({ min: 0, max: 9 }), wanted: fc.option(address), has: fc.option(address),
    identifier: fc.option(fc.uint8Array({ maxLength: 300 })), isRapid: fc.boolean(),
    laterMs: fc.integer({ min: 0, max: 4_000_000 }),
  });
  fc.assert(fc.property(fc.array(message, { maxLength: 60 }), (messages) => {
    const server = new Server();
    for (const { type: kind, client, wanted, has, identifier, isRapid, laterMs } of messages) {
      server.now += laterMs;
      server.ask(kind, client, {
        ...(wanted !== null && { 50: wanted.bytes }), ...(identifier !== null && { 61: identifier }),
        ...(isRapid && { 80: new Uint8Array() }),
      }, has === null ? {} : { clientAddress: has });
      const addresses = [...server.state.bindings.values()].map((each): IpAddress => each.address);
      assert.ok(addresses.length <= 2, 'no more than the pool');
      assert.is(new Set(addresses.map(String)).size, addresses.length, 'each once');
    }
  }), { verbose: 1 });
});

test.run();
