/**
 * RTM_NEWNDUSEROPT (struct nduseroptmsg, linux/rtnetlink.h): neighbour discovery options (RFC 4861,
 * 4.6) as a router sent them, so hostile, followed by NDUSEROPT_* attributes. Invariant: reading
 * throws only DecodeError; one broken option spoils the message and nothing else.
 */

import { HOST_IS_LITTLE_ENDIAN as LE, Reader } from '../../shared/bytes.ts';
import { DecodeError } from '../../shared/errors.ts';
import { IpAddress } from '../../shared/ipaddress.ts';
import { decodeAttributes } from '../attributes.ts';
import type { Shape } from '../attributes.ts';
import { ipAddress } from '../kinds.ts';
import { requirePayload } from '../message.ts';
import type { NetlinkMessage } from '../message.ts';
import { ipFamily } from '../numbers.ts';
import type { NdOption, NdUserOptions } from './nduseropt.ts';

/** RTM_*. */
export const RTM_NEWNDUSEROPT = 68;

const NDUSEROPTMSG_BYTES = 16;
const ROUTER_ADVERTISEMENT = 134;

const OPTION = { nameservers: 25, searchDomains: 31, captivePortal: 37 } as const;

/** NDUSEROPT_*. */
const NDUSEROPT_ATTRIBUTES = { router: [1, ipAddress] } as const satisfies Shape;

/** What a router advertisement brought; undefined for other messages. Throws DecodeError. */
export function decodeNdUserOptions(message: NetlinkMessage): NdUserOptions | undefined {
  requirePayload(message, NDUSEROPTMSG_BYTES);
  const { view, at, end } = message;
  const optionsBytes = view.getUint16(at + 2, LE);
  const optionsAt = at + NDUSEROPTMSG_BYTES;
  if (ipFamily(view.getUint8(at)) !== 6 || view.getUint8(at + 8) !== ROUTER_ADVERTISEMENT) return undefined;
  if (optionsBytes > end - optionsAt) throw new DecodeError(`${optionsBytes} bytes of options`, at + 2);
  const bytes = new Uint8Array(view.buffer, view.byteOffset + optionsAt, optionsBytes);
  const attributesAt = optionsAt + ((optionsBytes + 3) & ~3);
  const { router } = decodeAttributes(NDUSEROPT_ATTRIBUTES, view, attributesAt, end);
  return { ifindex: view.getInt32(at + 4, LE), router, options: decodeNdOptions(bytes) };
}

/** Reads neighbour discovery options. Throws DecodeError. */
export function decodeNdOptions(bytes: Uint8Array): NdOption[] {
  const reader = new Reader(bytes, 'neighbour discovery options');
  const options: NdOption[] = [];
  while (reader.remaining > 0) {
    const type = reader.u8();
    const units = reader.u8();
    if (units === 0) reader.fail('an option of no length'); // RFC 4861, 4.6
    options.push(decodeOption(type, reader.take(8 * units - 2)));
  }
  return options;
}

function decodeOption(type: number, body: Uint8Array): NdOption {
  switch (type) {
    case OPTION.nameservers: return decodeNameservers(body);
    case OPTION.searchDomains: return decodeSearchDomains(body);
    case OPTION.captivePortal: return decodeCaptivePortal(body);
    default: return { kind: 'other', type, body: body.slice() };
  }
}

// RFC 8106, 5.1: two reserved bytes, the lifetime, addresses.
function decodeNameservers(body: Uint8Array): NdOption {
  const reader = new Reader(body, 'RDNSS');
  reader.skip(2);
  const lifetimeSec = reader.u32();
  const addresses: IpAddress[] = [];
  while (reader.remaining > 0) addresses.push(new IpAddress(reader.take(16)));
  return { kind: 'nameservers', lifetimeSec, addresses };
}

// RFC 8106, 5.2: two reserved bytes, the lifetime, names of labels (RFC 1035, 3.1) without
// compression, zeros up to the end.
function decodeSearchDomains(body: Uint8Array): NdOption {
  const reader = new Reader(body, 'DNSSL');
  reader.skip(2);
  const lifetimeSec = reader.u32();
  const domains: string[] = [];
  let labels: string[] = [];
  while (reader.remaining > 0) {
    const length = reader.u8();
    if (length > 63) reader.fail(`a label of ${length} bytes`);
    if (length > 0) {
      labels.push(readLabel(reader, length));
    } else if (labels.length > 0) {
      domains.push(labels.join('.'));
      labels = [];
    }
  }
  if (labels.length > 0) reader.fail('a name without its end');
  if (domains.some((domain) => domain.length > 253)) reader.fail('a name too long'); // RFC 1035, 2.3.4
  return { kind: 'searchDomains', lifetimeSec, domains };
}

// Letters, digits, hyphens, and underscores as they occur: names end up in files and on the bus.
function readLabel(reader: Reader, length: number): string {
  const label = String.fromCharCode(...reader.take(length));
  if (!/^[A-Za-z0-9_-]+$/.test(label)) reader.fail('a label with odd characters');
  return label;
}

// RFC 8910, 2.3: a URI, padded with zeros.
function decodeCaptivePortal(body: Uint8Array): NdOption {
  const end = body.indexOf(0);
  const url = String.fromCharCode(...(end < 0 ? body : body.subarray(0, end)));
  if (!/^[\x21-\x7e]*$/.test(url)) throw new DecodeError('captive portal: a URI with odd characters', 0);
  return { kind: 'captivePortal', url };
}
