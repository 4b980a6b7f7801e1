/**
 * The classic BPF programs (linux/filter.h, offsets from the network header) of client's and server's
 * packet sockets: only DHCP replies to one hardware address, or only requests, leave the kernel, so
 * that other traffic and other clients' leases cost this process nothing.
 */

import type { BpfInstruction } from '../system/system.ts';

// BPF opcodes (linux/bpf_common.h).
const LOAD_BYTE = 0x30;
const LOAD_HALF = 0x28;
const LOAD_INDEX_HEADER = 0xb1;
const LOAD_BYTE_INDEXED = 0x50;
const LOAD_HALF_INDEXED = 0x48;
const LOAD_WORD_INDEXED = 0x40;
const JUMP_EQUAL = 0x15;
const JUMP_SET = 0x45;
const RETURN = 0x06;

const PROTOCOL_UDP = 17;
const UDP_HEADER_BYTES = 8;

/** Passes whole IPv4 packets that carry a reply (op 2) to UDP `port` for `hardwareAddress`. */
export function replyFilter(port: number, hardwareAddress: Uint8Array): BpfInstruction[] {
  return messageFilter(port, 2, addressTests(hardwareAddress));
}

/** Passes whole IPv4 packets that carry a request (op 1) to UDP `port`. */
export function requestFilter(port: number): BpfInstruction[] {
  return messageFilter(port, 1, []);
}

function messageFilter(port: number, op: 1 | 2, others: readonly IndexedTest[]): BpfInstruction[] {
  const tests: { load: BpfInstruction; jump: number; value: number; passesOn: boolean }[] = [
    { load: [LOAD_BYTE, 0, 0, 9], jump: JUMP_EQUAL, value: PROTOCOL_UDP, passesOn: true },
    // More fragments, or an offset.
    { load: [LOAD_HALF, 0, 0, 6], jump: JUMP_SET, value: 0x3fff, passesOn: false },
  ];
  const indexed: IndexedTest[] = [
    { load: LOAD_HALF_INDEXED, at: 2, value: port },
    { load: LOAD_BYTE_INDEXED, at: UDP_HEADER_BYTES, value: op },
    ...others,
  ];
  const checks = [
    ...tests,
    ...indexed.map(({ load, at, value }) => (
      { load: [load, 0, 0, at] as const, jump: JUMP_EQUAL, value, passesOn: true }
    )),
  ];
  return assemble(checks, tests.length);
}

/** Compares what lies `at` bytes behind the IP header. */
interface IndexedTest {
  readonly load: number;
  readonly at: number;
  readonly value: number;
}

interface Check {
  readonly load: BpfInstruction;
  readonly jump: number;
  readonly value: number;
  readonly passesOn: boolean;
}

/** Loads X with the header's length before check `indexedFrom`; a failed check jumps to the end. */
function assemble(checks: readonly Check[], indexedFrom: number): BpfInstruction[] {
  const program: BpfInstruction[] = [];
  const rejectAt = 2 * checks.length + 2;
  for (const [index, { load, jump, value, passesOn }] of checks.entries()) {
    if (index === indexedFrom) program.push([LOAD_INDEX_HEADER, 0, 0, 0]);
    program.push(load);
    const reject = rejectAt - program.length - 1;
    program.push(passesOn ? [jump, 0, reject, value] : [jump, reject, 0, value]);
  }
  return [...program, [RETURN, 0, 0, 0xffff], [RETURN, 0, 0, 0]];
}

/** chaddr, behind the IP and UDP headers and 28 bytes of BOOTP. */
function addressTests(hardwareAddress: Uint8Array): IndexedTest[] {
  const tests: IndexedTest[] = [];
  const view = new DataView(hardwareAddress.buffer, hardwareAddress.byteOffset, hardwareAddress.byteLength);
  for (let at = 0; at < view.byteLength; ) {
    const left = view.byteLength - at;
    const offset = UDP_HEADER_BYTES + 28 + at;
    if (left >= 4) tests.push({ load: LOAD_WORD_INDEXED, at: offset, value: view.getUint32(at) });
    else if (left >= 2) tests.push({ load: LOAD_HALF_INDEXED, at: offset, value: view.getUint16(at) });
    else tests.push({ load: LOAD_BYTE_INDEXED, at: offset, value: view.getUint8(at) });
    at += left >= 4 ? 4 : left >= 2 ? 2 : 1;
  }
  return tests;
}
