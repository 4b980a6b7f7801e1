/**
 * A login at a WISPr gateway as a pure machine (WISPr 1.0, annex D; response codes of its table
 * D-3): replies in, the next request or the result out. Redirects and messages together are bounded,
 * so that every conversation ends.
 */

import { findMessage, type GatewayMessage } from './gateway-message.ts';

/** What was asked for and what came. */
export interface Reply {
  readonly url: string;
  readonly status: number;
  readonly location: string | undefined;
  /** Whether it is the status page, which only who is online sees. */
  readonly isStatusPage: boolean;
  readonly body: string;
}

/** What a user gave. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** Where the conversation stands. */
export type State = {
  readonly name: 'looking' | 'loggingIn' | 'aborting';
  /** Requests so far. */
  readonly requests: number;
  readonly logins: number;
  /** Where a login goes, once known. */
  readonly loginUrl: string | undefined;
  readonly abortUrl: string | undefined;
};

/** What to do next. */
export type Action =
  | { readonly kind: 'get'; readonly url: string; readonly afterSec: number }
  /** Ask a user, then post what he gives to `url`. */
  | { readonly kind: 'login'; readonly url: string; readonly message: string | undefined }
  | { readonly kind: 'end'; readonly result: Result };

/** How it ended. */
export type Result =
  | { readonly kind: 'open' }
  | { readonly kind: 'browser'; readonly url: string }
  | { readonly kind: 'failed'; readonly reason: string };

/** More requests than any login takes. */
const MOST_REQUESTS = 14;
/** How often a user may mistype. */
const MOST_LOGINS = 3;
const LONGEST_DELAY_SEC = 10;

/** Before the first request, which is for the status page. */
export function begin(): State {
  return { name: 'looking', requests: 1, logins: 0, loginUrl: undefined, abortUrl: undefined };
}

/** Takes a reply. */
export function step(state: State, reply: Reply): { state: State; action: Action } {
  if (state.name === 'aborting') return end(state, { kind: 'failed', reason: 'the gateway did not decide in time' });
  const message = findMessage(reply.body, reply.url);
  if (message !== undefined) return onMessage(state, message, reply);
  if (reply.isStatusPage) return end(state, { kind: 'open' });
  const next = reply.status >= 300 && reply.status < 400 ? redirectOf(reply) : undefined;
  if (next !== undefined) return get(state, next, 0, reply);
  if (state.name === 'looking') return end(state, { kind: 'browser', url: reply.url });
  return end(state, { kind: 'failed', reason: `the gateway answers with status ${reply.status} and no message` });
}

function onMessage(state: State, message: GatewayMessage, reply: Reply): { state: State; action: Action } {
  const { type, responseCode, nextUrl, loginUrl, delaySec } = message;
  switch (type) {
    case 100:
      if (responseCode !== 0) return refused(state, message);
      if (loginUrl === undefined) return end(state, { kind: 'browser', url: reply.url });
      return login({ ...state, loginUrl, abortUrl: message.abortLoginUrl }, message);
    case 110:
      // Code 200: the gateway acts as a proxy; look again there.
      if (responseCode !== 200 || nextUrl === undefined) return refused(state, message);
      return get(state, nextUrl, delaySec, reply);
    case 120:
    case 140:
      return onVerdict(state, message, reply);
    case 130:
    case 150:
      // Replies to a logoff and to an abort, of which none was asked for.
      return refused(state, message);
  }
}

function onVerdict(state: State, message: GatewayMessage, reply: Reply): { state: State; action: Action } {
  switch (message.responseCode) {
    case 50:
      return end(state, { kind: 'open' });
    case 100:
      return login(state, message);
    case 201: {
      const pollUrl = message.loginResultsUrl ?? (message.type === 140 ? reply.url : undefined);
      if (pollUrl === undefined) return refused(state, message);
      return get(state, pollUrl, Math.max(1, message.delaySec), reply);
    }
    default:
      return refused(state, message);
  }
}

function login(state: State, message: GatewayMessage): { state: State; action: Action } {
  if (state.loginUrl === undefined || state.logins >= MOST_LOGINS) return refused(state, message);
  const said = message.type === 100 ? undefined : message.replyMessage;
  const next: State = { ...state, name: 'loggingIn', requests: state.requests + 1, logins: state.logins + 1 };
  return { state: next, action: { kind: 'login', url: state.loginUrl, message: said } };
}

function get(state: State, url: string, delaySec: number, reply: Reply): { state: State; action: Action } {
  const afterSec = Math.min(delaySec, LONGEST_DELAY_SEC);
  const requests = state.requests + 1;
  if (requests <= MOST_REQUESTS) return { state: { ...state, requests }, action: { kind: 'get', url, afterSec } };
  if (state.name === 'looking') return end(state, { kind: 'browser', url: reply.url });
  if (state.abortUrl === undefined) return end(state, { kind: 'failed', reason: 'the gateway did not decide in time' });
  return { state: { ...state, name: 'aborting', requests }, action: { kind: 'get', url: state.abortUrl, afterSec: 0 } };
}

function refused(state: State, { type, responseCode, replyMessage }: GatewayMessage): { state: State; action: Action } {
  const said = replyMessage === undefined ? '' : ` (${replyMessage})`;
  const reason = `message ${type}, response ${responseCode}: ${MEANINGS[responseCode] ?? 'unknown'}${said}`;
  return end(state, { kind: 'failed', reason });
}

function end(state: State, result: Result): { state: State; action: Action } {
  return { state, action: { kind: 'end', result } };
}

function redirectOf({ location, url }: Reply): string | undefined {
  if (location === undefined || !URL.canParse(location, url)) return undefined;
  const next = new URL(location, url);
  return next.protocol === 'http:' || next.protocol === 'https:' ? next.href : undefined;
}

/** What is posted to log in; the names are WISPr's, the rest is what ConnMan sends. */
export function loginForm({ username, password }: Credentials, statusUrl: string): string {
  return new URLSearchParams([
    ['button', 'Login'], ['UserName', username], ['Password', password], ['FNAME', '0'],
    ['OriginatingServer', statusUrl],
  ]).toString();
}

const MEANINGS: Readonly<Record<number, string>> = {
  0: 'no error',
  50: 'login succeeded',
  100: 'login refused',
  102: 'the authentication server failed',
  105: 'the network administrator is to be asked',
  150: 'logged off',
  151: 'login aborted',
  200: 'look again',
  201: 'not decided',
  255: 'the gateway failed',
};
