/**
 * Asks a PAC file without a helper service: fetches it through the link and has it run in a
 * confined child, whose questions for addresses the link's own name servers answer.
 */

import { runConfined } from '../daemon/confined/confined.ts';
import { textOf } from '../daemon/confined/message.ts';
import type { Clock } from '../shared/clock.ts';
import { HttpError } from '../web/http-error.ts';
import type { ProxyLink } from '../proxy.ts';

const LARGEST_SCRIPT = 512 * 1024;
const LONGEST_MS = 15_000;

/** The text of the PAC file at `url`. Throws HttpError, or the signal's reason. */
export async function fetchPac(url: string, { web }: ProxyLink, signal: AbortSignal): Promise<string> {
  const accept = 'application/x-ns-proxy-autoconfig, */*;q=0.1';
  const { status, body } = await web.get(url, { limits: { bodyBytes: LARGEST_SCRIPT }, accept }, signal);
  if (status !== 200) throw new HttpError('malformed', `status ${status} instead of a PAC file`);
  const text = Buffer.from(body).toString();
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}

/** What the script's FindProxyForURL returns. Throws ConfinedError, or the signal's reason. */
export async function runPac(
  script: string, url: URL, link: ProxyLink, env: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<string> {
  // What is encrypted is none of the script's business, as in browsers.
  const visible = url.protocol === 'https:' ? `${url.origin}/` : `${url.origin}${url.pathname}${url.search}`;
  const found = await runConfined({
    program: 'confined-pac',
    task: {
      script,
      url: visible,
      host: url.hostname,
      addresses: link.addresses().map(String),
      nowMs: env.clock.wallTime().getTime(),
    },
    timeLimitMs: LONGEST_MS,
    answer: async (question, signal) => {
      const host = textOf(question, 'resolve', 255);
      return host === undefined ? undefined : await addressesOf(host, link, signal);
    },
  }, env, env.signal);
  return typeof found === 'string' ? found : '';
}

async function addressesOf(host: string, { web }: ProxyLink, signal: AbortSignal): Promise<string[]> {
  try {
    return (await web.resolve(host, signal)).map(String);
  } catch {
    return [];
  }
}
