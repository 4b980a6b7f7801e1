/**
 * The messages a DHCPv4 client sends (RFC 2131, 4.4.1 and table 5), with ConnMan's identifiers, so
 * that a server gives the same address to either, and which replies are for this client.
 */

import { equalBytes } from '../shared/bytes.ts';
import { ANY_IPV4, type IpAddress } from '../shared/ipaddress.ts';
import { qualifiedNameOption } from './client-identity.ts';
import { type DhcpMessage, MESSAGE_TYPES, messageType, type MessageType } from './message.ts';
import { OPTION, u32Bytes } from './options.ts';

/** Who the client is, the same in all its messages. */
export interface Identity {
  readonly hardwareAddress: Uint8Array;
  /** Option 61. */
  readonly clientIdentifier: Uint8Array;
  /** Option 12, with dots option 81. */
  readonly hostname: string | undefined;
  /** Option 60. */
  readonly vendorClass: string | undefined;
  /** Option 57, at least 576. */
  readonly maximumMessageSize: number;
}

/** What differs between one client's messages. */
export interface Fields {
  readonly xid: number;
  readonly secs?: number;
  readonly isBroadcast?: boolean;
  readonly clientAddress?: IpAddress;
  /** Option 50. */
  readonly requestedAddress?: IpAddress | undefined;
  /** Option 54. */
  readonly server?: IpAddress | undefined;
}

/** A message that asks for an address or for more time; RFC 4039's rapid commit is welcome. */
export function askingMessage(type: 'discover' | 'request', identity: Identity, fields: Fields): DhcpMessage {
  const message = plainMessage(type, identity, fields);
  const options = new Map(message.options);
  options.set(OPTION.maximumMessageSize, u32Bytes(identity.maximumMessageSize).subarray(2));
  if (identity.vendorClass !== undefined) options.set(OPTION.vendorClass, Buffer.from(identity.vendorClass));
  if (identity.hostname !== undefined) nameIn(options, identity.hostname);
  if (type === 'discover') options.set(OPTION.rapidCommit, new Uint8Array(0));
  options.set(OPTION.parameterList, Uint8Array.from(PARAMETERS));
  return { ...message, options };
}

/** A message that refuses an address or gives it back: identifiers and nothing else (table 5). */
export function plainMessage(type: MessageType, identity: Identity, fields: Fields): DhcpMessage {
  const options = new Map<number, Uint8Array>([
    [OPTION.messageType, Uint8Array.of(MESSAGE_TYPES.indexOf(type))],
    [OPTION.clientIdentifier, identity.clientIdentifier],
  ]);
  if (fields.requestedAddress !== undefined) options.set(OPTION.requestedAddress, fields.requestedAddress.bytes);
  if (fields.server !== undefined) options.set(OPTION.serverIdentifier, fields.server.bytes);
  return {
    op: 'request',
    hardwareType: ARPHRD_ETHER,
    hops: 0,
    xid: fields.xid,
    secs: Math.min(0xffff, fields.secs ?? 0),
    isBroadcast: fields.isBroadcast ?? false,
    clientAddress: fields.clientAddress ?? ANY_IPV4,
    yourAddress: ANY_IPV4,
    nextServer: ANY_IPV4,
    relayAddress: ANY_IPV4,
    hardwareAddress: identity.hardwareAddress,
    options,
  };
}

/** The type of a reply to this client's transaction; undefined for any other message. */
export function replyType(message: DhcpMessage, identity: Identity, xid: number): 'offer' | 'ack' | 'nak' | undefined {
  const type = messageType(message);
  if (message.op !== 'reply' || message.xid !== xid) return undefined;
  if (type !== 'offer' && type !== 'ack' && type !== 'nak') return undefined;
  if (!equalBytes(message.hardwareAddress, identity.hardwareAddress)) return undefined;
  // RFC 6842, 3: a server that echoes another client identifier answers another client.
  const echoed = message.options.get(OPTION.clientIdentifier);
  if (echoed !== undefined && !equalBytes(echoed, identity.clientIdentifier)) return undefined;
  return type;
}

// RFC 4702, 3.1: one of the two options, never both.
function nameIn(options: Map<number, Uint8Array>, hostname: string): void {
  const qualified = qualifiedNameOption(hostname);
  if (qualified === undefined) options.set(OPTION.hostname, Buffer.from(hostname));
  else options.set(OPTION.qualifiedName, qualified);
}

const ARPHRD_ETHER = 1;

/** Option 55. RFC 3442: classless routes stand before the router. */
const PARAMETERS = [
  OPTION.classlessRoutes,
  OPTION.subnetMask,
  OPTION.router,
  OPTION.mtu,
  OPTION.proxyAutoconfiguration,
  OPTION.timeserver,
  OPTION.domainName,
  OPTION.nameserver,
  OPTION.hostname,
  OPTION.searchDomains,
  OPTION.captivePortal,
  OPTION.vendorInformation,
] as const;
