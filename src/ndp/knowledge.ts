/**
 * What is known of a link from its routers' advertisements (RFC 4861, 6.3.4), each piece until its
 * lifetime ends. Pure. Invariant: of every kind at most 16 entries are kept, the ones known first,
 * so that a flood of invented routers neither fills memory nor drives out the real ones.
 */

import { IpAddress, type IpPrefix } from '../shared/ipaddress.ts';
import type { Preference, RouterAdvertisement } from './router-advertisement.ts';

/** What the routers of a link say together. Times are in `clock.now()` milliseconds, `Infinity` for no end. */
export interface RouterInformation {
  /** Default routers, best first. */
  readonly routers: readonly DefaultRouter[];
  /** A router says that addresses come by DHCPv6 (flag M). */
  readonly isManaged: boolean;
  /** A router says that other configuration comes by DHCPv6 (flag O). */
  readonly isOtherConfig: boolean;
  readonly prefixes: readonly PrefixInformation[];
  /** RFC 4191, without ::/0, which counts for the router itself. */
  readonly routes: readonly RouteInformation[];
  /** A link-local server is on this link. */
  readonly nameservers: readonly { readonly address: IpAddress; readonly untilMs: number }[];
  readonly searchDomains: readonly { readonly name: string; readonly untilMs: number }[];
  /** The least that a router gave; at least 1280. */
  readonly mtu: number | undefined;
  /** RFC 8910; absent when the network says it has no portal. */
  readonly captivePortal: string | undefined;
  readonly hopLimit: number | undefined;
}

/** A router to send everything to that goes elsewhere. */
export interface DefaultRouter {
  readonly address: IpAddress;
  readonly preference: Preference;
  readonly untilMs: number;
}

/** A prefix of the link. */
export interface PrefixInformation {
  readonly prefix: IpPrefix;
  readonly isOnLink: boolean;
  readonly isAutonomous: boolean;
  readonly validUntilMs: number;
  readonly preferredUntilMs: number;
}

/** A route that a router offers beside the default one. */
export interface RouteInformation {
  readonly destination: IpPrefix;
  readonly gateway: IpAddress;
  readonly preference: Preference;
  readonly untilMs: number;
}

/** Everything learned, in the order it came first. Values are immutable; `learn` and `expire` make new maps. */
export interface Knowledge {
  /** By router address. */
  readonly sources: ReadonlyMap<string, Source>;
  readonly prefixes: ReadonlyMap<string, PrefixInformation & Lasting>;
  readonly routes: ReadonlyMap<string, RouteInformation & Lasting>;
  readonly nameservers: ReadonlyMap<string, { address: IpAddress } & Lasting>;
  readonly searchDomains: ReadonlyMap<string, { name: string } & Lasting>;
}

interface Lasting {
  readonly untilMs: number;
  readonly learnedMs: number;
}

interface Source extends Lasting {
  readonly address: IpAddress;
  /** As a default router; 0 for one that is none or no more. */
  readonly routerUntilMs: number;
  readonly advertisement: RouterAdvertisement;
}

/** Nothing. */
export const NOTHING: Knowledge = {
  sources: new Map(), prefixes: new Map(), routes: new Map(), nameservers: new Map(), searchDomains: new Map(),
};

/** Adds what `router` says at `now`; lifetimes of 0 take away. `known` itself when there is no room for any of it. */
export function learn(known: Knowledge, router: IpAddress, heard: RouterAdvertisement, now: number): Knowledge {
  const learnedMs = now;
  const until = (seconds: number): number => now + 1000 * seconds;
  const { prefixes, routes, nameservers, searchDomains } = known;
  const learned = expire({
    sources: added(known.sources, [[String(router), {
      address: router, advertisement: heard, learnedMs,
      routerUntilMs: until(heard.lifetimeSec),
      untilMs: until(Math.max(heard.lifetimeSec, LEAST_SOURCE_SEC)),
    }]]),
    prefixes: added(prefixes, heard.prefixes.map(({ prefix, isOnLink, isAutonomous, validSec, preferredSec }) => {
      const [validUntilMs, preferredUntilMs] = [until(validSec), until(preferredSec)];
      return [formatPrefix(prefix), {
        prefix, isOnLink, isAutonomous, validUntilMs, preferredUntilMs, untilMs: validUntilMs, learnedMs,
      }];
    })),
    routes: added(routes, heard.routes.map(({ destination, preference, lifetimeSec }) => {
      const route = { destination, gateway: router, preference, untilMs: until(lifetimeSec), learnedMs };
      return [`${formatPrefix(destination)} ${router}`, route];
    })),
    nameservers: added(nameservers, heard.nameservers.map(({ address, lifetimeSec }) => (
      [String(address), { address, untilMs: until(lifetimeSec), learnedMs }]
    ))),
    searchDomains: added(searchDomains, heard.searchDomains.map(({ name, lifetimeSec }) => (
      [name.toLowerCase(), { name, untilMs: until(lifetimeSec), learnedMs }]
    ))),
  }, now);
  return KINDS.every((kind) => learned[kind] === known[kind]) ? known : learned;
}

/** Drops what has ended at `now`. */
export function expire(known: Knowledge, now: number): Knowledge {
  const sources = lasting(known.sources, now);
  const retired = [...sources].filter(([, { routerUntilMs }]) => routerUntilMs > 0 && routerUntilMs <= now);
  return {
    sources: added(sources, retired.map(([key, source]) => [key, { ...source, routerUntilMs: 0 }])),
    prefixes: lasting(known.prefixes, now),
    routes: lasting(known.routes, now),
    nameservers: lasting(known.nameservers, now),
    searchDomains: lasting(known.searchDomains, now),
  };
}

/** When the next piece ends; `Infinity` when none does. */
export function nextEndAt(known: Knowledge): number {
  return Math.min(...everything(known), ...routerEnds(known).map(({ untilMs }) => untilMs));
}

/**
 * When after `now` to ask the routers again, lest something ends that still holds: at four fifths of
 * the lifetime of a router, name server or search domain. `Infinity` when nothing is left to ask for.
 */
export function refreshAt(known: Knowledge, now: number): number {
  const asked = [...routerEnds(known), ...known.nameservers.values(), ...known.searchDomains.values()];
  const times = asked.map(({ learnedMs, untilMs }) => learnedMs + 0.8 * (untilMs - learnedMs));
  return Math.min(...times.filter((at) => at > now));
}

/** What is known, in the terms of its users; undefined when nobody has said anything. */
export function informationOf(known: Knowledge): RouterInformation | undefined {
  const sources = [...known.sources.values()];
  if (sources.length === 0) return undefined;
  const heard = sources.map(({ advertisement }) => advertisement);
  const mtus = heard.flatMap(({ mtu }) => mtu ?? []);
  return {
    routers: sources
      .filter(({ routerUntilMs }) => routerUntilMs > 0)
      .map(({ address, routerUntilMs, advertisement: { preference } }) => ({
        address, untilMs: routerUntilMs, preference,
      }))
      .sort((one, other) => RANK[one.preference] - RANK[other.preference]),
    isManaged: heard.some(({ isManaged }) => isManaged),
    isOtherConfig: heard.some(({ isOtherConfig }) => isOtherConfig),
    prefixes: [...known.prefixes.values()],
    routes: [...known.routes.values()],
    nameservers: [...known.nameservers.values()],
    searchDomains: [...known.searchDomains.values()],
    mtu: mtus.length === 0 ? undefined : Math.min(...mtus),
    captivePortal: heard.find(({ captivePortal }) => captivePortal !== undefined)?.captivePortal,
    hopLimit: heard.find(({ hopLimit }) => hopLimit !== undefined)?.hopLimit,
  };
}

/** Whether two pieces of information differ in their times alone. */
export function isSameInformation(one: RouterInformation, other: RouterInformation): boolean {
  return isSameButTimes(one, other);
}

const KINDS = ['sources', 'prefixes', 'routes', 'nameservers', 'searchDomains'] as const;
const MOST_ENTRIES = 16;
/** Flags and the like of a source that is no default router hold for three of the longest intervals (6.2.1). */
const LEAST_SOURCE_SEC = 3 * 1800;
const RANK = { high: 0, medium: 1, low: 2 } as const;

/** The map itself where nothing is to be changed: floods are to cost little. */
function added<T extends Lasting>(
  map: ReadonlyMap<string, T>,
  entries: readonly [string, T][],
): ReadonlyMap<string, T> {
  let result: Map<string, T> | undefined;
  for (const [key, value] of entries) {
    const known = result ?? map;
    if (!known.has(key) && known.size >= MOST_ENTRIES) continue;
    result ??= new Map(map);
    result.set(key, value);
  }
  return result ?? map;
}

function lasting<T extends Lasting>(map: ReadonlyMap<string, T>, now: number): ReadonlyMap<string, T> {
  for (const { untilMs } of map.values()) {
    if (untilMs <= now) return new Map([...map].filter(([, each]) => each.untilMs > now));
  }
  return map;
}

function routerEnds({ sources }: Knowledge): Lasting[] {
  return [...sources.values()]
    .filter(({ routerUntilMs }) => routerUntilMs > 0)
    .map(({ routerUntilMs, learnedMs }) => ({ untilMs: routerUntilMs, learnedMs }));
}

function everything(known: Knowledge): number[] {
  return KINDS.flatMap((kind) => [...known[kind].values()].map(({ untilMs }) => untilMs));
}

/** Of values with the same keys; what was not said anew is the same object, and so costs nothing. */
function isSameButTimes(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (!(one instanceof Object) || !(other instanceof Object)) return false;
  if (one instanceof IpAddress) return other instanceof IpAddress && one.equals(other);
  if (Array.isArray(one) && Array.isArray(other) && one.length !== other.length) return false;
  return Object.entries(one).every(([key, value]) => (
    key.endsWith('Ms') || isSameButTimes(value, Reflect.get(other, key))
  ));
}

function formatPrefix({ address, prefixLength }: IpPrefix): string {
  return `${address}/${prefixLength}`;
}
