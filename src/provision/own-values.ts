/**
 * What can be decided of a service and ConnMan has no word for: the values, the same on the bus, in
 * provisioning files and for the console. `auto` is everywhere what was before anybody decided.
 */

import { oneOf, type ValueType } from '../shared/options.ts';
import { matching } from './values.ts';

/** What addresses of MPTCP are for (ip-mptcp(8)), in the order in which they are shown. */
const MPTCP_FLAGS = ['signal', 'subflow', 'backup', 'fullmesh'] as const;

/** One of `MPTCP_FLAGS`. */
export type MptcpUse = (typeof MPTCP_FLAGS)[number];

/** `yes`, `no` or `auto`. */
export const choice = oneOf(['yes', 'no', 'auto']);

/** `auto`, `none`, or what DHCP tells the server. */
export const sentHostname: ValueType<string> = matching('auto, none or a host name', (text) =>
  text === 'auto' || isHostname(text) ? text : undefined,
);

/** `auto`, `disabled`, or flags with commas. */
export const mptcp: ValueType<string> = matching(
  `auto, disabled, or any of ${MPTCP_FLAGS.join(', ')}, but not signal with fullmesh`,
  (text) => (text === 'auto' || text === 'disabled' || parseMptcpFlags(text) !== undefined ? text : undefined),
);

/** Flags with commas, in their order; undefined where one is none, or where they exclude each other. */
export function parseMptcpFlags(text: string): readonly MptcpUse[] | undefined {
  const words = text.split(',').map((word) => word.trim());
  const flags = MPTCP_FLAGS.filter((flag) => words.includes(flag));
  const isUnknown = words.some((word) => !MPTCP_FLAGS.some((flag) => flag === word));
  // The kernel refuses both: what is announced is not used by ourselves.
  return isUnknown || (flags.includes('signal') && flags.includes('fullmesh')) ? undefined : flags;
}

/** RFC 1123, 2.1: labels of letters, digits and hyphens; with dots it is a domain name (option 81). */
export function isHostname(text: string): boolean {
  return text.length <= 253 && text.split('.').every((label) => LABEL.test(label));
}

const LABEL = /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;
