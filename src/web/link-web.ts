/**
 * The web through one link, for what the daemon itself needs of it: names by the link's own name
 * servers, pages by sockets bound to the link.
 */

import { resolveName, type ServerToAsk } from '../dns/stub-resolver.ts';
import type { Clock } from '../shared/clock.ts';
import type { IpAddress } from '../shared/ipaddress.ts';
import type { Random } from '../shared/random.ts';
import type { System } from '../system/system.ts';
import { HttpError } from './http-error.ts';
import { httpRequest, type HttpLimits, type HttpReply } from './http-request.ts';

/** The link, as it is now. */
export interface WebLink {
  /** Interface name. */
  readonly device: string;
  /** Families with an address, the one to begin with first. */
  families(): readonly (4 | 6)[];
  nameservers(): readonly ServerToAsk[];
  /** Of requests. */
  readonly userAgent: string;
}

/** What the link's web takes from outside. */
export interface WebEnv {
  readonly system: System;
  readonly clock: Clock;
  readonly random: Random;
}

/** What to ask for beside the URL. */
export interface GetOptions {
  readonly limits?: HttpLimits;
  readonly accept?: string;
}

const MOST_REDIRECTS = 3;

/** The web as seen through one link. */
export class LinkWeb {
  readonly link: WebLink;
  readonly #env: WebEnv;

  constructor(link: WebLink, env: WebEnv) {
    this.link = link;
    this.#env = env;
  }

  /** Addresses of the families in use, at least one. Throws ResolveError, or the signal's reason. */
  async resolve(host: string, signal: AbortSignal, timeoutMs = 3000): Promise<readonly IpAddress[]> {
    const { device } = this.link;
    const query = { servers: this.link.nameservers(), device, families: this.link.families(), timeoutMs };
    return await resolveName(host, query, this.#env, signal);
  }

  /** A page, a few redirects followed (never from https to http). Throws HttpError, or the signal's reason. */
  async get(url: string, options: GetOptions, signal: AbortSignal): Promise<HttpReply> {
    let at = url;
    for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
      const reply = await this.#getOne(at, options, signal);
      const { location } = reply.headers;
      if (reply.status < 300 || reply.status >= 400 || location === undefined) return reply;
      if (!URL.canParse(location, at)) throw new HttpError('malformed', `a redirect to ${location}`);
      const next = new URL(location, at).href;
      if (at.startsWith('https:') && !next.startsWith('https:')) throw new HttpError('tls', `a redirect to ${next}`);
      at = next;
    }
    throw new HttpError('malformed', 'too many redirects');
  }

  async #getOne(url: string, options: GetOptions, signal: AbortSignal): Promise<HttpReply> {
    const { device, userAgent } = this.link;
    const [family = 4] = this.link.families();
    const resolve = (host: string): Promise<readonly IpAddress[]> => this.resolve(host, signal);
    return await httpRequest({ url, family, device, userAgent, resolve, ...options }, this.#env, signal);
  }
}
