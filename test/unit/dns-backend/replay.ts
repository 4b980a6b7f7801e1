/**
 * A language for what happens to questions over time, one statement a line, `#` begins a comment:
 *   links 2 192.0.2.1 192.0.2.2 / lan | 3 198.51.100.1 / corp.example
 *   serve 192.0.2.1 a.test A = 192.0.2.7 ttl 60     also: nxdomain 60, nodata 60, servfail, refused, silent
 *   ask a.test A = 192.0.2.7 ttl 60                 also: nxdomain, nodata, servfail, refused, later; `stale` behind
 *   pass 30s    hosts 192.0.2.9 nas    got 192.0.2.1 2    told a.test A = …
 */

import * as assert from 'uvu/assert';
import { Proxy } from '../../../src/dns-backend/proxy/proxy.ts';
import { decodeMessage, encodeMessage, makeQuery, RCODE, type DnsMessage } from '../../../src/dns/message.ts';
import { QueryReader } from '../../../src/dns/query-reader.ts';
import { CLASS_IN, RECORD_TYPE, type DnsRecord } from '../../../src/dns/records.ts';
import { writeAnswer, type StoredAnswer } from '../../../src/dns/stored-answer.ts';
import { parseIpAddress } from '../../../src/shared/ipaddress.ts';
import type { Scope } from '../../../src/shared/scope.ts';
import { FakeServers, type Received } from '../dns/fake-servers.ts';
import type { FakeClock } from '../../helpers/fake-clock.ts';

/** Runs a script; throws where it does not come true. */
export async function replay(
  script: string, { clock, scope }: { clock: FakeClock; scope: Scope }, isRebindingStopped = false,
): Promise<Stage> {
  const stage = new Stage(clock, isRebindingStopped, scope);
  for (const line of script.split('\n')) {
    const words = (line.split('#', 1)[0] ?? '').trim();
    if (words !== '') await stage.perform(words);
  }
  return stage;
}

/** The proxy and its world. */
export class Stage {
  readonly proxy: Proxy;
  readonly servers = new FakeServers();
  readonly #clock: FakeClock;
  readonly #served = new Map<string, string>();
  readonly #told = new Map<string, string>();
  #seed = 1;

  constructor(clock: FakeClock, isRebindingStopped: boolean, scope: Scope) {
    this.#clock = clock;
    const { udp, udpServer, tcp, closeFd } = this.servers.system;
    const nothing = (): never => {
      throw new Error('not in this play');
    };
    const system = {
      udp, udpServer, tcp, closeFd,
      tcpStream: nothing, bootTimeSource: nothing,
      fillRandom: nothing, listen: nothing, compileSparingly: nothing, unmapProgram: nothing,
      netlink: nothing, packet: nothing, raw: nothing,
      unixDatagram: nothing, unixStream: nothing, unixClient: nothing, device: nothing, tun: nothing,
      setWallClock: nothing, wallTime: nothing, adjustClock: nothing, setHostname: nothing, setDomainname: nothing,
      fileSystemId: nothing, startSession: nothing,
    };
    const u32 = (): number => (this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) >>> 0);
    const random = { u32, fraction: () => 0.5 };
    const linkName = (ifindex: number): string => `eth${ifindex}`;
    this.proxy = new Proxy({ system, clock, random, linkName, isRebindingStopped }, scope);
    this.servers.onQuery = (received) => this.#serve(received);
  }

  async perform(line: string): Promise<void> {
    const [verb = '', ...words] = line.split(/\s+/);
    const rest = words.join(' ');
    switch (verb) {
      case 'links': return this.#links(rest);
      case 'serve': return void this.#served.set(rest.split(' = ')[0] ?? '', rest.split(' = ')[1] ?? '');
      case 'hosts': return this.proxy.resolution.setHosts(rest);
      case 'pass': return this.#clock.advance(milliseconds(rest));
      case 'ask': return this.#ask(rest);
      case 'told': return assert.is(this.#told.get(rest.split(' = ')[0] ?? ''), rest.split(' = ')[1], line);
      case 'got': {
        const count = this.servers.received.filter(({ server }) => server === words[0]).length;
        assert.is(count, Number(words[1]), `${line}, not ${count}`);
        this.servers.received.splice(0);
        return;
      }
      default: throw new Error(`no such statement: ${line}`);
    }
  }

  #links(text: string): void {
    const links = text.split(' | ').filter((part) => part !== '').map((part) => {
      const [addresses = '', domains = ''] = part.split('/').map((half) => half.trim());
      const [ifindex, ...servers] = addresses.split(' ');
      return {
        ifindex: Number(ifindex),
        nameservers: servers.flatMap((word) => parseIpAddress(word) ?? []).map((address) => ({ address })),
        domains: domains.split(' ').filter((word) => word !== ''),
      };
    });
    this.proxy.configure({ links, defaultIfindex: links[0]?.ifindex, fallbackNameservers: [] });
  }

  async #ask(text: string): Promise<void> {
    const [what = '', expected = 'later'] = text.split(' = ');
    const [name = '', type = 'A'] = what.split(' ');
    const asked = makeQuery(1, { name, type: typeNumber(type), class: CLASS_IN });
    const query = Buffer.from(encodeMessage({ ...asked, edns: EDNS }));
    const reader = new QueryReader();
    assert.is(reader.read(query, 0, query.length), 'query');
    const question = { key: reader.key, lengthBytes: reader.questionEnd - 12, flavour: reader.flavour };
    const { questionEnd, hasEdns, limitBytes } = reader;
    const take = (answer: StoredAnswer): void => {
      const memory = Buffer.alloc(0x1_0000);
      query.copy(memory);
      const length = writeAnswer(memory, 0, { questionEnd, hasEdns, limitBytes }, answer);
      this.#told.set(what, describe(decodeMessage(memory.subarray(0, length))));
    };
    this.#told.set(what, 'later');
    const known = this.proxy.resolution.cached(question, this.#clock.now());
    if (known === undefined) this.proxy.resolution.resolve(question, this.#clock.now(), { tell: take });
    else take(known);
    await this.#clock.advance(0);
    assert.is(this.#told.get(what), expected, `ask ${text}`);
  }

  #serve({ server, query, answer }: Received): void {
    const [question] = query.questions;
    if (question === undefined) return;
    const type = Object.entries(RECORD_TYPE).find(([, value]) => value === question.type)?.[0] ?? '';
    const served = this.#served.get(`${server} ${question.name.toLowerCase()} ${type}`) ?? 'silent';
    const reply = replyOf(served, question.name, question.type);
    if (reply !== undefined) queueMicrotask(() => answer(reply));
  }
}

const EDNS = { udpPayloadBytes: 1232, version: 0, isDnssecOk: false, options: new Uint8Array() };

function replyOf(served: string, name: string, type: number): Partial<DnsMessage> | undefined {
  const [first = '', ...rest] = served.split(' ');
  const negative = (rcode: number): Partial<DnsMessage> => ({ rcode, authorities: [soa(name, Number(rest[0]))] });
  switch (first) {
    case 'silent': return undefined;
    case 'servfail': return { rcode: RCODE.SERVFAIL };
    case 'refused': return { rcode: RCODE.REFUSED };
    case 'nxdomain': return negative(RCODE.NXDOMAIN);
    case 'nodata': return negative(RCODE.NOERROR);
    default: return { answers: [record(name, type, first, Number(rest[1]))] };
  }
}

function record(name: string, type: number, text: string, ttl: number): DnsRecord {
  const address = parseIpAddress(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return { name, type, class: CLASS_IN, ttl, data: { kind: 'address', address } };
}

function soa(name: string, ttl: number): DnsRecord {
  const zone = name.slice(name.indexOf('.') + 1);
  const data = { kind: 'authority', primary: zone, mailbox: zone, numbers: [1, 2, 3, 4, ttl] } as const;
  return { name: zone, type: RECORD_TYPE.SOA, class: CLASS_IN, ttl, data };
}

function describe({ rcode, answers, edns }: DnsMessage): string {
  const stale = edns !== undefined && [3, 19].includes(edns.options[5] ?? 0) ? ' stale' : '';
  if (rcode !== RCODE.NOERROR) return `${['', '', 'servfail', 'nxdomain', '', 'refused'][rcode]}${stale}`;
  const addresses = answers.flatMap(({ data }) => (data.kind === 'address' ? [data.address.toString()] : []));
  return addresses.length === 0 ? `nodata${stale}` : `${addresses.join(',')} ttl ${answers[0]?.ttl}${stale}`;
}

function typeNumber(text: string): number {
  const found = Object.entries(RECORD_TYPE).find(([name]) => name === text);
  if (found === undefined) throw new Error(`no type ${text}`);
  return found[1];
}

function milliseconds(text: string): number {
  const [, number = '', unit = ''] = /^([0-9.]+)(ms|s|m|h)$/.exec(text) ?? [];
  return Number(number) * ({ ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[unit] ?? Number.NaN);
}
