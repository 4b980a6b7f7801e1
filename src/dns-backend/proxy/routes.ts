/**
 * Which servers a name goes to: those of the links that have it in a domain or network of theirs,
 * the longest match alone (split DNS); else the default link's, or the fallback servers. A domain's
 * servers are asked on no other's behalf, and nobody else about the domain.
 */

import type { DnsConfiguration, LinkDns, NameServer } from '../backend.ts';
import { parseName } from '../../dns/name.ts';
import { QUESTION_TAIL_BYTES } from '../../dns/query-reader.ts';
import { reverseZone } from '../../dns/reverse-name.ts';
import { DecodeError } from '../../shared/errors.ts';
import type { Routes } from './forwarder.ts';
import type { Question } from './request.ts';
import type { ServerAddress, Upstream } from './upstream.ts';

/** Makes an upstream for a server, or finds the one there is. */
export type FindUpstream = (server: ServerAddress) => Upstream;

/** A table of routes. */
export class RouteTable implements Routes {
  readonly #default: readonly Upstream[];
  /** By domain, in lower-case wire form. */
  readonly #domains: ReadonlyMap<string, readonly Upstream[]>;
  /** How long domains are: most names have no end of such a length. */
  readonly #domainBytes: ReadonlySet<number>;

  constructor(configuration: DnsConfiguration, linkName: (ifindex: number) => string | undefined, find: FindUpstream) {
    const upstreamsOf = (link: LinkDns): Upstream[] => {
      const device = linkName(link.ifindex);
      // A link that is gone has no servers any more; its end is on its way here.
      if (device === undefined) return [];
      return link.nameservers.map((server) => find({ ...placeOf(server), device }));
    };
    this.#domains = domainTable(configuration.links, upstreamsOf);
    this.#domainBytes = new Set([...this.#domains.keys()].map(({ length }) => length));
    this.#default = firstOf([
      () => configuration.links.filter(({ ifindex }) => ifindex === configuration.defaultIfindex).flatMap(upstreamsOf),
      () => configuration.fallbackNameservers.map((server) => find(placeOf(server))),
      () => configuration.links.flatMap(upstreamsOf),
    ]);
  }

  /** All servers, each once. */
  get all(): ReadonlySet<Upstream> {
    return new Set([...this.#default, ...[...this.#domains.values()].flat()]);
  }

  /** Equal for tables by which every name goes the same way. */
  get fingerprint(): string {
    const text = (upstreams: readonly Upstream[]): string => upstreams.map(({ name }) => name).join(' ');
    return [text(this.#default), ...[...this.#domains].map(([domain, list]) => `${domain} ${text(list)}`)].join('\n');
  }

  upstreamsFor(question: Question): readonly Upstream[] {
    return this.#claimants(question) ?? this.#default;
  }

  isClaimed(question: Question): boolean {
    return this.#claimants(question) !== undefined;
  }

  #claimants({ key, lengthBytes }: Question): readonly Upstream[] | undefined {
    if (this.#domains.size === 0) return undefined;
    const nameEnd = lengthBytes - QUESTION_TAIL_BYTES;
    for (let at = 0; at < nameEnd; at += 1 + key.charCodeAt(at)) {
      const found = this.#domainBytes.has(nameEnd - at) ? this.#domains.get(key.slice(at, nameEnd)) : undefined;
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

function placeOf({ address, port, tlsName }: NameServer): ServerAddress {
  return tlsName === undefined ? { address, port: port ?? 53 } : { address, port: port ?? 853, tlsName };
}

function firstOf(choices: readonly (() => readonly Upstream[])[]): readonly Upstream[] {
  for (const choose of choices) {
    const chosen = choose();
    if (chosen.length > 0) return chosen;
  }
  return [];
}

function domainTable(
  links: readonly LinkDns[], upstreamsOf: (link: LinkDns) => readonly Upstream[],
): ReadonlyMap<string, readonly Upstream[]> {
  const table = new Map<string, Set<Upstream>>();
  for (const link of links) {
    const upstreams = upstreamsOf(link);
    if (upstreams.length === 0) continue;
    const reverse = (link.networks ?? []).filter(({ prefixLength }) => prefixLength >= 8).map(reverseZone);
    // To claim the root is a VPN's business, not that of whoever names a search domain.
    const domains = [...link.domains, ...reverse].map(wireOf).filter((wire) => wire !== '\0');
    for (const wire of [...domains, ...(link.routedDomains ?? []).map(wireOf)]) {
      if (wire === undefined) continue;
      const servers = table.get(wire) ?? new Set();
      for (const upstream of upstreams) servers.add(upstream);
      table.set(wire, servers);
    }
  }
  return new Map([...table].map(([wire, servers]) => [wire, [...servers]]));
}

/** The lower-case wire form of a name in text form; undefined for what is none. */
export function wireOf(name: string): string | undefined {
  try {
    const labels = parseName(name.toLowerCase());
    return `${labels.map((label) => String.fromCharCode(label.length, ...label)).join('')}\0`;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return undefined;
  }
}
