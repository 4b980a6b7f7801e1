/**
 * Brings a reply into the order in which `scanReply` reads it: aliases in the order of their chain,
 * then what is found at its end. What is not on the chain is left out. For the rare server that
 * sends more than was asked for, or in another order.
 */

import { decodeMessage, encodeMessage, type DnsMessage } from './message.ts';
import { canonicalName } from './name.ts';
import { CLASS_IN, RECORD_TYPE, type DnsRecord } from './records.ts';

const MAX_CHAIN = 16;
const RRSIG = 46;

/** The same reply with the records of the chain alone; throws DecodeError for what is no message. */
export function sortReply(bytes: Uint8Array): Buffer {
  const message = decodeMessage(bytes);
  const sorted: DnsMessage = { ...message, answers: chainOf(message), additionals: [] };
  return Buffer.from(encodeMessage(sorted));
}

function chainOf({ questions, answers }: DnsMessage): DnsRecord[] {
  const [question] = questions;
  const usable = answers.filter((record) => record.class === CLASS_IN);
  const chain: DnsRecord[] = [];
  let name = canonicalName(question?.name ?? '.');
  for (let length = 0; length <= MAX_CHAIN; length++) {
    const here = usable.filter((record) => canonicalName(record.name) === name && !chain.includes(record));
    const above = usable.filter((record) => isAbove(record, name) && !chain.includes(record));
    chain.push(...above, ...here);
    const alias = here.find(({ type }) => type === RECORD_TYPE.CNAME && question?.type !== RECORD_TYPE.CNAME);
    if (alias?.data.kind !== 'name') break;
    name = canonicalName(alias.data.target);
  }
  return chain;
}

// A DNAME, and what signs it, above the name it rewrites (RFC 6672).
function isAbove({ name: owner, type }: DnsRecord, name: string): boolean {
  return (type === RECORD_TYPE.DNAME || type === RRSIG) && name.endsWith(`.${canonicalName(owner)}`);
}
