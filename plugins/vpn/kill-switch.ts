/**
 * Kill switches: while a connection that has one is wanted, everything is routed by a table of its
 * own, in which there are such connections' tunnels or nothing (ip-rule(8)); only their servers are
 * reached as before, and name servers by who asks for those. Rules and routes outlive the daemon, so that nothing
 * leaks while it restarts, and tell the next one whose switches were closed.
 */

import type { Rtnetlink } from '../../src/netlink/rtnetlink.ts';
import type { Rule } from '../../src/netlink/rule/rule.ts';
import { MAIN_TABLE, type Route } from '../../src/netlink/route/route.ts';
import { messageOf } from '../../src/shared/errors.ts';
import type { IpAddress, IpPrefix } from '../../src/shared/ipaddress.ts';
import { logger } from '../../src/shared/log.ts';
import type { Core, Inquiry } from '../../src/api.ts';

const log = logger('plugins/vpn/kill-switch.ts');

/** Out of the way of tables that people choose. */
const TABLE = 0x42_ffff;

/** Before the rules of links (31 990). */
const PRIORITY = { server: 31_000, programs: 31_001, neighbours: 31_002, all: 31_003 } as const;

/** What programs can send: ICMP, TCP, UDP, DCCP, SCTP and UDP-Lite (linux/in.h). */
const PROTOCOLS = [1, 6, 17, 33, 132, 136] as const;

const FAMILIES = [4, 6] as const;
/** Metrics of the routes that lead nowhere, one for each connection: far behind those of tunnels. */
const MARKS = 0x1000_0000;

/** What a closed switch lets through. */
export interface Opening {
  /** Reached around the tunnel. */
  readonly servers: readonly IpAddress[];
  /** Our own questions about the server's name, and the answers to them. */
  readonly inquiries: readonly Inquiry[];
  /** Our IPv4 address on the way to the server, with the length of its network: neighbours there find us. */
  readonly outside: IpPrefix | undefined;
  /** The tunnel; undefined while it is down. */
  readonly ifindex: number | undefined;
}

/** Whose questions stay within. */
export type Confined = Pick<Core['names'], 'confine'>;

/** The kill switches of all connections: one set of rules, and as many ways out as there are tunnels. */
export class KillSwitches {
  readonly #kernel: Rtnetlink;
  readonly #names: Confined;
  readonly #closed = new Map<string, Opening>();
  #last: Promise<void> = Promise.resolve();
  #isInherited = true;
  /** Marks of what a daemon before this one closed, until it is known who wants it. */
  readonly #inherited = new Set<number | undefined>();

  /** Programs' names go with them: the daemon's own sockets are bound to links and heed no rules there. */
  constructor(kernel: Rtnetlink, names: Confined) {
    this.#kernel = kernel;
    this.#names = names;
  }

  /** What a daemon before this one closed holds for names too, until it is known who wants it. Never rejects. */
  async inherit(): Promise<void> {
    const [rules, routes] = await Promise.all([ourRules(this.#kernel), ourRoutes(this.#kernel, 4)]);
    if (rules.length === 0 || !this.#isInherited) return;
    for (const { metric } of routes) this.#inherited.add(metric);
    this.#names.confine([]);
  }

  /** Whether that of `ident` is closed, by this daemon or, until `retain`, by one before it (after `inherit`). */
  isClosed(ident: string): boolean {
    return this.#closed.has(ident) || this.#inherited.has(markOf(ident));
  }

  /** Closes everything but the tunnels and servers of the connections that are closed. Never rejects. */
  close(ident: string, opening: Opening): Promise<void> {
    this.#closed.set(ident, opening);
    return this.#settle();
  }

  /** Takes back what `close` did for this connection. Never rejects. */
  open(ident: string): Promise<void> {
    this.#inherited.delete(markOf(ident));
    return this.#closed.delete(ident) ? this.#settle() : this.#last;
  }

  /** Keeps the switches of `idents` alone, and nothing that a daemon before this one closed. Never rejects. */
  retain(idents: ReadonlySet<string>): Promise<void> {
    this.#inherited.clear();
    for (const ident of this.#closed.keys()) if (!idents.has(ident)) this.#closed.delete(ident);
    return this.#settle();
  }

  // One after the other, each as things are when its turn comes.
  #settle(): Promise<void> {
    this.#isInherited = false;
    const tunnels = [...this.#closed.values()].flatMap(({ ifindex }) => ifindex ?? []);
    this.#names.confine(this.#closed.size === 0 ? undefined : tunnels);
    this.#last = this.#last.then(() => (this.#closed.size === 0 ? this.#openAll() : this.#closeAll()));
    return this.#last;
  }

  // What is new comes before what is old goes: there is no moment in between.
  async #closeAll(): Promise<void> {
    const { route, rule } = this.#kernel;
    const openings = [...this.#closed.values()];
    const routes = FAMILIES.flatMap((family) => routesFor(family, this.#closed));
    for (const each of routes) await attempt(route.replace(each));
    const rules = rulesFor(openings);
    for (const each of rules) await attempt(rule.add(each));
    const wanted = new Set(rules.map(describe));
    for (const each of await ourRules(this.#kernel)) {
      if (!wanted.has(describe(each))) await attempt(rule.remove(each));
    }
    await this.#removeRoutes((each) => !routes.some((other) => isSameRoute(each, other)));
  }

  async #openAll(): Promise<void> {
    const rules = await ourRules(this.#kernel);
    if (rules.length === 0) return;
    for (const rule of rules) await attempt(this.#kernel.rule.remove(rule));
    await this.#removeRoutes(() => true);
  }

  async #removeRoutes(isOld: (route: Route) => boolean): Promise<void> {
    for (const family of FAMILIES) {
      const routes = await ourRoutes(this.#kernel, family);
      for (const route of routes.filter(isOld)) await attempt(this.#kernel.route.remove(route));
    }
  }
}

// The tunnel that was closed first is the first way out. Behind them each connection has a way that leads nowhere.
function routesFor(family: 4 | 6, closed: ReadonlyMap<string, Opening>): Route[] {
  const nowhere = [...closed.keys()].map((ident): Route => {
    return { family, table: TABLE, type: 'unreachable', metric: markOf(ident) };
  });
  const tunnels = [...closed.values()].flatMap(({ ifindex }) => ifindex ?? []);
  const into = (ifindex: number, n: number): Route => ({ family, table: TABLE, ifindex, metric: n + 1, scope: 'link' });
  return [...tunnels.map(into), ...nowhere];
}

// Well spread (FNV-1a), so that one is not taken for another.
function markOf(ident: string): number {
  let hash = 0x811c_9dc5;
  for (const character of ident) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x0100_0193);
  return MARKS + (hash >>> 4);
}

function isSameRoute(one: Route, other: Route): boolean {
  return one.family === other.family && one.metric === other.metric;
}

function rulesFor(openings: readonly Opening[]): Rule[] {
  const all = FAMILIES.map((family): Rule => ({ family, priority: PRIORITY.all, table: TABLE }));
  const around = { priority: PRIORITY.server, table: MAIN_TABLE } as const;
  const servers = openings.flatMap((opening) => opening.servers).map((address): Rule => {
    return { ...around, family: address.family, destination: whole(address) };
  });
  // The kernel looks for the way back to whom an answer is from (rp_filter), since Linux 6.1 with its ports exchanged.
  const inquiries = openings.flatMap((opening) => opening.inquiries).flatMap(({ source, server, port, ports }) => {
    const both = { ...around, family: server.family, source: whole(source), destination: whole(server) };
    const its = { first: port, last: port };
    return [
      { ...both, sourcePorts: ports, destinationPorts: its },
      { ...both, sourcePorts: its, destinationPorts: ports },
    ];
  });
  const rules = [...servers, ...inquiries, ...neighbourRules(openings), ...all];
  return [...new Map(rules.map((rule) => [describe(rule), rule])).values()];
}

// Who asks by ARP for an address of ours gets no answer where no way leads back (rp_filter): a router would lose us,
// and with it the VPN's server. A question like that has no IP protocol, and all that have one go on as before.
function neighbourRules(openings: readonly Opening[]): Rule[] {
  const links = openings.flatMap(({ outside }) => outside ?? []).filter(({ prefixLength }) => prefixLength < 32);
  if (links.length === 0) return [];
  const programs = PROTOCOLS.map((ipProtocol): Rule => {
    return { family: 4, priority: PRIORITY.programs, ipProtocol, table: TABLE };
  });
  const neighbours = links.map(({ address, prefixLength }): Rule => {
    const destination = { address: address.network(prefixLength), prefixLength };
    return { family: 4, priority: PRIORITY.neighbours, source: whole(address), destination, table: MAIN_TABLE };
  });
  return [...programs, ...neighbours];
}

function whole(address: IpAddress): IpPrefix {
  return { address, prefixLength: address.family === 4 ? 32 : 128 };
}

function ourRoutes(kernel: Rtnetlink, family: 4 | 6): Promise<Route[]> {
  return kernel.route.list(family, TABLE).catch(() => []);
}

async function ourRules(kernel: Rtnetlink): Promise<Rule[]> {
  const lists = await Promise.all(FAMILIES.map((family) => kernel.rule.list(family).catch((): Rule[] => [])));
  const ours: ReadonlySet<unknown> = new Set(Object.values(PRIORITY));
  return lists.flat().filter(({ priority }) => ours.has(priority));
}

function describe({ family, priority, source, destination, ipProtocol, sourcePorts }: Rule): string {
  const to = destination === undefined ? '' : `${destination.address}/${destination.prefixLength}`;
  return `${family} ${priority} ${source?.address ?? ''}:${sourcePorts?.first ?? ''} ${to} ${ipProtocol ?? ''}`;
}

async function attempt(request: Promise<void>): Promise<void> {
  try {
    await request;
  } catch (error) {
    log.debug('kill switch: %s', messageOf(error));
  }
}
