/**
 * The confined program that logs in at a captive portal by WISPr. Task: `{statusUrl, userAgent,
 * sockets}`, the latter open as 3 and on. Questions: `{addresses: host}`, `{proxy: url}`, `{login:
 * message}`; result: `{kind: 'open' | 'browser' | 'failed', url?, reason?}`.
 */

import { createSecureContext } from 'node:tls';
import { DeadlineClock, nodeTimeSource, type Clock } from '../../shared/clock.ts';
import { createScope } from '../../shared/scope.ts';
import { serve, type Ask, type Json } from '../serve.ts';
import { HttpClient, type Daemon } from './http-client.ts';
import { begin, loginForm, step, type Action, type Credentials, type Reply, type Result } from './login-machine.ts';

const MIB = 1024 * 1024;
const FIRST_SOCKET = 3;

// Certificates are read from files at first use, and later none can be opened.
createSecureContext();
serve({ moreBytes: 48 * MIB, cpuSec: 10 }, async (task, ask) => {
  const member = (key: string): unknown => memberOf(task, key);
  const sockets = Array.from({ length: Number(member('sockets')) }, (_, index) => FIRST_SOCKET + index);
  const clock = new DeadlineClock(nodeTimeSource());
  const client = new HttpClient(sockets, daemonBehind(ask), clock, String(member('userAgent')));
  const result = await logIn(String(member('statusUrl')), { client, clock, ask });
  return toJson(result);
});

interface Means {
  readonly client: HttpClient;
  readonly clock: Clock;
  readonly ask: Ask;
}

async function logIn(statusUrl: string, means: Means): Promise<Result> {
  const { client } = means;
  let state = begin();
  let reply = await client.ask({ url: statusUrl });
  for (;;) {
    const next = step(state, reply);
    ({ state } = next);
    if (next.action.kind === 'end') return next.action.result;
    const done = await perform(next.action, statusUrl, means, reply);
    if ('kind' in done) return done;
    reply = done;
  }
}

async function perform(
  action: Exclude<Action, { kind: 'end' }>, statusUrl: string, { client, clock, ask }: Means, before: Reply,
): Promise<Reply | Result> {
  switch (action.kind) {
    case 'get':
      await wait(action.afterSec, clock);
      return await client.ask({ url: action.url });
    case 'login': {
      const answer = ask({ login: action.message ?? '' });
      const kind = memberOf(answer, 'kind');
      if (kind === 'browser') return { kind: 'browser', url: before.url };
      const credentials = credentialsOf(answer);
      if (credentials === undefined) return { kind: 'failed', reason: 'nobody gave user name and password' };
      return await client.ask({ url: action.url, form: loginForm(credentials, statusUrl) });
    }
  }
}

async function wait(seconds: number, clock: Clock): Promise<void> {
  if (seconds === 0) return;
  const scope = createScope();
  await new Promise<void>((resolve) => clock.after('delay', seconds * 1000, scope, resolve));
  await scope.close();
}

function daemonBehind(ask: Ask): Daemon {
  return {
    addressesOf: (host) => {
      const addresses = memberOf(ask({ addresses: host }), 'addresses');
      return Array.isArray(addresses) ? addresses.map(String) : [];
    },
    proxyFor: (url) => {
      const answer = ask({ proxy: url });
      const [host, port] = [memberOf(answer, 'host'), memberOf(answer, 'port')];
      return typeof host === 'string' && typeof port === 'number' ? { host, port } : undefined;
    },
  };
}

function credentialsOf(answer: unknown): Credentials | undefined {
  const [username, password] = [memberOf(answer, 'username'), memberOf(answer, 'password')];
  return typeof username === 'string' && typeof password === 'string' ? { username, password } : undefined;
}

function toJson(result: Result): Json {
  switch (result.kind) {
    case 'open':
      return { kind: 'open' };
    case 'browser':
      return { kind: 'browser', url: result.url };
    case 'failed':
      return { kind: 'failed', reason: result.reason };
  }
}

function memberOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Object.getOwnPropertyDescriptor(value, key)?.value : undefined;
}
