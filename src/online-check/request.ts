/**
 * One online check: asks the status page as ConnMan does and judges the reply. Redirects are
 * followed a few steps, since a vendor's page may have moved; where they end without the status
 * header stands a portal (RFC 6585, 6: so does status 511).
 */

import type { Clock } from '../shared/clock.ts';
import type { IpAddress } from '../shared/ipaddress.ts';
import { logger } from '../shared/log.ts';
import type { Random } from '../shared/random.ts';
import type { Scope } from '../shared/scope.ts';
import type { System } from '../system/system.ts';
import { resolveName } from '../dns/stub-resolver.ts';
import { HttpError } from '../web/http-error.ts';
import { httpRequest, type HttpReply, type HttpRequest } from '../web/http-request.ts';
import { CAPTIVE_REQUEST, isPortalApi, parseCaptiveState, type CaptiveState } from './captive-portal.ts';
import type { CheckTarget } from './check.ts';
import type { Outcome } from './machine.ts';

const log = logger('src/online-check/request.ts');

/** What a check takes from outside. */
export interface CheckEnv {
  readonly system: System;
  readonly clock: Clock;
  readonly random: Random;
}

/** What to ask for. */
export interface RequestOptions {
  readonly url: string;
  /** 0: as long as the kernel tries. */
  readonly connectTimeoutMs: number;
  /** Of the program, for the User-Agent. */
  readonly version: string;
}

const MAX_REDIRECTS = 5;
/** A page that accepts and stays silent is asked again soon; whoever has a page answers within this time. */
const REPLY_MS = 5000;
const REDIRECTS: readonly number[] = [300, 301, 302, 303, 307, 308];
/** Statuses that are an answer of the network rather than of the status server. */
const PORTAL_STATUSES: readonly number[] = [505, 511];

/** How one check went. */
export interface CheckResult {
  readonly outcome: Outcome;
  /** Of the last reply; undefined where none came. */
  readonly status: number | undefined;
  /** The last that was connected to, or tried. */
  readonly address?: IpAddress | undefined;
}

/** Checks once; routes made for it go with `scope`. Throws only when `scope` closes before the end. */
export async function checkOnce(
  target: CheckTarget, options: RequestOptions, env: CheckEnv, scope: Scope,
): Promise<CheckResult> {
  const { signal } = scope;
  const routed = new Set<string>();
  let tried: IpAddress | undefined;
  const beforeConnect = async (address: IpAddress): Promise<void> => {
    tried = address;
    if (target.prepareRoute === undefined || routed.has(address.toString())) return;
    scope.defer(await target.prepareRoute(address, signal));
    routed.add(address.toString());
  };
  const resolve = (host: string): Promise<readonly IpAddress[]> => resolveName(host, {
    servers: target.nameservers(), device: target.device, families: [target.family],
  }, env, signal);
  const request = {
    family: target.family,
    device: target.device,
    userAgent: `ConnMan/${options.version} wispr`,
    connectTimeoutMs: options.connectTimeoutMs,
    resolve,
    beforeConnect,
    limits: { replyMs: REPLY_MS },
  };
  const ask = async (url: string): Promise<HttpReply> => {
    const proxy = await target.proxyFor?.(url, signal);
    return await httpRequest({ ...request, url, ...(proxy !== undefined && { proxy }) }, env, signal);
  };
  const said = await askNetwork(target, { ...request, ...CAPTIVE_REQUEST }, env, signal);
  if (said?.isCaptive === true) {
    return { outcome: { kind: 'portal', url: said.portalUrl ?? options.url, isTold: true }, status: 200 };
  }
  const found = { ...await follow(options.url, ask), address: tried };
  const { remainingMs } = said ?? {};
  if (found.outcome.kind !== 'online' || remainingMs === undefined) return found;
  return { ...found, outcome: { kind: 'online', forMs: remainingMs } };
}

/** What the network itself says, where it can be asked; its silence means nothing. */
async function askNetwork(
  target: CheckTarget, request: Omit<HttpRequest, 'url'>, env: CheckEnv, signal: AbortSignal,
): Promise<CaptiveState | undefined> {
  const url = target.captivePortal?.();
  if (!isPortalApi(url)) return undefined;
  try {
    const reply = await httpRequest({ ...request, url }, env, signal);
    const state = parseCaptiveState(reply);
    log.debug('%s answers %d: captive %s', url, reply.status, state?.isCaptive);
    return state;
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    log.debug('%s: %s', url, error.message);
    return undefined;
  }
}

async function follow(statusUrl: string, ask: (url: string) => Promise<HttpReply>): Promise<CheckResult> {
  let url = statusUrl;
  let status: number | undefined;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    let reply: HttpReply;
    try {
      reply = await ask(url);
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      // Whoever redirects us to where we cannot go stands in the way.
      if (redirects > 0) return { outcome: { kind: 'portal', url }, status };
      return { outcome: { kind: 'failed', reason: error.failure, detail: error.message }, status };
    }
    status = reply.status;
    log.debug('%s answers %d through %s', url, reply.status, reply.address);
    const next = REDIRECTS.includes(reply.status) ? locationOf(reply, url) : undefined;
    if (next === undefined) return { outcome: judge(reply, url, redirects > 0), status };
    url = next;
  }
  return { outcome: { kind: 'portal', url }, status };
}

function judge(reply: HttpReply, url: string, wasRedirected: boolean): Outcome {
  const { status } = reply;
  if (status === 200 && reply.headers['x-connman-status'] !== undefined) {
    logClient(reply);
    return { kind: 'online' };
  }
  const isPortal = wasRedirected || status === 200 || REDIRECTS.includes(status) || PORTAL_STATUSES.includes(status);
  return isPortal ? { kind: 'portal', url } : { kind: 'failed', reason: 'status', detail: `HTTP status ${status}` };
}

/** Where a redirect leads, if that can be asked for. */
function locationOf(reply: HttpReply, base: string): string | undefined {
  const { location } = reply.headers;
  if (typeof location !== 'string' || !URL.canParse(location, base)) return undefined;
  const next = new URL(location, base);
  return next.protocol === 'http:' || next.protocol === 'https:' ? next.href : undefined;
}

function logClient(reply: HttpReply): void {
  for (const [header, name] of [['ip', 'IP'], ['country', 'Country'], ['region', 'Region'], ['timezone', 'Timezone']]) {
    const value = reply.headers[`x-connman-client-${header}`];
    if (typeof value === 'string') log.info('Client-%s: %s', name, value);
  }
}
