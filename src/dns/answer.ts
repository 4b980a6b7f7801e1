/**
 * Judges a reply to a question for addresses: whether it is one, and what it says. CNAMEs are
 * followed inside the answer section only (RFC 1034, 5.2.2; records beside the chain are ignored).
 */

import type { IpAddress } from '../shared/ipaddress.ts';
import { RCODE, type DnsMessage, type DnsQuestion } from './message.ts';
import { canonicalName, equalNames } from './name.ts';
import { CLASS_IN, RECORD_TYPE, type DnsRecord } from './records.ts';

/** What a message is worth to the one who asked. */
export type Verdict =
  | { readonly kind: 'addresses'; readonly addresses: readonly IpAddress[] }
  | { readonly kind: 'failure'; readonly failure: 'noSuchName' | 'noAddress' | 'refused' }
  /** The rest is to be had over TCP. */
  | { readonly kind: 'truncated' }
  /** Not a reply to this question. */
  | { readonly kind: 'foreign' };

/** More addresses than these are not handed on. */
const MAX_ADDRESSES = 16;

/** What `message` says to `question` asked with `id`. */
export function readAnswer(message: DnsMessage, id: number, question: DnsQuestion): Verdict {
  if (!answers(message, id, question)) return { kind: 'foreign' };
  if (message.isTruncated) return { kind: 'truncated' };
  switch (message.rcode) {
    case RCODE.NOERROR: {
      const addresses = addressesOf(message.answers, question);
      return addresses.length > 0 ? { kind: 'addresses', addresses } : { kind: 'failure', failure: 'noAddress' };
    }
    case RCODE.NXDOMAIN:
      return { kind: 'failure', failure: 'noSuchName' };
    default:
      return { kind: 'failure', failure: 'refused' };
  }
}

function answers(message: DnsMessage, id: number, question: DnsQuestion): boolean {
  const [asked, second] = message.questions;
  if (!message.isResponse || message.id !== id || message.opcode !== 0 || second !== undefined) return false;
  // A server that cannot read a question may leave it out (RFC 1035, 4.1.1: FORMERR).
  if (asked === undefined) return message.rcode !== RCODE.NOERROR && message.rcode !== RCODE.NXDOMAIN;
  return asked.type === question.type && asked.class === question.class
    && equalNames(asked.name, question.name);
}

function addressesOf(records: readonly DnsRecord[], question: DnsQuestion): IpAddress[] {
  const aliases = new Map<string, string>();
  const addresses = new Map<string, IpAddress[]>();
  for (const { name, type, class: recordClass, data } of records) {
    if (recordClass !== CLASS_IN) continue;
    const owner = canonicalName(name);
    if (type === RECORD_TYPE.CNAME && data.kind === 'name') {
      aliases.set(owner, canonicalName(data.target));
    } else if (type === question.type && data.kind === 'address') {
      const list = addresses.get(owner) ?? [];
      if (list.length < MAX_ADDRESSES) list.push(data.address);
      addresses.set(owner, list);
    }
  }
  const seen = new Set<string>();
  for (let name: string | undefined = canonicalName(question.name); name !== undefined && !seen.has(name);) {
    const found = addresses.get(name);
    if (found !== undefined) return found;
    seen.add(name);
    name = aliases.get(name);
  }
  return [];
}
