/**
 * A kill switch: while a connection is wanted, everything is routed by a table of its own, in which
 * there is the tunnel or nothing (ip-rule(8)); only the VPN's server is reached as before. The rules
 * outlive the daemon, so that nothing leaks while it restarts.
 */

import type { Rtnetlink } from '../../src/netlink/rtnetlink.ts';
import type { Rule } from '../../src/netlink/rule/rule.ts';
import { MAIN_TABLE, type Route } from '../../src/netlink/route/route.ts';
import type { IpAddress } from '../../src/shared/ipaddress.ts';
import { logger } from '../../src/shared/log.ts';

const log = logger('plugins/vpn/kill-switch.ts');

/** Out of the way of tables that people choose. */
const TABLE = 0x42_ffff;

/** Before the rules of links (31 990). */
const PRIORITY = { server: 31_000, all: 31_001 } as const;

const FAMILIES = [4, 6] as const;
const UNREACHABLE_METRIC = 4096;

/** Closes everything but the tunnel on `ifindex` (none: everything) and the way to `server`. Never throws. */
export async function closeAllBut(
  kernel: Rtnetlink, server: IpAddress | undefined, ifindex: number | undefined,
): Promise<void> {
  const wanted = new Set<string>();
  for (const family of FAMILIES) {
    await attempt(kernel.route.replace({ family, table: TABLE, type: 'unreachable', metric: UNREACHABLE_METRIC }));
    const inside: Route = { family, table: TABLE, metric: 0, ...(ifindex !== undefined && { ifindex }), scope: 'link' };
    if (ifindex !== undefined) await attempt(kernel.route.replace(inside));
  }
  for (const rule of rulesFor(server)) {
    wanted.add(describe(rule));
    await attempt(kernel.rule.add(rule));
  }
  for (const rule of await ourRules(kernel)) {
    if (!wanted.has(describe(rule))) await attempt(kernel.rule.remove(rule));
  }
}

/** Opens what `closeAllBut` closed, by this daemon or an earlier one. Never throws. */
export async function openAll(kernel: Rtnetlink): Promise<void> {
  const rules = await ourRules(kernel);
  if (rules.length === 0) return;
  for (const rule of rules) await attempt(kernel.rule.remove(rule));
  for (const family of FAMILIES) {
    const routes = await kernel.route.list(family, TABLE).catch(() => []);
    for (const route of routes) await attempt(kernel.route.remove(route));
  }
}

function rulesFor(server: IpAddress | undefined): Rule[] {
  const all = FAMILIES.map((family): Rule => ({ family, priority: PRIORITY.all, table: TABLE }));
  if (server === undefined) return all;
  const destination = { address: server, prefixLength: server.family === 4 ? 32 : 128 };
  return [{ family: server.family, priority: PRIORITY.server, table: MAIN_TABLE, destination }, ...all];
}

async function ourRules(kernel: Rtnetlink): Promise<Rule[]> {
  const lists = await Promise.all(FAMILIES.map((family) => kernel.rule.list(family).catch((): Rule[] => [])));
  return lists.flat().filter(({ priority }) => priority === PRIORITY.server || priority === PRIORITY.all);
}

function describe({ family, priority, destination }: Rule): string {
  return `${family} ${priority} ${destination?.address ?? ''}`;
}

async function attempt(request: Promise<void>): Promise<void> {
  try {
    await request;
  } catch (error) {
    log.debug('kill switch: %s', error instanceof Error ? error.message : error);
  }
}
