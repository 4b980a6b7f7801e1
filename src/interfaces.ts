/**
 * Which network interfaces are ours to manage, and of what type. Decisions are pure functions of
 * the link, the options and what else the namespace holds; `Interfaces` applies them to the mirror.
 * Filters as ConnMan's; kinds that belong to others (veth peers, bridges, tunnels), members of bonds
 * and ports of bridges are left alone.
 */

import { Emitter, type Observable } from './shared/emitter.ts';
import { equalBytes } from './shared/bytes.ts';
import { matchesGlob } from './shared/glob.ts';
import { logger } from './shared/log.ts';
import type { OwnAddresses } from './own-addresses.ts';
import type { Scope } from './shared/scope.ts';
import type { Link } from './netlink/link/link.ts';
import type { Mirror } from './netlink/mirror.ts';
import { isTetherInterface } from './tethering/bridge.ts';
import type { TechnologyType } from './types.ts';

const log = logger('src/interfaces.ts');

/** ARPHRD_ETHER, linux/if_arp.h. */
const ARPHRD_ETHER = 1;

/** What the user said about interfaces. */
export interface InterfaceFilter {
  /** `-i`: globs; empty allows all. */
  readonly allowed: readonly string[];
  /** `-I`: globs. */
  readonly denied: readonly string[];
  /** NetworkInterfaceBlacklist: prefixes of names. */
  readonly deniedPrefixes: readonly string[];
  /** ManagedInterfaces: globs, managed whatever their kind. */
  readonly managed: readonly string[];
}

/** An interface we manage, with the scope that closes when it goes, is renamed or joins another. */
export interface ManagedInterface {
  readonly type: TechnologyType;
  readonly link: Link;
  readonly scope: Scope;
}

/** What an interface is judged by besides itself. */
export interface Surroundings {
  /** Whether the namespace has no network card. */
  readonly isContainer: boolean;
  /** The kind of the interface it belongs to. */
  readonly masterKind: string | undefined;
}

/** Why an interface is left alone, or undefined where it is ours. */
export function reasonToIgnore(
  link: Link,
  filter: InterfaceFilter,
  { isContainer, masterKind }: Surroundings,
): string | undefined {
  const matches = (patterns: readonly string[]): boolean => patterns.some((pattern) => matchesGlob(pattern, link.name));
  if (link.hardwareType !== ARPHRD_ETHER) return 'it is not an Ethernet-like interface';
  const isAllowed = filter.allowed.length > 0 && matches(filter.allowed);
  if (filter.allowed.length > 0 && !isAllowed) return 'no -i pattern matches';
  if (link.name.startsWith('dummy')) return 'it is a dummy';
  if (isTetherInterface(link.name)) return 'it is for the clients of tethering';
  if (matches(filter.denied)) return 'a -I pattern matches';
  if (filter.deniedPrefixes.some((prefix) => link.name.startsWith(prefix))) return 'NetworkInterfaceBlacklist names it';
  if (masterKind !== undefined && AGGREGATES.has(masterKind)) return `it is a member of a ${masterKind}`;
  if (isAllowed || matches(filter.managed)) return undefined;
  if (masterKind !== undefined && BRIDGES.has(masterKind)) {
    return 'it is a port of a bridge (ManagedInterfaces would include it)';
  }
  if (link.kind === undefined && isGroupName(link.name)) return 'it leads to a Wi-Fi Direct group';
  if (link.kind === undefined || OUR_KINDS.has(link.kind)) return undefined;
  if (isContainer && CONTAINER_KINDS.has(link.kind)) return undefined;
  return `kind ${link.kind} belongs to others (ManagedInterfaces would include it)`;
}

/** As wpa_supplicant calls the interfaces it makes for groups: `p2p-wlan0-0`. */
function isGroupName(name: string): boolean {
  return /^p2p-.*\d$/.test(name);
}

/** Kinds that stand for a link of this machine even though software makes them. */
const OUR_KINDS: ReadonlySet<string> = new Set(['vlan', 'bond', 'dsa', 'hsr', 'team']);

/** Kinds that take all that their members receive: an address of a member's own cannot work. */
const AGGREGATES: ReadonlySet<string> = new Set(['bond', 'team', 'hsr']);

/** Kinds whose ports are somebody's plan for this machine's links. */
const BRIDGES: ReadonlySet<string> = new Set(['bridge', 'openvswitch']);

/** What stands for a network card where the namespace has none. */
const CONTAINER_KINDS: ReadonlySet<string> = new Set(['veth', 'macvlan', 'ipvlan']);

/** The technology of a link, by the DEVTYPE of its uevent file; undefined where a plugin decides. */
export function technologyOfDevtype(devtype: string | undefined): TechnologyType | undefined {
  switch (devtype) {
    case undefined:
    case 'vlan':
    case 'bond':
    case 'dsa':
      return 'ethernet';
    case 'wlan':
      return 'wifi';
    case 'gadget':
      return 'gadget';
    default:
      return undefined;
  }
}

/** The managed interfaces of this network namespace. */
export class Interfaces {
  readonly #mirror: Mirror;
  readonly #filter: InterfaceFilter;
  readonly #readDevtype: (interfaceName: string) => string | undefined;
  readonly #addresses: Pick<OwnAddresses, 'identityOf'>;
  readonly #scope: Scope;
  readonly #appeared = new Emitter<ManagedInterface>();
  readonly #changed = new Emitter<{ before: Link; after: Link }>();
  readonly #managed = new Map<number, ManagedInterface>();

  // oxlint-disable-next-line max-params -- what there is, what counts, and two questions about it
  constructor(
    mirror: Mirror,
    filter: InterfaceFilter,
    readDevtype: (interfaceName: string) => string | undefined,
    addresses: Pick<OwnAddresses, 'identityOf'>,
    scope: Scope,
  ) {
    this.#addresses = addresses;
    this.#mirror = mirror;
    this.#filter = filter;
    this.#readDevtype = readDevtype;
    this.#scope = scope;
  }

  /** Emits every interface that becomes ours, those of the start included. */
  get appeared(): Observable<ManagedInterface> {
    return this.#appeared;
  }

  /** Emits changes of interfaces that are ours. */
  get changed(): Observable<{ before: Link; after: Link }> {
    return this.#changed;
  }

  /** The interfaces that are ours now. */
  get managed(): Iterable<ManagedInterface> {
    return this.#managed.values();
  }

  /** The others, but for loopback, and why they are not. */
  get ignored(): { readonly name: string; readonly reason: string }[] {
    return [...this.#mirror.links.values()].flatMap((link) => {
      if (this.#managed.has(link.ifindex) || link.name === 'lo') return [];
      return { name: link.name, reason: this.#reasonToIgnore(link) ?? 'no plugin knows what it is' };
    });
  }

  /** Begins: what is there first, then what comes. */
  start(): void {
    this.#mirror.linkChanged.observe(this.#scope, ({ before, after }) => {
      if (before !== undefined && after !== undefined && this.#isSame(before, after)) this.#update(before, after);
      else this.#replace(before, after);
    });
    for (const link of this.#mirror.links.values()) this.#replace(undefined, link);
  }

  // With an address of our making it is the one it was.
  #isSame(before: Link, after: Link): boolean {
    const isSamePlace = this.#masterOf(before) === this.#masterOf(after) && before.name === after.name;
    if (!isSamePlace || equalBytes(before.hardwareAddress, after.hardwareAddress)) return isSamePlace;
    return equalBytes(this.#addresses.identityOf(before), this.#addresses.identityOf(after));
  }

  #update(before: Link, after: Link): void {
    if (this.#managed.has(after.ifindex)) this.#changed.emit({ before, after });
  }

  #replace(before: Link | undefined, after: Link | undefined): void {
    if (before !== undefined) {
      const managed = this.#managed.get(before.ifindex);
      this.#managed.delete(before.ifindex);
      void managed?.scope.close();
    }
    if (after !== undefined) this.#consider(after);
  }

  #consider(link: Link): void {
    const reason = this.#reasonToIgnore(link);
    if (reason !== undefined) {
      log.debug('%s is ignored: %s', link.name, reason);
      return;
    }
    const type = technologyOfDevtype(this.#readDevtype(link.name));
    if (type === undefined) return;
    const managed: ManagedInterface = { type, link, scope: this.#scope.child() };
    this.#managed.set(link.ifindex, managed);
    log.debug('%s is managed as %s', link.name, type);
    this.#appeared.emit(managed);
  }

  #reasonToIgnore(link: Link): string | undefined {
    return reasonToIgnore(link, this.#filter, {
      isContainer: this.#isContainer(), masterKind: this.#mirror.links.get(this.#masterOf(link) ?? 0)?.kind,
    });
  }

  // Our own bridge takes nothing from us: what is its port for a while stays what it is.
  #masterOf({ master }: Link): number | undefined {
    return isTetherInterface(this.#mirror.links.get(master ?? 0)?.name ?? '') ? undefined : master;
  }

  // No physical device: whatever gave us this namespace gave us its veth as our network card.
  #isContainer(): boolean {
    for (const link of this.#mirror.links.values()) {
      if (link.hardwareType === ARPHRD_ETHER && link.kind === undefined) return false;
    }
    return true;
  }
}
