/**
 * Names answered on this machine, whatever servers there are: `localhost` and below, the loopback's
 * reverse names, `invalid` (RFC 6761, 6.3 and 6.4), `onion` (RFC 7686, 2), and the hosts file. A name
 * of the hosts file without an address of the family asked for has none: nobody else is asked.
 */

import { parseIpAddress, type IpAddress } from '../shared/ipaddress.ts';
import type { Hosts } from './hosts.ts';
import { encodeMessage, makeQuery, RCODE } from './message.ts';
import { canonicalName } from './name.ts';
import { CLASS_IN, RECORD_TYPE, type DnsRecord, type RecordData } from './records.ts';
import { HEADER_BYTES } from './query-reader.ts';
import { scanApart } from './reply-scan.ts';
import { bareAnswer, type StoredAnswer } from './stored-answer.ts';

/** Seconds; the truth may change with the file. */
const HOSTS_TTL_SEC = 60;
const LOCAL_TTL_SEC = 86_400;

const LOOPBACK = ['127.0.0.1', '::1'].flatMap((text) => parseIpAddress(text) ?? []);
const LOOPBACK_REVERSE = /^(([0-9]+\.){3}127\.in-addr\.arpa|1\.(0\.){31}ip6\.arpa)$/;

/** The answer for `name` (text form, any case) and `type`; undefined if others have to be asked. */
export function answerLocally(name: string, type: number, hosts: Hosts): StoredAnswer | undefined {
  const wanted = canonicalName(name);
  const addresses = hosts.addresses.get(wanted);
  if (addresses !== undefined) return answerWith(name, type, addressRecords(addresses, type), HOSTS_TTL_SEC);
  const host = hosts.names.get(wanted);
  if (host !== undefined) return answerWith(name, type, nameRecords(host, type), HOSTS_TTL_SEC);
  const topLevel = wanted.slice(wanted.lastIndexOf('.') + 1);
  if (topLevel === 'localhost') return answerWith(name, type, addressRecords(LOOPBACK, type), LOCAL_TTL_SEC);
  if (LOOPBACK_REVERSE.test(wanted)) return answerWith(name, type, nameRecords('localhost', type), LOCAL_TTL_SEC);
  if (topLevel === 'invalid' || topLevel === 'onion') return bareAnswer(RCODE.NXDOMAIN);
  return undefined;
}

/** An answer with `addresses` for `name`, as far as they are of `type`. */
export function answerWithAddresses(
  name: string, type: number, addresses: readonly IpAddress[], ttlSec: number,
): StoredAnswer {
  return answerWith(name, type, addressRecords(addresses, type), ttlSec);
}

function addressRecords(addresses: readonly IpAddress[], type: number): RecordData[] {
  return addresses.filter(({ family }) => type === RECORD_TYPE.ANY || type === typeOf(family))
    .map((address) => ({ kind: 'address', address }));
}

function nameRecords(target: string, type: number): RecordData[] {
  return type === RECORD_TYPE.PTR || type === RECORD_TYPE.ANY ? [{ kind: 'name', target }] : [];
}

function answerWith(name: string, type: number, data: readonly RecordData[], ttl: number): StoredAnswer {
  const question = { name, type, class: CLASS_IN };
  const answers = data.map((item): DnsRecord => ({
    name, ttl, class: CLASS_IN, data: item,
    type: item.kind === 'address' ? typeOf(item.address.family) : RECORD_TYPE.PTR,
  }));
  const message = { ...makeQuery(0, question), isResponse: true, answers };
  const questionEnd = encodeMessage(makeQuery(0, question)).length;
  const scan = scanApart(Buffer.from(encodeMessage(message)), Math.max(HEADER_BYTES, questionEnd));
  return scan.kind === 'answer' ? scan.answer : bareAnswer(RCODE.SERVFAIL);
}

function typeOf(family: 4 | 6): number {
  return family === 4 ? RECORD_TYPE.A : RECORD_TYPE.AAAA;
}
