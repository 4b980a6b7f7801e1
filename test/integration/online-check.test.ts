/**
 * The online check on real sockets: dnsmasq and a web server that does all that portals and broken
 * networks do, behind a link; every reply has its outcome, in bounded time and memory.
 */

import { readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DeadlineClock } from '../../src/shared/clock.ts';
import type { IpAddress } from '../../src/shared/ipaddress.ts';
import { parseIpAddress } from '../../src/shared/ipaddress.ts';
import { setLogSink } from '../../src/shared/log.ts';
import { systemRandom } from '../../src/shared/random.ts';
import { createScope } from '../../src/shared/scope.ts';
import { startOnlineCheck, type CheckOptions, type CheckTarget } from '../../src/online-check/check.ts';
import type { Outcome } from '../../src/online-check/machine.ts';
import { HttpError } from '../../src/web/http-error.ts';
import { httpRequest, type HttpReply, type HttpRequest } from '../../src/web/http-request.ts';
import { spawnTypeScript } from '../helpers/run-status-server.ts';
import { testSystem } from '../helpers/system.ts';
import { enterNamespaces } from '../helpers/unshare.ts';
import { plugVeth } from './veth.ts';

const PEM = resolve('test/integration/online-check-tls.pem');
// Read by Node when the test starts itself again.
process.env['NODE_EXTRA_CA_CERTS'] = PEM;
enterNamespaces('--net');

const SERVER = '10.9.0.2';

const scope = createScope();
const system = testSystem();
const clock = new DeadlineClock(system.bootTimeSource(scope));
const env = { system, clock, random: systemRandom };
const ends = { near: ['10.9.0.1/24', 'fd00:9::1/64'], far: [`${SERVER}/24`, 'fd00:9::2/64'] };
const far = await plugVeth('plug', ends);
const dnsmasq = far.spawn([
  'dnsmasq', '--no-daemon', '--conf-file=/dev/null', '--no-resolv', '--no-hosts',
  '--interface=far0', '--bind-interfaces',
  `--host-record=status.example,${SERVER}`, '--host-record=only6.example,fd00:9::2', '--local=/example/',
]);
await dnsmasq.waitForLine((line) => /: started, /.test(line));
const web = await spawnTypeScript(far, 'test/integration/online-check-server.ts', [PEM, SERVER]);
await web.waitForLine((line) => line === 'listening');
const requests: string[] = [];
web.observe((line) => line.startsWith('"') && requests.push(JSON.parse(line)));

const lines: string[] = [];
setLogSink((level, line) => void lines.push(`${level} ${line}`));

const OPTIONS: CheckOptions = {
  url: `http://${SERVER}/online/status.html`,
  mode: 'one-shot',
  connectTimeoutMs: 0,
  initialInterval: 1,
  maxInterval: 12,
  intervalStyle: 'geometric',
  failuresThreshold: 6,
  successesThreshold: 6,
  version: '1.43',
};

function ip(text: string): IpAddress {
  const address = parseIpAddress(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return address;
}

function targetWith(more: Partial<CheckTarget> = {}): CheckTarget {
  return { device: 'plug', type: 'ethernet', family: 4, nameservers: () => [ip(SERVER)], ...more };
}

/** The outcome of the first check of `url`, as text. */
async function outcomeOf(url: string, more: Partial<CheckOptions> = {}, target = targetWith()): Promise<string> {
  const own = scope.child();
  const options = { ...OPTIONS, url: url.startsWith('/') ? `http://${SERVER}${url}` : url, ...more };
  const check = startOnlineCheck(target, options, env, own);
  const outcome = await new Promise<Outcome>((settle) => check.result.observe(own, settle));
  await own.close();
  switch (outcome.kind) {
    case 'online': return 'online';
    case 'portal': return `portal ${outcome.url}`;
    case 'failed': return outcome.reason;
  }
}

test('the request is ConnMan’s, byte for byte', async () => {
  requests.length = 0;
  assert.is(await outcomeOf('http://status.example/online/status.html?a=b'), 'online');
  await eventually(() => requests.length > 0);
  assert.equal(requests, [
    'GET /online/status.html?a=b HTTP/1.1\r\nHost: status.example\r\n'
      + 'User-Agent: ConnMan/1.43 wispr\r\nConnection: close\r\n\r\n',
  ]);
});

test('replies that mean online', async () => {
  for (const path of ['/online/status.html', '/moved', '/bytewise', '/informed']) {
    assert.is(await outcomeOf(path), 'online', path);
  }
  assert.is(await outcomeOf('https://status.example/online/status.html'), 'online');
});

test('replies that mean a portal, and where to log in', async () => {
  assert.is(await outcomeOf('/portal'), `portal http://${SERVER}/portal`);
  assert.is(await outcomeOf('/endless-body'), `portal http://${SERVER}/endless-body`);
  assert.is(await outcomeOf('/login'), 'portal http://portal.test/login?from=1');
  assert.is(await outcomeOf('/to-portal'), `portal http://${SERVER}/portal`);
  assert.is(await outcomeOf('/to-nowhere'), `portal http://${SERVER}:81/portal`);
  assert.is(await outcomeOf('/to-file'), `portal http://${SERVER}/to-file`);
  assert.is(await outcomeOf('/no-location'), `portal http://${SERVER}/no-location`);
  assert.is(await outcomeOf('/loop'), `portal http://${SERVER}/loop`);
  for (const status of [505, 511]) {
    assert.is(await outcomeOf(`/status/${status}`), `portal http://${SERVER}/status/${status}`);
  }
});

test('every other status is a failure that will be retried', async () => {
  for (const status of [204, 299, 400, 403, 404, 408, 418, 500, 503, 599, 999]) {
    assert.is(await outcomeOf(`/status/${status}`), 'status', String(status));
  }
});

test('what is no reply has a name', async () => {
  const expected = {
    '/garbage': 'malformed',
    '/nul': 'malformed',
    '/bare-lf': 'malformed',
    '/upgraded': 'malformed',
    '/endless-header': 'tooLarge',
    '/closed': 'reset',
    '/half': 'reset',
    '/reset': 'reset',
  };
  for (const [path, failure] of Object.entries(expected)) assert.is(await outcomeOf(path), failure, path);
});

test('what is no connection has a name', async () => {
  assert.is(await outcomeOf(`http://${SERVER}:81/`), 'refused');
  assert.is(await outcomeOf('http://10.9.0.77/', { connectTimeoutMs: 150 }), 'connectTimeout');
  assert.is(await outcomeOf('http://[2001:db8::1]/', {}, targetWith({ family: 6 })), 'unreachable');
  assert.is(await outcomeOf(`http://${SERVER}/`, {}, targetWith({ device: 'nothing' })), 'unreachable');
  assert.is(await outcomeOf(`https://${SERVER}:8443/`), 'tls');
  // The certificate names status.example.
  assert.is(await outcomeOf(`https://${SERVER}/`), 'tls');
  assert.is(await outcomeOf('nonsense'), 'url');
  assert.is(await outcomeOf('ftp://status.example/'), 'url');
});

test('names are asked of the link’s servers, for the family that is checked', async () => {
  assert.is(await outcomeOf('http://nothing.example/'), 'dns');
  assert.is(await outcomeOf('http://only6.example/'), 'dns');
  assert.is(await outcomeOf('http://only6.example/', {}, targetWith({ family: 6 })), 'refused');
  assert.is(await outcomeOf('http://status.example/', {}, targetWith({ nameservers: () => [] })), 'dns');
  assert.is(await outcomeOf('http://[fd00:9::2]/'), 'dns');
});

test('the route is made before the connection and taken away after it', async () => {
  const events: string[] = [];
  const target = targetWith({
    prepareRoute: (address) => {
      events.push(`add ${address}`);
      return Promise.resolve(() => void events.push(`remove ${address}`));
    },
  });
  assert.is(await outcomeOf('/moved', {}, target), 'online');
  assert.equal(events, [`add ${SERVER}`, `remove ${SERVER}`]);
  const failing = targetWith({ prepareRoute: () => Promise.reject(new Error('no gateway')) });
  assert.is(await outcomeOf('/moved', {}, failing), 'route');
});

test('a failure is retried after a second; the log tells each change once', async () => {
  lines.length = 0;
  const own = scope.child();
  let url = '/status/500';
  const options = { ...OPTIONS, get url() { return `http://${SERVER}${url}`; } };
  const check = startOnlineCheck(targetWith(), options, env, own);
  const seen: string[] = [];
  const startedMs = clock.now();
  await new Promise<void>((settle) => check.result.observe(own, ({ kind }) => {
    seen.push(`${kind} ${check.standing} ${check.last?.nextAtMs === undefined ? 'done' : 'again'}`);
    url = '/online/status.html';
    if (kind === 'online') settle();
  }));
  const tookMs = clock.now() - startedMs;
  assert.equal(seen, ['failed unknown again', 'online online done']);
  assert.ok(tookMs >= 1000 && tookMs < 5000, `took ${tookMs}`);
  assert.equal(lines, [
    `warn Interface plug [ ethernet ] IPv4 online check to http://${SERVER}/status/500 failed: `
      + '-22: Invalid argument (HTTP status 500)',
    'info Client-IP: 10.9.0.1',
    `info Interface plug [ ethernet ] IPv4 online check to http://${SERVER}/online/status.html succeeded`,
  ]);
  assert.is(check.last?.outcome.kind, 'online');
  await own.close();
});

test('a restart drops what is under way, and the end of the scope all', async () => {
  const own = scope.child();
  let url = '/silent';
  const undone: string[] = [];
  const options = { ...OPTIONS, get url() { return `http://${SERVER}${url}`; } };
  const target = targetWith({ prepareRoute: () => Promise.resolve(() => void undone.push(url)) });
  requests.length = 0;
  const check = startOnlineCheck(target, options, env, own);
  await eventually(() => requests.length === 1);
  url = '/online/status.html';
  check.restart();
  const outcome = await new Promise<Outcome>((settle) => check.result.observe(own, settle));
  assert.is(outcome.kind, 'online');
  assert.is(undone.length, 2);
  url = '/silent';
  check.restart();
  await eventually(() => requests.length === 3);
  await own.close();
  await eventually(() => undone.length === 3);
  assert.equal(clock.pending(), []);
});

async function request(path: string, more: Partial<HttpRequest> = {}): Promise<HttpReply | string> {
  const asked = { url: `http://${SERVER}${path}`, family: 4 as const, device: 'plug', userAgent: 'test', ...more };
  try {
    return await httpRequest({ resolve: () => Promise.reject(new Error('not asked')), ...asked }, env, scope.signal);
  } catch (error) {
    if (error instanceof HttpError) return error.failure;
    throw error;
  }
}

test('a body is read up to its limit', async () => {
  const reply = await request('/online/status.html', { limits: { bodyBytes: 3 } });
  assert.ok(typeof reply !== 'string');
  assert.is(Buffer.from(reply.body).toString(), 'ok\n');
  assert.is(reply.status, 200);
  assert.is(reply.headers['x-connman-client-ip'], '10.9.0.1');
  assert.is(await request('/online/status.html', { limits: { bodyBytes: 2 } }), 'tooLarge');
  assert.is(await request('/endless-body', { limits: { bodyBytes: 100_000 } }), 'tooLarge');
});

test('a server that stays silent is left after the time for a reply', async () => {
  assert.is(await request('/silent', { limits: { replyMs: 100 } }), 'timeout');
});

test('the next address is tried when one fails', async () => {
  const resolveTo = (...texts: string[]) => (): Promise<IpAddress[]> => Promise.resolve(texts.map(ip));
  const named = { url: 'http://status.example/online/status.html' };
  const second = await request('', { ...named, resolve: resolveTo('10.9.0.1', SERVER) });
  assert.ok(typeof second !== 'string');
  assert.is(second.address.toString(), SERVER);
  const slow = { ...named, resolve: resolveTo('10.9.0.77', SERVER), connectTimeoutMs: 100 };
  assert.type(await request('', slow), 'object');
});

test('an abort ends a request with its reason', async () => {
  const controller = new AbortController();
  const reason = new Error('enough');
  requests.length = 0;
  const asked = httpRequest({
    url: `http://${SERVER}/silent`, family: 4, device: 'plug', userAgent: 'test', resolve: () => Promise.resolve([]),
  }, env, controller.signal).catch((error: unknown) => error);
  await eventually(() => requests.length === 1);
  controller.abort(reason);
  assert.is(await asked, reason);
});

test('a hundred checks leave no descriptor behind', async () => {
  const before = openDescriptors();
  for (let round = 0; round < 20; round++) {
    for (const path of ['/moved', '/portal', '/reset', '/half', '/endless-header']) await outcomeOf(path);
  }
  await eventually(() => openDescriptors() <= before);
});

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

/** Looks again each time something arrived. */
async function eventually(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((settle) => setImmediate(settle));
}

test.after(async () => {
  assert.equal(clock.pending(), []);
  await scope.close();
  await far.close();
});

test.run();
