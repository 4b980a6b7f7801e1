/**
 * Policy routing rules: which table is asked for which packets (ip-rule(8), linux/fib_rules.h).
 */

import type { IpPrefix } from '../../shared/ipaddress.ts';

/** One rule that looks up a table. */
export interface Rule {
  readonly family: 4 | 6;
  /** Lower is asked first. Asked for and absent: the kernel puts the rule before the lowest. */
  readonly priority?: number | undefined;
  readonly table: number;
  readonly source?: IpPrefix | undefined;
  readonly destination?: IpPrefix | undefined;
  readonly mark?: number | undefined;
  /** Absent is all bits. */
  readonly markMask?: number | undefined;
  readonly inputInterface?: string | undefined;
  readonly outputInterface?: string | undefined;
  /** Ignore results of this table whose prefix is this short or shorter. */
  readonly suppressPrefixLength?: number | undefined;
  /** IPPROTO_*. */
  readonly ipProtocol?: number | undefined;
  /** Of what has ports. */
  readonly sourcePorts?: PortRange | undefined;
  readonly destinationPorts?: PortRange | undefined;
  /** RTPROT_*: who made the rule. */
  readonly protocol?: number | undefined;
}

/** Ports from the first to the last. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** Requests about rules. All reject with NetlinkError, or with `signal.reason`. */
export interface RuleRequests {
  /** EEXIST when there is one already. */
  add(rule: Rule, signal?: AbortSignal): Promise<void>;
  /** Removes the first that has all that is told here; ENOENT when there is none. */
  remove(rule: Rule, signal?: AbortSignal): Promise<void>;
  list(family: 4 | 6, signal?: AbortSignal): Promise<Rule[]>;
}
