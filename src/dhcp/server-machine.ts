/**
 * A DHCPv4 server for one link that is ours (RFC 2131, 4.3): a pool of addresses, who has which and
 * until when. Pure: time comes with each step, packets go out as actions. It is the only server of
 * its link, so an address of the pool that is free is granted to whoever asks for it, also after a
 * restart in which all was forgotten, and what cannot be granted is refused aloud.
 * Invariant: never more bindings than addresses in the pool; an address has at most one.
 */

import { formatHex } from '../shared/bytes.ts';
import { ANY_IPV4, IpAddress, netmaskOfPrefixLength } from '../shared/ipaddress.ts';
import type { Action, Stepped, Tick } from './driver.ts';
import { type DhcpMessage, MESSAGE_TYPES, messageType, type MessageType } from './message.ts';
import { hostAddressOf, hostnameOf, OPTION, u32Bytes } from './options.ts';

/** What a server gives, and how. */
export interface ServerConfiguration {
  /** Its own address on the link, which is the server identifier. */
  readonly address: IpAddress;
  readonly prefixLength: number;
  /** The pool, both included; the server's own address is left out. At most 65536 addresses. */
  readonly first: IpAddress;
  readonly last: IpAddress;
  readonly leaseSec: number;
  /** Option 3. */
  readonly router?: IpAddress | undefined;
  /** Option 6. */
  readonly nameservers?: readonly IpAddress[];
  /** Option 26. */
  readonly mtu?: number | undefined;
}

/** What one client has, or had. */
export interface Binding {
  readonly address: IpAddress;
  readonly hardwareAddress: Uint8Array;
  /** Option 12, where it is a name. */
  readonly hostname: string | undefined;
  /** An offer waits to be taken; a free one is kept for its client until another needs it. */
  readonly kind: 'offered' | 'leased' | 'declined' | 'free';
  /** In clock milliseconds; of a free one, when it became so. */
  readonly untilMs: number;
}

/** All bindings, by client (`clientKey`), the one that changed last at the end. */
export interface ServerState {
  readonly name: 'serving';
  readonly bindings: ReadonlyMap<string, Binding>;
}

/** Nobody has anything. */
export const EMPTY: ServerState = { name: 'serving', bindings: new Map() };

/** What can happen. */
export type ServerInput = Tick | { readonly kind: 'message'; readonly message: DhcpMessage };

/** What is told. */
export type ServerEvent =
  | { readonly kind: 'leased' | 'released'; readonly binding: Binding }
  /** Somebody was turned away: all addresses are taken. */
  | { readonly kind: 'exhausted' };

/** A reply, to all on the link or to one host that may have no address yet. */
export interface Reply {
  readonly message: DhcpMessage;
  readonly to: { readonly address: IpAddress; readonly hardwareAddress: Uint8Array } | 'all';
}

/** Time and what there is to give. */
export interface ServerEnv {
  readonly now: number;
  readonly configuration: ServerConfiguration;
}

/** One step's result. */
export type ServerStep = Stepped<ServerState, Reply, ServerEvent>;

/** How long an offer stands; ConnMan's. */
const OFFER_MS = 300_000;
/** How long where the pool is used up: asking for more addresses than there are denies nobody his. */
const SCARCE_OFFER_MS = 10_000;
/** How long an address rests that a client found in use. */
const DECLINED_MS = 600_000;
/** RFC 2132, 9.14 sets no limit; a longer identifier counts as none. */
const LONGEST_IDENTIFIER_BYTES = 255;

/** Answers a client. A tick does nothing: what has run out is seen when it is looked at. */
export function step(state: ServerState, input: ServerInput, env: ServerEnv): ServerStep {
  if (input.kind === 'tick') return { state, actions: [] };
  const { message } = input;
  // Relayed messages are of other links.
  if (message.op !== 'request' || !message.relayAddress.isUnspecified) return { state, actions: [] };
  switch (messageType(message)) {
    case 'discover':
      return discover(state, message, env);
    case 'request':
      return request(state, message, env);
    case 'decline':
      return give(state, message, env, 'declined');
    case 'release':
      return give(state, message, env, 'free');
    case 'inform':
      return inform(state, message, env);
    case 'offer':
    case 'ack':
    case 'nak':
    case undefined:
      return { state, actions: [] };
  }
}

/** Whether a binding is a lease in force. */
export function isInForce({ kind, untilMs }: Binding, now: number): boolean {
  return kind === 'leased' && untilMs > now;
}

/** Who a client is: its identifier (option 61), or else its hardware address. */
function clientKey({ hardwareType, hardwareAddress, options }: DhcpMessage): string {
  const identifier = options.get(OPTION.clientIdentifier);
  const isUsable = identifier !== undefined && identifier.length > 1 && identifier.length <= LONGEST_IDENTIFIER_BYTES;
  return isUsable ? `id ${formatHex(identifier)}` : `hw ${hardwareType} ${formatHex(hardwareAddress)}`;
}

function discover(state: ServerState, message: DhcpMessage, env: ServerEnv): ServerStep {
  const address = choose(state, message, env);
  if (address === undefined) return { state, actions: [{ kind: 'event', event: { kind: 'exhausted' } }] };
  // RFC 4039: a client that asks for it has its address in two messages.
  const isRapid = message.options.has(OPTION.rapidCommit);
  if (isRapid) return grant(state, message, address, env);
  const before = state.bindings.get(clientKey(message));
  const isKept = before !== undefined && before.address.equals(address) && isInForce(before, env.now);
  const offered = bindingOf(message, address, 'offered', env.now + OFFER_MS);
  return {
    state: isKept ? state : withBinding(state, clientKey(message), offered),
    actions: [{ kind: 'send', packet: reply('offer', message, address, env) }],
  };
}

function request(state: ServerState, message: DhcpMessage, env: ServerEnv): ServerStep {
  const { configuration } = env;
  const server = message.options.get(OPTION.serverIdentifier);
  if (server !== undefined && hostAddressOf(server)?.equals(configuration.address) !== true) {
    return forgetOffer(state, message); // it took another's offer
  }
  // RFC 2131, 4.3.2: option 50 when selecting and after a reboot, ciaddr when renewing and rebinding.
  const wanted = hostAddressOf(message.options.get(OPTION.requestedAddress)) ?? message.clientAddress;
  if (isFree(state, wanted, clientKey(message), env)) return grant(state, message, wanted, env);
  return { state, actions: [{ kind: 'send', packet: refusal(message, env) }] };
}

function grant(state: ServerState, message: DhcpMessage, address: IpAddress, env: ServerEnv): ServerStep {
  const binding = bindingOf(message, address, 'leased', env.now + env.configuration.leaseSec * 1000);
  return {
    state: withBinding(state, clientKey(message), binding),
    actions: [
      { kind: 'send', packet: reply('ack', message, address, env) },
      { kind: 'event', event: { kind: 'leased', binding } },
    ],
  };
}

/** The client gives its address back, for good or because someone else uses it. */
function give(
  state: ServerState, message: DhcpMessage, { now }: ServerEnv, kind: 'declined' | 'free',
): ServerStep {
  const key = clientKey(message);
  const before = state.bindings.get(key);
  const address = hostAddressOf(message.options.get(OPTION.requestedAddress)) ?? message.clientAddress;
  if (before === undefined || !before.address.equals(address)) return { state, actions: [] };
  const binding: Binding = { ...before, kind, untilMs: kind === 'declined' ? now + DECLINED_MS : now };
  const actions: Action<Reply, ServerEvent>[] = before.kind === 'leased'
    ? [{ kind: 'event', event: { kind: 'released', binding } }]
    : [];
  // What nobody may have for a while belongs to nobody: the client gets another address.
  const owner = kind === 'declined' ? `declined ${address}` : key;
  const bindings = new Map(state.bindings);
  bindings.delete(key);
  return { state: withBinding({ ...state, bindings }, owner, binding), actions };
}

// RFC 2131, 4.3.5: options for a host that has its address from elsewhere.
function inform(state: ServerState, message: DhcpMessage, env: ServerEnv): ServerStep {
  if (message.clientAddress.isUnspecified) return { state, actions: [] };
  const { message: answer, ...rest } = reply('ack', message, ANY_IPV4, env);
  const options = new Map(answer.options);
  options.delete(OPTION.leaseTime);
  return { state, actions: [{ kind: 'send', packet: { ...rest, message: { ...answer, options } } }] };
}

function forgetOffer(state: ServerState, message: DhcpMessage): ServerStep {
  const key = clientKey(message);
  if (state.bindings.get(key)?.kind !== 'offered') return { state, actions: [] };
  const bindings = new Map(state.bindings);
  bindings.delete(key);
  return { state: { ...state, bindings }, actions: [] };
}

/** RFC 2131, 4.3.1: what the client has or had, what it asks for, what nobody had, what is free longest. */
function choose(state: ServerState, message: DhcpMessage, env: ServerEnv): IpAddress | undefined {
  const key = clientKey(message);
  const known = state.bindings.get(key)?.address;
  if (known !== undefined && isFree(state, known, key, env)) return known;
  const asked = hostAddressOf(message.options.get(OPTION.requestedAddress));
  if (asked !== undefined && isFree(state, asked, key, env)) return asked;
  const taken = new Set([...state.bindings.values()].map(({ address }) => address.toString()));
  for (const address of poolOf(env.configuration)) if (!taken.has(address.toString())) return address;
  for (const binding of state.bindings.values()) {
    const isStale = binding.kind === 'offered' && binding.untilMs - OFFER_MS + SCARCE_OFFER_MS <= env.now;
    if (isStale || isFree(state, binding.address, key, env)) return binding.address;
  }
  return undefined;
}

function isFree(state: ServerState, address: IpAddress, key: string, { now, configuration }: ServerEnv): boolean {
  if (!isInPool(address, configuration)) return false;
  for (const [owner, binding] of state.bindings) {
    if (owner === key || !binding.address.equals(address)) continue;
    if (binding.kind !== 'free' && binding.untilMs > now) return false;
  }
  return true;
}

/** Puts a binding at the end; who had the address before has nothing now. */
function withBinding(state: ServerState, key: string, binding: Binding): ServerState {
  const bindings = new Map(state.bindings);
  bindings.delete(key);
  for (const [owner, each] of bindings) if (each.address.equals(binding.address)) bindings.delete(owner);
  bindings.set(key, binding);
  return { ...state, bindings };
}

function bindingOf(message: DhcpMessage, address: IpAddress, kind: Binding['kind'], untilMs: number): Binding {
  const hostname = hostnameOf(message.options.get(OPTION.hostname));
  return { address, hardwareAddress: message.hardwareAddress, hostname, kind, untilMs };
}

function* poolOf({ first, last, address: own }: ServerConfiguration): Iterable<IpAddress> {
  const end = numberOf(last);
  for (let number = numberOf(first); number <= end; number++) {
    const address = new IpAddress(u32Bytes(number));
    if (!address.equals(own)) yield address;
  }
}

function isInPool(address: IpAddress, { first, last, address: own }: ServerConfiguration): boolean {
  const number = numberOf(address);
  return number >= numberOf(first) && number <= numberOf(last) && !address.equals(own);
}

function numberOf(address: IpAddress): number {
  const { bytes } = address;
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
}

function reply(
  type: MessageType, message: DhcpMessage, address: IpAddress, { configuration }: ServerEnv,
): Reply {
  const { prefixLength, leaseSec, router, nameservers = [], mtu } = configuration;
  const identifier = message.options.get(OPTION.clientIdentifier);
  const nameserverBytes = Uint8Array.from(nameservers.flatMap(({ bytes }) => [...bytes]));
  const options = new Map<number, Uint8Array>([
    [OPTION.messageType, Uint8Array.of(MESSAGE_TYPES.indexOf(type))],
    [OPTION.serverIdentifier, configuration.address.bytes],
    [OPTION.leaseTime, u32Bytes(leaseSec)],
    [OPTION.subnetMask, netmaskOfPrefixLength(prefixLength).bytes],
  ]);
  if (router !== undefined) options.set(OPTION.router, router.bytes);
  if (nameserverBytes.length > 0) options.set(OPTION.nameserver, nameserverBytes);
  if (mtu !== undefined) options.set(OPTION.mtu, Uint8Array.of(mtu >> 8, mtu & 0xff));
  if (identifier !== undefined) options.set(OPTION.clientIdentifier, identifier); // RFC 6842
  const isRapid = type === 'ack' && messageType(message) === 'discover';
  if (isRapid) options.set(OPTION.rapidCommit, new Uint8Array());
  return { message: { ...headOf(message), yourAddress: address, options }, to: destinationOf(message, address) };
}

// RFC 2131, 4.3.2 and 4.1: to all, as the client may believe to be elsewhere.
function refusal(message: DhcpMessage, { configuration }: ServerEnv): Reply {
  const identifier = message.options.get(OPTION.clientIdentifier);
  const options = new Map<number, Uint8Array>([
    [OPTION.messageType, Uint8Array.of(MESSAGE_TYPES.indexOf('nak'))],
    [OPTION.serverIdentifier, configuration.address.bytes],
  ]);
  if (identifier !== undefined) options.set(OPTION.clientIdentifier, identifier);
  const head = { ...headOf(message), clientAddress: ANY_IPV4, isBroadcast: true };
  return { message: { ...head, yourAddress: ANY_IPV4, options }, to: 'all' };
}

function headOf(message: DhcpMessage): Omit<DhcpMessage, 'options' | 'yourAddress'> {
  return { ...message, op: 'reply', hops: 0, secs: 0, nextServer: ANY_IPV4 };
}

// RFC 2131, 4.1: to who has an address there, else to all where asked, else to the hardware address.
function destinationOf({ clientAddress, hardwareAddress, isBroadcast }: DhcpMessage, given: IpAddress): Reply['to'] {
  if (!clientAddress.isUnspecified) return { address: clientAddress, hardwareAddress };
  return isBroadcast || hardwareAddress.length !== 6 ? 'all' : { address: given, hardwareAddress };
}
