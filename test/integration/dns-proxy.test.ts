/**
 * The DNS proxy on real sockets, in namespaces of its own: unbound as its server over UDP, TCP and
 * TLS, glibc and kdig as its clients, and servers and clients that mean harm. After every attack the
 * next good question is answered in its normal time.
 */

import { execFileSync, spawn } from 'node:child_process';
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { portHolder } from '../../src/daemon/port-holder.ts';
import { Proxy } from '../../src/dns-backend/proxy/proxy.ts';
import { decodeMessage, encodeMessage, makeQuery, type DnsMessage } from '../../src/dns/message.ts';
import { DeadlineClock } from '../../src/shared/clock.ts';
import { parseIpAddress, type IpAddress } from '../../src/shared/ipaddress.ts';
import { resolveName } from '../../src/dns/stub-resolver.ts';
import { systemRandom } from '../../src/shared/random.ts';
import { createScope } from '../../src/shared/scope.ts';
import { output, run } from '../helpers/child.ts';
import { patience } from '../helpers/patience.ts';
import { fetchPeers } from '../helpers/peers.ts';
import { testSystem } from '../helpers/system.ts';
import { enterNamespaces } from '../helpers/unshare.ts';

const peers = await fetchPeers(['dnsperf', 'knot-dnsutils', 'unbound']);
const directory = process.env['CAUSEWAY_TEST_DNS'] ?? makeCertificates();
enterNamespaces('--net', '--mount');

process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
const peerEnv = { ...process.env, LD_LIBRARY_PATH: `${peers}/usr/lib/${multiarch()}` };
const scope = createScope();
const system = testSystem();
const clock = new DeadlineClock(system.bootTimeSource(scope));

/** unbound; a server of the test's own; nobody. */
const UNBOUND = '10.9.0.1';
const HOSTILE = '10.9.0.2';
const SILENT = '10.9.0.3';
/** Below any time limit of the proxy's, with room for a busy machine. */
const NORMAL_MS = patience(4000);

prepareNamespace();
const unboundWords = ['-d', '-c', unboundConfiguration()];
const unbound = spawn(`${peers}/usr/sbin/unbound`, unboundWords, { env: peerEnv, stdio: 'ignore' });
const env = { system, clock, random: systemRandom, linkName: () => 'lo', isRebindingStopped: false };
const proxy = new Proxy(env, scope);
for (const address of ['::1', '127.0.0.1']) await proxy.serve({ address: ip(address), port: 53, device: 'lo' }, scope);
proxy.useServers([{ address: ip(UNBOUND) }]);
await waitForUnbound();

function makeCertificates(): string {
  const made = mkdtempSync(join(tmpdir(), 'causeway-dns-'));
  const subject = ['-subj', '/CN=dns.test', '-addext', 'subjectAltName=DNS:dns.test'];
  const files = ['-keyout', `${made}/key.pem`, '-out', `${made}/cert.pem`];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '3650'];
  execFileSync('openssl', ['req', '-x509', ...kind, ...subject, ...files], { stdio: 'ignore' });
  process.env['CAUSEWAY_TEST_DNS'] = made;
  process.env['NODE_EXTRA_CA_CERTS'] = `${made}/cert.pem`;
  return made;
}

function multiarch(): string {
  return readdirSync(`${peers}/usr/lib`).find((name) => name.includes('-linux-gnu')) ?? '';
}

function prepareNamespace(): void {
  const lines = ['search lan.test', 'nameserver ::1', 'nameserver 127.0.0.1', 'options timeout:1', ''];
  writeFileSync(`${directory}/resolv.conf`, lines.join('\n'));
  writeFileSync(`${directory}/nsswitch.conf`, 'hosts: dns\n');
  const steps = [
    'ip link set lo up',
    // glibc asks for IPv6 only where there is some.
    'ip address add fd00:9::1/128 dev lo nodad',
    ...[UNBOUND, HOSTILE, SILENT].map((address) => `ip address add ${address}/32 dev lo`),
    ...['resolv.conf', 'nsswitch.conf'].map((name) => `mount --bind ${directory}/${name} $(realpath -m /etc/${name})`),
  ];
  execFileSync('sh', ['-e', '-c', steps.join('\n')]);
}

function unboundConfiguration(): string {
  const big = Array.from({ length: 12 }, (_, index) => (
    `local-data: 'big.test 300 TXT "${String.fromCharCode(97 + index).repeat(200)}"'`));
  const names = Array.from({ length: 500 }, (_, index) => (
    `local-data: "n${index}.test 300 A 10.1.${index >> 8}.${index & 255}"`));
  const text = `server:
  interface: ${UNBOUND}@53
  interface: ${UNBOUND}@853
  tls-service-key: "${directory}/key.pem"
  tls-service-pem: "${directory}/cert.pem"
  access-control: 10.0.0.0/8 allow
  access-control: 127.0.0.0/8 allow
  do-daemonize: no
  chroot: ""
  username: ""
  pidfile: ""
  directory: "${directory}"
  use-syslog: no
  logfile: "${directory}/unbound.log"
  module-config: "iterator"
  local-zone: "test." static
  local-data: "test. 300 SOA ns.test. root.test. 1 3600 900 86400 60"
  local-data: "a.test. 300 A 192.0.2.1"
  local-data: "a.test. 300 AAAA 2001:db8::1"
  local-data: "printer.lan.test. 300 A 192.0.2.20"
  local-data: "c.test. 300 CNAME a.test."
  ${[...big, ...names].join('\n  ')}
remote-control:
  control-enable: no
`;
  writeFileSync(`${directory}/unbound.conf`, text);
  return `${directory}/unbound.conf`;
}

async function waitForUnbound(): Promise<void> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const { stdout } = await kdig(`@${UNBOUND}`, 'a.test', '+short', '+time=1', '+retry=0');
    if (stdout.trim() === '192.0.2.1') return;
  }
  throw new Error(`unbound does not start: ${readFileSync(`${directory}/unbound.log`, 'utf8')}`);
}

function kdig(...words: string[]): ReturnType<typeof run> {
  return run([`${peers}/usr/bin/kdig`, ...words], { env: peerEnv });
}

async function short(...words: string[]): Promise<string> {
  return (await kdig('@127.0.0.1', '+short', '+time=3', '+retry=0', ...words)).stdout.trim();
}

function ip(text: string): IpAddress {
  const address = parseIpAddress(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return address;
}

/** One question over UDP, as a program asks it; undefined after `timeoutMs`. */
function ask(name: string, timeoutMs = 3000): Promise<DnsMessage | undefined> {
  const client = createSocket('udp4');
  const id = systemRandom.u32() >>> 16;
  return new Promise((resolve) => {
    const end = (message: DnsMessage | undefined): void => {
      clearTimeout(timer);
      client.close();
      resolve(message);
    };
    const timer = setTimeout(() => end(undefined), timeoutMs);
    client.on('message', (bytes) => end(decodeMessage(bytes)));
    client.send(encodeMessage(makeQuery(id, { name, type: 1, class: 1 })), 53, '127.0.0.1');
  });
}

/** The next good question, and that it takes no longer than it should. */
async function assertHealthy(): Promise<void> {
  proxy.useServers([{ address: ip(UNBOUND) }]);
  const since = performance.now();
  const answer = await ask('n7.test');
  assert.is(answer?.answers.length, 1);
  assert.ok(performance.now() - since < NORMAL_MS, `${performance.now() - since} ms`);
}

test('programs find names through glibc', async () => {
  assert.match(await output(['getent', 'ahostsv4', 'a.test']), /^192\.0\.2\.1 /);
  assert.match(await output(['getent', 'ahostsv6', 'a.test']), /^2001:db8::1 /);
  assert.match(await output(['getent', 'ahostsv4', 'printer']), /^192\.0\.2\.20 /);
  assert.is((await run(['getent', 'ahosts', 'nothing.test'])).status, 2);
});

test('answers over UDP and TCP are the server’s', async () => {
  assert.is(await short('a.test'), '192.0.2.1');
  assert.is(await short('+tcp', 'a.test', 'AAAA'), '2001:db8::1');
  assert.is(await short('+tcp', 'c.test', 'CNAME'), 'a.test.');
  assert.match((await kdig('@::1', 'nothing.test')).stdout, /status: NXDOMAIN[^]*test\.\s+\d+\s+IN\s+SOA/);
  // Truncated from the server to us, from us to kdig, and whole over TCP.
  assert.is((await short('big.test', 'TXT')).split('\n').length, 12);
  assert.is((await short('+notcp', '+ignore', 'big.test', 'TXT')), '');
  // 2.5 KB of text are kept, too.
  const { hits } = proxy.resolution.cache.counts;
  assert.is((await short('+tcp', 'big.test', 'TXT')).split('\n').length, 12);
  assert.is(proxy.resolution.cache.counts.hits, hits + 1);
});

test('many questions go through one TCP connection', async () => {
  const names = Array.from({ length: 100 }, (_, index) => `n${index}.test`);
  const { stdout } = await kdig('@127.0.0.1', '+tcp', '+keepopen', '+short', ...names);
  assert.is(stdout.trim().split('\n').length, 100);
  // All at once and in pieces.
  const queries = names.map((name, id) => encodeMessage(makeQuery(id, { name, type: 1, class: 1 })));
  const frame = (bytes: Uint8Array): Uint8Array[] => [Uint8Array.of(bytes.length >> 8, bytes.length & 255), bytes];
  const stream = Buffer.concat(queries.flatMap(frame));
  const client = await tcpClient();
  const ids = new Set<number>();
  const done = new Promise<void>((resolve) => {
    let rest = Buffer.alloc(0);
    client.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
        ids.add(rest.readUInt16BE(2));
        rest = rest.subarray(2 + rest.readUInt16BE(0));
      }
      if (ids.size === 100) resolve();
    });
  });
  for (let at = 0; at < stream.length; at += 1000) client.write(stream.subarray(at, at + 1000));
  await done;
  client.destroy();
});

test('TLS is strict about names', async () => {
  const secured = (tlsName: string): void => proxy.useServers([{ address: ip(UNBOUND), tlsName }]);
  secured('dns.test');
  assert.is(await short('n1.test'), '10.1.0.1');
  assert.is(await short('+tcp', 'big.test', 'TXT').then((text) => text.split('\n').length), 12);
  secured('other.test');
  assert.match((await kdig('@127.0.0.1', '+time=6', '+retry=0', 'n2.test')).stdout, /SERVFAIL/);
  await assertHealthy();
});

test('the daemon itself asks such servers as strictly, the online check for instance', async () => {
  const resolve = (tlsName: string): Promise<string> => {
    const query = { servers: [{ address: ip(UNBOUND), tlsName }], families: [4] } as const;
    return resolveName('n1.test', query, env, scope.signal).then(String, (error: Error) => error.message);
  };
  assert.is(await resolve('dns.test'), '10.1.0.1');
  assert.match(await resolve('other.test'), /^resolving n1\.test: (refused|unreachable)$/);
});

test('a server that lies, word for word from the corpora', async () => {
  const corpora = ['dns-messages', 'dns-crashers', 'dns-names', 'dns-rdata', 'dns-captures']
    .map((name) => `../shared/corpora/${name}`).filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).map((file) => readFileSync(`${folder}/${file}`)));
  const lies = [...homemadeLies(), ...corpora.slice(0, 700)];
  let turn = 0;
  const server = await hostileUdp((query, answer) => {
    const lie = lies[turn % lies.length] ?? Buffer.alloc(0);
    const question = query.subarray(12, questionEnd(query));
    // Raw, with our id; and as the records behind our own question.
    answer(Buffer.concat([query.subarray(0, 2), lie.subarray(2)]).subarray(0, 60_000));
    const head = Buffer.from([query[0] ?? 0, query[1] ?? 0, 0x81, 0x80, 0, 1, 0, 2, 0, 1, 0, 1]);
    answer(Buffer.concat([head, question, lie]).subarray(0, 60_000));
  });
  proxy.useServers([{ address: ip(HOSTILE) }]);
  for (turn = 0; turn < lies.length; turn++) await ask(`x${turn}.test`, 20);
  server.close();
  await assertHealthy();
});

// RFC 9267: loops, forward pointers, long labels and names, counts and lengths that lie.
function homemadeLies(): Buffer[] {
  const record = (name: string, data: string, length = data.length / 2): string =>
    `${name}000100010000003c${length.toString(16).padStart(4, '0')}${data}`;
  return [
    record('c00c', '0a000001', 4000), record('c0ff', '0a000001'), record('c014c012', '0a000001'),
    record('3f'.padEnd(128, '61').repeat(8), '0a000001'), record('40', '0a000001'), record('c00c', ''),
    record('c00c', '0a0000010203'), 'c00c000500010000003c0002c00c', 'c00c000500010000003c0002ffff',
    'c00c000600010000003c0004c00cc00c', '', 'ff', 'c0', 'c00c0001',
  ].map((hex) => Buffer.from(hex, 'hex'));
}

// CVE-2022-23098: a TCP server that accepts and stays silent must cost nothing.
test('a TCP server that says nothing, or one byte at a time', async () => {
  for (const behaviour of ['silent', 'trickle', 'close'] as const) {
    const udp = await hostileUdp((query, answer) => {
      const truncated = Buffer.from(query.subarray(0, questionEnd(query)));
      truncated.writeUInt16BE(0x8380, 2);
      truncated.writeUInt16BE(0, 10);
      answer(truncated);
    });
    const sockets = new Set<Socket>();
    const tcp = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      if (behaviour === 'close') socket.end();
      if (behaviour === 'trickle') socket.write(Buffer.from([0xff, 0xff, 1]));
    });
    await new Promise<void>((resolve) => tcp.listen(53, HOSTILE, resolve));
    proxy.useServers([{ address: ip(HOSTILE) }]);
    const before = process.cpuUsage();
    const asked = ask(`${behaviour}.test`, 800);
    assert.is(behaviour === 'close' ? 2 : undefined, (await asked)?.rcode);
    const { user, system: kernel } = process.cpuUsage(before);
    assert.ok(user + kernel < 400_000, `${user + kernel} µs of CPU`);
    udp.close();
    tcp.close();
    for (const socket of sockets) socket.destroy();
    await assertHealthy();
  }
});

test('clients that trickle, send too much, or come in crowds', async () => {
  const trickling = await tcpClient();
  trickling.write(Buffer.from([0, 40, 1, 2, 3]));
  const since = performance.now();
  await new Promise((resolve) => trickling.once('close', resolve));
  // Two seconds and what a busy machine takes; nobody else would have closed it within a minute.
  assert.ok(performance.now() - since < patience(20_000), 'a message takes no longer than two seconds');

  const huge = await tcpClient();
  huge.write(Buffer.from([0xff, 0xff]));
  await new Promise((resolve) => huge.once('close', resolve));

  const crowd = await Promise.all(Array.from({ length: 200 }, tcpClient));
  await assertHealthy();
  for (const client of crowd) client.destroy();
  await new Promise((resolve) => setImmediate(resolve));
  assert.is(await short('+tcp', 'a.test'), '192.0.2.1');
});

test('a flood of names whose server is silent leaves what is known untouched', async () => {
  await assertHealthy();
  proxy.useServers([{ address: ip(SILENT) }]);
  const client = createSocket('udp4');
  client.on('message', () => undefined);
  for (let index = 0; index < 20_000; index++) {
    const question = { name: `r${index}.flood.example`, type: 1, class: 1 };
    client.send(encodeMessage(makeQuery(index & 0xffff, question)), 53, '127.0.0.1');
    if (index % 200 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(proxy.resolution.forwarder.pending <= 2048, `${proxy.resolution.forwarder.pending} under way`);
  const since = performance.now();
  // The kernel may have dropped it in the crowd: a program asks again.
  let answer: DnsMessage | undefined;
  for (let attempt = 0; attempt < 8; attempt++) answer ??= await ask('localhost', 250);
  assert.is(answer?.answers.length, 1);
  assert.ok(performance.now() - since < 2 * NORMAL_MS);
  client.close();
  await assertHealthy();
});

test('a port that is taken has a holder with a name', async () => {
  const own = createScope();
  const other = createSocket('udp4');
  await new Promise<void>((resolve) => other.bind(5353, '127.0.0.1', resolve));
  try {
    await proxy.serve({ address: ip('127.0.0.1'), port: 5353 }, own);
    assert.unreachable('the port is taken');
  } catch (error) {
    assert.is(error instanceof Error && 'code' in error ? error.code : undefined, 'EADDRINUSE');
  }
  assert.match(portHolder(5353) ?? '', new RegExp(`\\(${process.pid}\\)$`));
  assert.is(portHolder(5354), undefined);
  other.close();
  await own.close();
});

test('the end leaves nothing open', async () => {
  unbound.kill();
  await scope.close();
  assert.equal(clock.pending(), []);
});

function tcpClient(): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect(53, '127.0.0.1', () => resolve(socket));
    socket.on('error', () => undefined);
  });
}

async function hostileUdp(onQuery: (query: Buffer, answer: (bytes: Buffer) => void) => void): Promise<UdpSocket> {
  const server = createSocket('udp4');
  server.on('error', () => undefined);
  server.on('message', (query, from) => {
    onQuery(query, (bytes) => server.send(bytes, from.port, from.address, () => undefined));
  });
  await new Promise<void>((resolve) => server.bind(53, HOSTILE, resolve));
  return server;
}

function questionEnd(query: Buffer): number {
  let at = 12;
  while ((query[at] ?? 0) !== 0) at += 1 + (query[at] ?? 0);
  return at + 5;
}

test.run();
