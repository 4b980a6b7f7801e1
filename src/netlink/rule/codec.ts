/**
 * RTM_NEWRULE, RTM_DELRULE, RTM_GETRULE (linux/fib_rules.h): struct fib_rule_hdr, which is laid out
 * as struct rtmsg, and FRA_* attributes.
 */

import { HOST_IS_LITTLE_ENDIAN as LE } from '../../shared/bytes.ts';
import { DecodeError } from '../../shared/errors.ts';
import type { IpAddress, IpPrefix } from '../../shared/ipaddress.ts';
import { decodeAttributes, encodeAttributes } from '../attributes.ts';
import type { Decoded, Kind, Shape } from '../attributes.ts';
import { ipAddress, string, u16, u32, u8 } from '../kinds.ts';
import { requirePayload } from '../message.ts';
import type { NetlinkMessage } from '../message.ts';
import { familyNumber, ipFamily } from '../numbers.ts';
import type { Writer } from '../writer.ts';
import type { PortRange, Rule } from './rule.ts';

/** RTM_*. */
export const RTM_NEWRULE = 32;
export const RTM_DELRULE = 33;
export const RTM_GETRULE = 34;

const FIB_RULE_HDR_BYTES = 12;
const FR_ACT_TO_TBL = 1;
const FIB_RULE_INVERT = 0x2;
const NO_SUPPRESSION = 0xffff_ffff;
const ALL_BITS = 0xffff_ffff;

/** struct fib_rule_port_range. */
const portRange: Kind<PortRange> = {
  read: (view, at, length) => ({ first: u16.read(view, at, length), last: u16.read(view, at + 2, length - 2) }),
  write(writer, { first, last }) {
    writer.u16(first);
    writer.u16(last);
  },
};

/** FRA_*. */
const RULE_ATTRIBUTES = {
  destination: [1, ipAddress],
  source: [2, ipAddress],
  inputInterface: [3, string],
  priority: [6, u32],
  mark: [10, u32],
  suppressPrefixLength: [14, u32],
  table: [15, u32],
  markMask: [16, u32],
  outputInterface: [17, string],
  protocol: [21, u8],
  ipProtocol: [22, u8],
  sourcePorts: [23, portRange],
  destinationPorts: [24, portRange],
} as const satisfies Shape;

/** What decoding FRA_* gives. */
export type RuleAttributes = Decoded<typeof RULE_ATTRIBUTES>;

/** The rule a message is about; undefined for those that do not look up a table. Throws DecodeError. */
export function decodeRule(message: NetlinkMessage): Rule | undefined {
  requirePayload(message, FIB_RULE_HDR_BYTES);
  const { view, at, end } = message;
  const family = ipFamily(view.getUint8(at));
  const isLookup = view.getUint8(at + 7) === FR_ACT_TO_TBL && (view.getUint32(at + 8, LE) & FIB_RULE_INVERT) === 0;
  if (family === undefined || !isLookup) return undefined;
  const attributes = decodeAttributes(RULE_ATTRIBUTES, view, at + FIB_RULE_HDR_BYTES, end);
  const { suppressPrefixLength, markMask, mark } = attributes;
  return {
    family,
    priority: attributes.priority ?? 0,
    table: attributes.table ?? view.getUint8(at + 4),
    source: prefixOf(attributes.source, view.getUint8(at + 2)),
    destination: prefixOf(attributes.destination, view.getUint8(at + 1)),
    mark,
    markMask: mark === undefined || markMask === ALL_BITS ? undefined : markMask,
    inputInterface: attributes.inputInterface,
    outputInterface: attributes.outputInterface,
    suppressPrefixLength: suppressPrefixLength === NO_SUPPRESSION ? undefined : suppressPrefixLength,
    ipProtocol: attributes.ipProtocol,
    sourcePorts: attributes.sourcePorts,
    destinationPorts: attributes.destinationPorts,
    protocol: attributes.protocol,
  };
}

/** Writes the payload of RTM_NEWRULE or RTM_DELRULE. */
export function writeRule(writer: Writer, rule: Rule): void {
  const { family, source, destination, table } = rule;
  writer.u8(familyNumber(family));
  writer.u8(destination?.prefixLength ?? 0);
  writer.u8(source?.prefixLength ?? 0);
  writer.u8(0);
  writer.u8(table < 256 ? table : 0);
  writer.zeros(2);
  writer.u8(FR_ACT_TO_TBL);
  writer.u32(0);
  const attributes: RuleAttributes = {
    ...rule,
    source: source?.address.network(source.prefixLength),
    destination: destination?.address.network(destination.prefixLength),
    table: table < 256 ? undefined : table,
  };
  encodeAttributes(RULE_ATTRIBUTES, attributes, writer);
}

/** Writes the payload of RTM_GETRULE for all rules of a family. */
export function writeRuleDump(writer: Writer, family: 4 | 6): void {
  writer.u8(familyNumber(family));
  writer.zeros(FIB_RULE_HDR_BYTES - 1);
}

function prefixOf(address: IpAddress | undefined, prefixLength: number): IpPrefix | undefined {
  if (address === undefined || prefixLength === 0) return undefined;
  if (prefixLength > 8 * address.bytes.length) throw new DecodeError(`a prefix of ${prefixLength} bits`, 0);
  return { address, prefixLength };
}
