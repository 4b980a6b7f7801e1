/**
 * Lets a private network out behind the addresses of this machine (RFC 3022): nftables by netlink
 * (linux/netfilter/nf_tables.h), one table of ours, made in one batch and removed as a whole, so that
 * nothing of others is touched and nothing of ours is left.
 */

import { DecodeError } from '../shared/errors.ts';
import type { IpPrefix } from '../shared/ipaddress.ts';
import type { Scope } from '../shared/scope.ts';
import type { System } from '../system/system.ts';
import type { NetlinkError } from '../netlink/error.ts';
import { decodeOutcome, encodeMessage, FLAG, forEachMessage, MESSAGE } from '../netlink/message.ts';
import { Writer } from '../netlink/writer.ts';

/** The table; ConnMan has one called `connman`. */
const TABLE = 'causeway';
const CHAIN = 'tethering';

/**
 * Masks what comes from `network` and leaves by another interface than `interfaceName`. Replaces what
 * was masked before. Rejects with NetlinkError or SystemError.
 */
export async function masquerade(
  system: Pick<System, 'netlink'>, { network, interfaceName }: Masquerade, scope: Scope,
): Promise<void> {
  // A table is removed for certain where it was made first.
  await commit(system, [makeTable(), removeTable(), makeTable(), makeChain(), makeRule(network, interfaceName)], scope);
}

/** Masks nothing any more. Rejects as `masquerade`. */
export async function unmask(system: Pick<System, 'netlink'>, scope: Scope): Promise<void> {
  await commit(system, [makeTable(), removeTable()], scope);
}

/** What is masked. */
export interface Masquerade {
  /** IPv4; its prefix a multiple of eight. */
  readonly network: IpPrefix;
  readonly interfaceName: string;
}

interface Step {
  readonly type: number;
  readonly flags: number;
  body(writer: Writer): void;
}

async function commit(system: Pick<System, 'netlink'>, steps: readonly Step[], scope: Scope): Promise<void> {
  const own = scope.child();
  try {
    const socket = system.netlink({ protocol: NETLINK_NETFILTER }, own);
    const last = steps.length + 1;
    const done = new Promise<void>((resolve, reject) => {
      own.signal.addEventListener('abort', () => reject(own.signal.reason), { once: true });
      socket.onError = reject;
      socket.onMessage = (bytes, { portId }) => {
        if (portId !== 0) return;
        const answer = readAnswer(bytes, last);
        if (answer === 'done') resolve();
        else if (answer !== undefined) reject(answer);
      };
    });
    done.catch(() => undefined);
    socket.send(encodeBatch(steps));
    await done;
  } finally {
    await own.close();
  }
}

// The batch is carried out as a whole or not at all: the acknowledgement of its last step is that of all.
function readAnswer(bytes: Uint8Array, last: number): 'done' | NetlinkError | undefined {
  let answer: 'done' | NetlinkError | undefined;
  try {
    forEachMessage(bytes, (message) => {
      if (message.type !== MESSAGE.error) return;
      answer ??= decodeOutcome(message, 'nftables') ?? (message.sequence === last ? 'done' : undefined);
    });
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
  return answer;
}

function encodeBatch(steps: readonly Step[]): Uint8Array {
  const writer = new Writer();
  const write = (sequence: number, { type, flags, body }: Step): void => {
    encodeMessage({ type, flags: FLAG.request | flags, sequence }, body, writer);
  };
  const limit = (type: number): Step => ({ type, flags: 0, body: (to) => header(to, 0, NFNL_SUBSYS_NFTABLES) });
  write(1, limit(NFNL_MSG_BATCH_BEGIN));
  for (const [index, step] of steps.entries()) {
    const isLast = index === steps.length - 1;
    write(index + 2, isLast ? { ...step, flags: step.flags | FLAG.ack } : step);
  }
  write(steps.length + 2, limit(NFNL_MSG_BATCH_END));
  return writer.finish();
}

function makeTable(): Step {
  return step(NFT_MSG_NEWTABLE, FLAG.create, (writer) => text(writer, 1, TABLE));
}

function removeTable(): Step {
  return step(NFT_MSG_DELTABLE, 0, (writer) => text(writer, 1, TABLE));
}

function makeChain(): Step {
  return step(NFT_MSG_NEWCHAIN, FLAG.create, (writer) => {
    text(writer, 1, TABLE); // NFTA_CHAIN_TABLE
    text(writer, 3, CHAIN);
    nest(writer, 4, () => {
      number(writer, 1, NF_INET_POST_ROUTING);
      number(writer, 2, NF_IP_PRI_NAT_SRC);
    });
    text(writer, 7, 'nat');
  });
}

function makeRule({ address, prefixLength }: IpPrefix, interfaceName: string): Step {
  const name = new Uint8Array(IFNAMSIZ);
  name.set(Buffer.from(interfaceName).subarray(0, IFNAMSIZ - 1));
  const length = prefixLength >> 3;
  return step(NFT_MSG_NEWRULE, FLAG.create | FLAG.append, (writer) => {
    text(writer, 1, TABLE); // NFTA_RULE_TABLE
    text(writer, 2, CHAIN);
    nest(writer, 4, () => {
      expression(writer, 'payload', () => {
        number(writer, 1, NFT_REG_1);
        number(writer, 2, NFT_PAYLOAD_NETWORK_HEADER);
        number(writer, 3, IP_SOURCE_OFFSET);
        number(writer, 4, length);
      });
      compare(writer, NFT_CMP_EQ, address.bytes.subarray(0, length));
      expression(writer, 'meta', () => {
        number(writer, 1, NFT_REG_1);
        number(writer, 2, NFT_META_OIFNAME);
      });
      compare(writer, NFT_CMP_NEQ, name);
      expression(writer, 'masq', () => undefined);
    });
  });
}

function compare(writer: Writer, operator: number, value: Uint8Array): void {
  expression(writer, 'cmp', () => {
    number(writer, 1, NFT_REG_1);
    number(writer, 2, operator);
    nest(writer, 3, () => writer.attribute(NFTA_DATA_VALUE, () => writer.bytes(value)));
  });
}

function expression(writer: Writer, name: string, body: () => void): void {
  nest(writer, NFTA_LIST_ELEM, () => {
    text(writer, 1, name);
    nest(writer, 2, body);
  });
}

function step(message: number, flags: number, body: (writer: Writer) => void): Step {
  return {
    type: (NFNL_SUBSYS_NFTABLES << 8) | message,
    flags,
    body(writer) {
      header(writer, NFPROTO_IPV4, 0);
      body(writer);
    },
  };
}

// struct nfgenmsg; res_id in network order.
function header(writer: Writer, family: number, resource: number): void {
  writer.bytes(Uint8Array.of(family, 0, resource >> 8, resource & 0xff));
}

function text(writer: Writer, type: number, value: string): void {
  writer.attribute(type, () => writer.bytes(Buffer.from(`${value}\0`)));
}

// Numbers of nftables are in network order.
function number(writer: Writer, type: number, value: number): void {
  writer.attribute(type, () => writer.bytes(Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value)));
}

function nest(writer: Writer, type: number, body: () => void): void {
  writer.attribute(type | NLA_F_NESTED, body);
}

const NETLINK_NETFILTER = 12;
const NLA_F_NESTED = 0x8000;
const NFPROTO_IPV4 = 2;
const NFNL_SUBSYS_NFTABLES = 10;
const NFNL_MSG_BATCH_BEGIN = 16;
const NFNL_MSG_BATCH_END = 17;
const NFT_MSG_NEWTABLE = 0;
const NFT_MSG_DELTABLE = 2;
const NFT_MSG_NEWCHAIN = 3;
const NFT_MSG_NEWRULE = 6;
const NF_INET_POST_ROUTING = 4;
const NF_IP_PRI_NAT_SRC = 100;
const NFTA_LIST_ELEM = 1;
const NFTA_DATA_VALUE = 1;
const NFT_REG_1 = 1;
const NFT_PAYLOAD_NETWORK_HEADER = 1;
const IP_SOURCE_OFFSET = 12;
const NFT_META_OIFNAME = 7;
const NFT_CMP_EQ = 0;
const NFT_CMP_NEQ = 1;
const IFNAMSIZ = 16;
