/**
 * Which proxy the daemon's own requests go through. PAC files are never run here: a driver (pacrunner)
 * is asked, or else a confined child. Answers are kept for a while, since starting a child costs
 * a tenth of a second.
 */

import type { Clock } from './shared/clock.ts';
import { messageOf } from './shared/errors.ts';
import type { IpAddress } from './shared/ipaddress.ts';
import { logger } from './shared/log.ts';
import type { Scope } from './shared/scope.ts';
import type { HttpProxy } from './web/http-request.ts';
import type { LinkWeb } from './web/link-web.ts';
import { fetchPac, runPac } from './proxy/pac.ts';
import { firstProxy, manualProxy, type ProxySettings } from './proxy/settings.ts';

const log = logger('src/proxy.ts');

/** The link a request goes through. */
export interface ProxyLink {
  /** Of the service. */
  readonly identifier: string;
  readonly web: LinkWeb;
  /** Of this host on the link. */
  addresses(): readonly IpAddress[];
}

/** Somebody who runs PAC files for us. */
export interface ProxyDriver {
  readonly name: string;
  /** What FindProxyForURL returns, or undefined where it cannot be asked now. */
  find(url: string, host: string, identifier: string, signal: AbortSignal): Promise<string | undefined>;
}

interface Answer {
  readonly text: string;
  readonly untilMs: number;
}

const KEPT_MS = 5 * 60_000;
/** A PAC file that cannot be had is asked for again no sooner. */
const FAILURE_KEPT_MS = 60_000;
const MOST_KEPT = 32;

/** All drivers, and the answers so far. */
export class Proxies {
  readonly #clock: Clock;
  readonly #drivers = new Set<ProxyDriver>();
  readonly #answers = new Map<string, Answer>();

  constructor(env: { readonly clock: Clock }) {
    this.#clock = env.clock;
  }

  /** Asks `driver` before all else until `scope` closes. */
  register(driver: ProxyDriver, scope: Scope): void {
    this.#drivers.add(driver);
    this.forget();
    scope.defer(() => {
      this.#drivers.delete(driver);
      this.forget();
    });
  }

  /** Answers so far no longer count. */
  forget(): void {
    this.#answers.clear();
  }

  /** The proxy for `url`, undefined is direct: also where a PAC file cannot be had. Throws the signal's reason. */
  async find(
    settings: ProxySettings, url: string, link: ProxyLink, signal: AbortSignal,
  ): Promise<HttpProxy | undefined> {
    if (settings.method === 'direct' || !URL.canParse(url)) return undefined;
    if (settings.method === 'manual') return manualProxy(settings, new URL(url));
    try {
      const answer = await this.#ask(settings.url, new URL(url), link, signal);
      const proxy = firstProxy(answer);
      log.debug('%s: %s for %s', link.identifier, answer, url);
      if (proxy === undefined) log.warn('%s: no proxy of a kind we speak in "%s"', settings.url, answer);
      return proxy === 'direct' ? undefined : proxy;
    } catch (error) {
      signal.throwIfAborted();
      log.warn('%s: %s', settings.url, messageOf(error));
      this.#keep(keyOf(settings.url, new URL(url).href, link), 'DIRECT', FAILURE_KEPT_MS);
      return undefined;
    }
  }

  async #ask(pacUrl: string, url: URL, link: ProxyLink, signal: AbortSignal): Promise<string> {
    for (const driver of this.#drivers) {
      const answer = await driver.find(url.href, url.hostname, link.identifier, signal);
      if (answer !== undefined) return answer;
    }
    const key = keyOf(pacUrl, url.href, link);
    const kept = this.#answers.get(key);
    if (kept !== undefined && kept.untilMs > this.#clock.now()) return kept.text;
    const script = await fetchPac(pacUrl, link, signal);
    const text = await runPac(script, url, link, { clock: this.#clock, signal });
    this.#keep(key, text, KEPT_MS);
    return text;
  }

  #keep(key: string, text: string, forMs: number): void {
    if (this.#answers.size >= MOST_KEPT) this.#answers.clear();
    this.#answers.set(key, { text, untilMs: this.#clock.now() + forMs });
  }
}

function keyOf(pacUrl: string, url: string, { identifier }: ProxyLink): string {
  return [identifier, pacUrl, url].join(' ');
}
