/**
 * Logs in at captive portals that speak WISPr, with user name and password from an agent. All that
 * the portal sends is read by a confined child; what that says is checked here before it counts.
 */

import {
  ConfinedError, memberOf, runConfined, textOf,
  type Core, type LoginResult, type Plugin, type PortalVisit,
} from '../src/api.ts';
import { messageOf } from '../src/shared/errors.ts';
import { logger } from '../src/shared/log.ts';

const log = logger('plugins/wispr.ts');

/** Users may take their time, three times. */
const LONGEST_MS = 15 * 60_000;
/** Connections a login may make. */
const SOCKETS = 20;

/** The plugin. */
export const wispr: Plugin<Core> = {
  name: 'wispr',
  description: 'WISPr login at captive portals',
  priority: 'default',
  start(core, scope) {
    core.portals.register({ login: (visit, signal) => logIn(visit, core, signal) }, scope);
  },
};

async function logIn(visit: PortalVisit, { clock }: Core, signal: AbortSignal): Promise<LoginResult> {
  const { statusUrl, web } = visit;
  const [family = 4] = web.web.link.families();
  const sockets = visit.openSockets(family, SOCKETS);
  const closeSockets = (): void => sockets.splice(0).forEach((fd) => visit.closeSocket(fd));
  try {
    const result = await runConfined({
      program: 'confined-wispr',
      task: { statusUrl, userAgent: `${web.web.link.userAgent} wispr`, sockets: sockets.length },
      descriptors: sockets,
      onStarted: closeSockets, // the child has its own now, and ends connections by closing them
      timeLimitMs: LONGEST_MS,
      answer: (question, limit) => answer(question, visit, family, limit),
    }, { clock }, signal);
    return resultOf(result, statusUrl);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof ConfinedError)) throw error;
    log.warn('%s: %s', visit.identifier, error.message);
    return { kind: 'browser', url: statusUrl };
  } finally {
    closeSockets();
  }
}

async function answer(
  question: unknown, visit: PortalVisit, family: 4 | 6, signal: AbortSignal,
): Promise<object | undefined> {
  const host = textOf(question, 'addresses', 255);
  if (host !== undefined) return { addresses: await addressesOf(host, visit, family, signal) };
  const url = textOf(question, 'proxy');
  if (url !== undefined) return (await visit.web.find(url, signal)) ?? {};
  const message = textOf(question, 'login');
  if (message === undefined) return undefined;
  if (message !== '') log.warn('%s: the portal says: %s', visit.identifier, message);
  return await visit.askLogin(signal);
}

async function addressesOf(
  host: string, { web, identifier }: PortalVisit, family: 4 | 6, signal: AbortSignal,
): Promise<string[]> {
  try {
    return (await web.web.resolve(host, signal)).filter((each) => each.family === family).map(String);
  } catch (error) {
    signal.throwIfAborted();
    log.debug('%s: %s', identifier, messageOf(error));
    return [];
  }
}

function resultOf(value: unknown, statusUrl: string): LoginResult {
  switch (memberOf(value, 'kind')) {
    case 'open':
      return { kind: 'open' };
    case 'failed':
      return { kind: 'given up', reason: textOf(value, 'reason') ?? 'unknown' };
    default:
      return { kind: 'browser', url: webUrl(textOf(value, 'url')) ?? statusUrl };
  }
}

function webUrl(text: string | undefined): string | undefined {
  return text !== undefined && /^https?:/.test(text) && URL.canParse(text) ? text : undefined;
}
