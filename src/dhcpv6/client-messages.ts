/**
 * The messages a DHCPv6 client sends (RFC 8415, 18.2.1 to 18.2.8), and which replies are for it
 * (16.3, 16.10).
 */

import { equalBytes } from '../shared/bytes.ts';
import { isDuid } from './duid.ts';
import type { Dhcpv6Lease } from './lease.ts';
import type { Dhcpv6Message, MessageType } from './message.ts';
import {
  type Association,
  associationsOf,
  encodeAssociation,
  encodeHostname,
  type Option,
  OPTION,
  u16Bytes,
  valueOf,
} from './options.ts';
import type { Exchange } from './retransmission.ts';

/** Who the client is and what it wants, the same in all its messages. */
export interface Identity {
  readonly duid: Uint8Array;
  /** Of each kind of association there is one, all with this number. */
  readonly iaid: number;
  readonly hostname: string | undefined;
  readonly wantsAddresses: boolean;
  readonly wantsTemporary: boolean;
  readonly wantsPrefix: boolean;
}

/** What differs between one client's messages. */
export interface Fields {
  readonly server?: Uint8Array | undefined;
  readonly associations?: readonly Association[];
}

/** The next message of `exchange`, sent at `now`. */
export function clientMessage(
  type: MessageType,
  { exchange, now }: { readonly exchange: Exchange; readonly now: number },
  identity: Identity,
  { server, associations = [] }: Fields,
): Dhcpv6Message {
  const options: Option[] = [{ code: OPTION.clientId, value: identity.duid }];
  if (server !== undefined) options.push({ code: OPTION.serverId, value: server });
  // RFC 8415, 21.9: hundredths of a second since the exchange began, 0 in its first message.
  const hundredths = exchange.tries === 0 ? 0 : Math.floor((now - exchange.startedAt) / 10);
  options.push({ code: OPTION.elapsedTime, value: u16Bytes(Math.min(0xffff, hundredths)) });
  const requested = REQUESTED[type];
  if (requested !== undefined) options.push({ code: OPTION.requested, value: u16Bytes(...requested) });
  if (type === 'solicit') options.push({ code: OPTION.rapidCommit, value: new Uint8Array(0) });
  const fqdn = requested === STATEFUL_OPTIONS ? fqdnOf(identity.hostname) : undefined;
  if (fqdn !== undefined) options.push({ code: OPTION.clientFqdn, value: fqdn });
  return { type, xid: exchange.xid, options: [...options, ...associations.map(encodeAssociation)] };
}

/** One association for each thing the client wants, with what `lease` has of it, without times. */
export function wantedAssociations(identity: Identity, lease: Dhcpv6Lease | undefined): Association[] {
  const { wantsAddresses, wantsTemporary, wantsPrefix } = identity;
  const held = heldAssociations(identity, lease);
  const wanted = ([
    ['nonTemporary', wantsAddresses],
    ['temporary', wantsTemporary],
    ['delegation', wantsPrefix],
  ] as const).flatMap(([kind, isWanted]) => (isWanted ? [kind] : []));
  const kinds = new Set([...wanted, ...held.map(({ kind }) => kind)]);
  return [...kinds].map((kind) => held.find((each) => each.kind === kind) ?? emptyAssociation(kind, identity));
}

/** The associations of what a lease has. */
export function heldAssociations(identity: Identity, lease: Dhcpv6Lease | undefined): Association[] {
  const { addresses = [], prefixes = [] } = lease ?? {};
  const times = { preferredSec: 0, validSec: 0 };
  const ofKind = (isTemporary: boolean): Association['addresses'] =>
    addresses.filter((each) => each.isTemporary === isTemporary).map(({ address }) => ({ address, ...times }));
  return [
    { ...emptyAssociation('nonTemporary', identity), addresses: ofKind(false) },
    { ...emptyAssociation('temporary', identity), addresses: ofKind(true) },
    { ...emptyAssociation('delegation', identity), prefixes: prefixes.map(({ prefix }) => ({ prefix, ...times })) },
  ].filter((each) => each.addresses.length + each.prefixes.length > 0);
}

/** A server's message for this client. */
export interface Reply {
  readonly type: 'advertise' | 'reply';
  readonly server: Uint8Array;
  readonly options: readonly Option[];
  /** This client's, at most one of each kind. */
  readonly associations: readonly Association[];
}

/** What a message says if it answers this client's transaction; undefined for any other (RFC 8415, 16.3, 16.10). */
export function replyOf(message: Dhcpv6Message, identity: Identity, expected: number): Reply | undefined {
  const { type, xid, options } = message;
  if ((type !== 'advertise' && type !== 'reply') || xid !== expected) return undefined;
  const client = valueOf(options, OPTION.clientId);
  const server = valueOf(options, OPTION.serverId);
  if (client === undefined || !equalBytes(client, identity.duid)) return undefined;
  if (server === undefined || !isDuid(server)) return undefined;
  const own = associationsOf(options).filter(({ iaid }) => iaid === identity.iaid);
  const associations = own.filter((each, index) => own.findIndex(({ kind }) => kind === each.kind) === index);
  return { type, server, options, associations };
}

function emptyAssociation(kind: Association['kind'], { iaid }: Identity): Association {
  return { kind, iaid, renewalSec: 0, rebindingSec: 0, addresses: [], prefixes: [], status: 0 };
}

const COMMON_OPTIONS = [
  OPTION.nameservers, OPTION.searchDomains, OPTION.sntpServers, OPTION.ntpServer, OPTION.captivePortal,
] as const;
// RFC 8415, 18.2.1: SOL_MAX_RT must be asked for.
const STATEFUL_OPTIONS: readonly number[] = [...COMMON_OPTIONS, OPTION.clientFqdn, OPTION.solicitMaxTime];
/** Option 6, by message; those without ask for nothing. */
const REQUESTED: Readonly<Partial<Record<MessageType, readonly number[]>>> = {
  solicit: STATEFUL_OPTIONS,
  request: STATEFUL_OPTIONS,
  renew: STATEFUL_OPTIONS,
  rebind: STATEFUL_OPTIONS,
  // 18.2.6: so must these two.
  informationRequest: [...COMMON_OPTIONS, OPTION.refreshTime, OPTION.informationMaxTime],
};

/** RFC 4704, 4.1: the server is asked to register the name (flag S). */
function fqdnOf(hostname: string | undefined): Uint8Array | undefined {
  const name = hostname === undefined ? undefined : encodeHostname(hostname);
  return name === undefined ? undefined : Uint8Array.of(1, ...name);
}
