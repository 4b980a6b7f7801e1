/**
 * CVEs of DNS proxies and resolvers, by number, against our proxy on real sockets: a server that
 * sends what broke the others. No client is told any of it, and the next good question is answered.
 */

import { createSocket } from 'node:dgram';
import { createServer, type Socket } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Proxy } from '../../src/dns-backend/proxy/proxy.ts';
import { decodeMessage, encodeMessage, makeQuery, type DnsMessage } from '../../src/dns/message.ts';
import { DeadlineClock } from '../../src/shared/clock.ts';
import { systemRandom } from '../../src/shared/random.ts';
import { createScope } from '../../src/shared/scope.ts';
import { output } from '../helpers/child.ts';
import { patience } from '../helpers/patience.ts';
import { testSystem } from '../helpers/system.ts';
import { enterNamespaces } from '../helpers/unshare.ts';
import { ip } from '../unit/dhcp/life.ts';

enterNamespaces('--net');

const SERVER = ip('10.9.0.2');
const LOOPBACK = ip('127.0.0.1');
/** What every lie wants to have believed. */
const EVIL = '06060606';
const GOOD = 'c00c 0001 0001 0000003c 0004 c0000201';
const POINTED = `c00c 0001 0001 0000003c 0004 ${EVIL}`;

/** What the server does with one question. */
interface Lie {
  /** Replies over UDP. */
  udp(query: Query): readonly Buffer[];
  /** Over TCP, once the question is there. */
  tcp?(query: Query, socket: Socket): void;
}

/** A question as the server got it. */
interface Query {
  readonly bytes: Buffer;
  readonly id: Buffer;
  /** Name, type and class. */
  readonly question: Buffer;
}

const scope = createScope();
const system = testSystem();
const clock = new DeadlineClock(system.bootTimeSource(scope));
const env = { system, clock, random: systemRandom, linkName: () => 'lo', isRebindingStopped: false };
const proxy = new Proxy(env, scope);
/** What the server was asked, in lower case, with the port it came from. */
const heard: { readonly name: string; readonly port: number }[] = [];
const sockets = new Set<Socket>();

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

/** A reply with these counts of answers, authorities and additionals. */
function reply({ id, question }: Query, records: string, counts = [1, 0, 0], flags = '8180'): Buffer {
  const numbers = Buffer.from([0, 1, ...counts.flatMap((count) => [count >> 8, count & 255])]);
  return Buffer.concat([id, hex(flags), numbers, question, hex(records)]);
}

const lie = (records: string, counts?: number[]): Lie => ({ udp: (query) => [reply(query, records, counts)] });

/** Truncated over UDP, so that TCP is asked. */
const overTcp = (tcp: NonNullable<Lie['tcp']>): Lie => ({ udp: (query) => [reply(query, '', [0, 0, 0], '8380')], tcp });

const frame = (bytes: Buffer, length = bytes.length): Buffer =>
  Buffer.concat([Buffer.from([length >> 8, length & 255]), bytes]);

/** Owners of 63 letters each, which point at the one before: the fifth is longer than a name may be. */
function growing(query: Query, count: number): Buffer {
  const records: string[] = [];
  let at = 12 + query.question.length;
  let previous = 12;
  for (let index = 0; index < count; index++) {
    const pointer = (0xc000 | previous).toString(16);
    const record = `3f${'61'.repeat(63)}${pointer} 0001 0001 0000003c 0004 ${EVIL}`;
    records.push(record);
    previous = at;
    at += hex(record).length;
  }
  return reply(query, records.join(''), [count, 0, 0]);
}

/** A record whose data is such a name, of a type that holds one; `head` is what stands before it. */
function longData(type: string, head = '', tail = ''): Lie {
  return {
    udp: (query) => {
      const chain = Array.from({ length: 5 }, () => `3f${'62'.repeat(63)}`).join('');
      const data = `${head}${chain}00${tail}`;
      const length = (hex(data).length).toString(16).padStart(4, '0');
      return [reply(query, `${POINTED} c00c ${type} 0001 0000003c ${length} ${data}`, [2, 0, 0])];
    },
  };
}

const LIES: Readonly<Record<string, readonly Lie[]>> = {
  'CVE-2017-12865, names that grow past 255 bytes when they are expanded': [
    { udp: (query) => [growing(query, 8)] },
    lie(`${'3f'.padEnd(128, '61').repeat(5)}00 0001 0001 0000003c 0004 ${EVIL}`),
    lie(`40${'61'.repeat(64)}00 0001 0001 0000003c 0004 ${EVIL}`),
  ],
  'CVE-2021-26675, many of them': [{ udp: (query) => [growing(query, 60)] }],
  'CVE-2021-33833, names in the data of NS, CNAME, SOA, PTR and MX records': [
    longData('0002'), longData('0005'), longData('0006', '00', '00'.repeat(20)), longData('000c'),
    longData('000f', '000a'),
  ],
  'CVE-2022-23096, messages shorter than their header': [
    {
      udp: ({ id }) => Array.from({ length: 12 }, (_, length) =>
        Buffer.concat([id, Buffer.alloc(10)]).subarray(0, length)),
    },
    ...[0, 1, 11, 12].map((length) => overTcp(({ id }, socket) =>
      socket.write(frame(Buffer.concat([id, hex('8180'), Buffer.alloc(8)]).subarray(0, length))))),
    overTcp(({ id }, socket) => socket.end(frame(id, 0xffff))),
  ],
  'CVE-2022-23097, names without an end': [
    { udp: ({ id, question }) => [Buffer.concat([id, hex('8180 0001 0001 0000 0000'), question.subarray(0, -5)])] },
    lie('05616161'), lie('c0'), lie('c0ff'), overTcp((query, socket) => socket.write(frame(reply(query, '3f6161')))),
  ],
  'CVE-2025-32366, data shorter than its length says': [
    lie(`c00c 0001 0001 0000003c ffff ${EVIL}`), lie(`${POINTED} c00c 0010 0001 0000003c 0400 03616161`, [2, 0, 0]),
    lie(`c00c 0001 0001 0000003c 0003 060606`), lie(POINTED, [500, 0, 0]),
    overTcp((query, socket) => socket.write(frame(reply(query, `c00c 0001 0001 0000003c ffff ${EVIL}`)))),
  ],
  'CVE-2025-32743, truncated and without a question': [
    { udp: ({ id }) => [Buffer.concat([id, hex('8380 0000 0000 0000 0000')])] },
    { udp: ({ id }) => [Buffer.concat([id, hex('8380 0001 0000 0000 0000 00 0001 0001')])] },
  ],
  'RFC 9267, pointers that lead nowhere, forward, and in circles': [
    lie(`c0ff 0001 0001 0000003c 0004 ${EVIL}`), lie(`c01e 0001 0001 0000003c 0004 ${EVIL}`),
    lie(`ffff 0001 0001 0000003c 0004 ${EVIL}`), lie('c00c 0005 0001 0000003c 0002 c02a'),
  ],
  'CVE-2020-25684, CVE-2020-25685, another id, another question, letters in another case': [
    { udp: (query) => [reply({ ...query, id: Buffer.from(query.id.map((byte) => byte ^ 1)) }, POINTED)] },
    { udp: (query) => [reply({ ...query, question: otherName(query.question) }, POINTED)] },
    {
      udp: (query) => [reply({ ...query, question: Buffer.from(swapCase(query.question)) }, POINTED)],
      tcp: () => undefined,
    },
    { udp: ({ id, question }) => [Buffer.concat([id, hex('0100 0001 0001 0000 0000'), question, hex(POINTED)])] },
  ],
};

function otherName(question: Buffer): Buffer {
  const other = Buffer.from(question);
  other[1] = (other[1] ?? 0) ^ 3;
  return other;
}

function swapCase(question: Buffer): Uint8Array {
  return question.map((byte) => (/[a-z]/i.test(String.fromCharCode(byte)) && byte > 63 ? byte ^ 0x20 : byte));
}

const all = Object.values(LIES).flat();

/** The name that a lie is told about. */
function nameOf(told: Lie): string {
  return `x${all.indexOf(told)}.lie.test`;
}

function readQuery(bytes: Buffer): { readonly query: Query; readonly name: string } {
  const { questions: [asked] } = decodeMessage(bytes);
  let end = 12;
  while ((bytes[end] ?? 0) !== 0) end += 1 + (bytes[end] ?? 0);
  const query = { bytes, id: bytes.subarray(0, 2), question: bytes.subarray(12, end + 5) };
  return { query, name: asked?.name.toLowerCase() ?? '' };
}

function repliesTo(query: Query, name: string): readonly Buffer[] {
  if (name.endsWith('good.test')) return [reply(query, GOOD)];
  // A referral with a hundred names to look up.
  if (name === 'nxns.test') {
    const servers = Array.from({ length: 100 }, (_, index) => {
      const label = Buffer.from(`n${String(index).padStart(2, '0')}`).toString('hex');
      return `c00c 0002 0001 0000003c 000c 03${label} 06${Buffer.from('victim').toString('hex')} 00`;
    });
    return [reply(query, servers.join(''), [0, 100, 0])];
  }
  return all[Number(/^x(\d+)\.lie/.exec(name)?.[1] ?? NaN)]?.udp(query) ?? [];
}

async function startServer(): Promise<void> {
  const udp = createSocket('udp4');
  udp.on('message', (bytes, from) => {
    const { query, name } = readQuery(bytes);
    heard.push({ name, port: from.port });
    for (const message of repliesTo(query, name)) udp.send(message, from.port, from.address, () => undefined);
  });
  const tcp = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      const { query, name } = readQuery(chunk.subarray(2));
      all[Number(/^x(\d+)\.lie/.exec(name)?.[1] ?? NaN)]?.tcp?.(query, socket);
    });
  });
  await new Promise<void>((resolve) => udp.bind(53, String(SERVER), resolve));
  await new Promise<void>((resolve) => tcp.listen(53, String(SERVER), resolve));
  scope.defer(() => {
    udp.close();
    tcp.close();
    for (const socket of sockets) socket.destroy();
  });
}

/** One question over UDP, repeated as programs do; undefined where nobody answers for a long time. */
function ask(name: string, limitMs = 12_000): Promise<DnsMessage | undefined> {
  const client = createSocket('udp4');
  const query = encodeMessage(makeQuery(systemRandom.u32() >>> 16, { name, type: 1, class: 1 }));
  return new Promise((resolve) => {
    const end = (message: DnsMessage | undefined): void => {
      clearInterval(again);
      clearTimeout(limit);
      client.close();
      resolve(message);
    };
    const send = (): void => client.send(query, 53, '127.0.0.1', () => undefined);
    const again = setInterval(send, 6000);
    const limit = setTimeout(() => end(undefined), patience(limitMs));
    client.on('message', (bytes) => end(decodeMessage(bytes)));
    send();
  });
}

async function assertGood(name: string): Promise<void> {
  const answer = await ask(`${name}.good.test`, 60_000);
  assert.equal(answer?.answers.map(({ data }) => 'address' in data && String(data.address)), ['192.0.2.1']);
}

await output(['sh', '-e', '-c', `ip link set lo up\nip address add ${SERVER}/32 dev lo`]);
await startServer();
await proxy.serve({ address: LOOPBACK, port: 53, device: 'lo' }, scope);
proxy.useServers([{ address: SERVER }]);
/** All at once: what is believed by nobody is waited for by everybody. */
const told = new Map(all.map((each) => [each, ask(nameOf(each))]));

for (const [title, lies] of Object.entries(LIES)) {
  test(title, async () => {
    for (const each of lies) {
      const answer = await told.get(each);
      const what = `${nameOf(each)}: ${JSON.stringify(answer)}`;
      assert.ok(heard.some(({ name }) => name === nameOf(each)), `${nameOf(each)} was asked`);
      assert.ok(answer === undefined || (answer.rcode === 2 && answer.answers.length === 0), what);
    }
    await assertGood('after');
  });
}

test('CVE-2021-26675, behind a search domain', async () => {
  const [grown] = LIES['CVE-2021-26675, many of them'] ?? [];
  assert.ok(grown);
  proxy.configure({
    links: [{ ifindex: 1, nameservers: [{ address: SERVER }], domains: ['lie.test'] }],
    defaultIfindex: 1, fallbackNameservers: [],
  });
  const label = nameOf(grown).split('.')[0] ?? '';
  const answer = await ask(label);
  assert.ok(answer === undefined || answer.answers.length === 0, JSON.stringify(answer));
  assert.ok(heard.filter(({ name }) => name === nameOf(grown)).length >= 2, 'the domain was searched');
  proxy.useServers([{ address: SERVER }]);
  await assertGood('searched');
});

test('CVE-2022-23098, a TCP server that says nothing costs nothing', async () => {
  const silent = overTcp(() => undefined);
  const closing = overTcp((_, socket) => socket.end());
  all.push(silent, closing);
  const before = process.cpuUsage();
  await Promise.all([ask(nameOf(silent), 2000), ask(nameOf(closing), 2000)]);
  const { user, system: kernel } = process.cpuUsage(before);
  assert.ok(user + kernel < 1_000_000, `${user + kernel} µs of CPU within two seconds`);
  await assertGood('silent');
});

test('CVE-2020-25686, equal questions are asked once; CVE-2020-25705, from ports that change', async () => {
  await Promise.all(Array.from({ length: 50 }, () => assertGood('same')));
  // Once, or again where a busy machine takes its time: never once for each who asks.
  assert.ok(heard.filter(({ name }) => name === 'same.good.test').length <= 6);
  for (let index = 0; index < 40; index++) await assertGood(`port${index}`);
  const ports = new Set(heard.filter(({ name }) => /^port\d/.test(name)).map(({ port }) => port));
  assert.ok(ports.size >= 3, `${ports.size} ports`);
});

test('CVE-2020-12662 and its kin (NXNS): a referral is followed by nobody', async () => {
  const answer = await ask('nxns.test');
  assert.is(answer?.answers.length, 0);
  assert.equal(heard.filter(({ name }) => name.endsWith('.victim')), []);
  assert.ok(heard.filter(({ name }) => name === 'nxns.test').length <= 12);
  await assertGood('referred');
});

test('the end leaves nothing open', async () => {
  await scope.close();
  assert.equal(clock.pending(), []);
});

test.run();
