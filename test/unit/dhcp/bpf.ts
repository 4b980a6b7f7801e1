/**
 * A classic BPF interpreter (bpf(4), linux/filter.h), as far as our filters go: what the kernel does
 * with a program, so that a filter's verdict can be tested without one.
 */

import type { BpfInstruction } from '../../../src/system/system.ts';

/** How many bytes of `packet` the program lets through, 0 when it drops it. */
export function runFilter(program: readonly BpfInstruction[], packet: Uint8Array): number {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  let accumulator = 0;
  let index = 0;
  for (let at = 0; at < program.length; at++) {
    const instruction = program[at];
    if (instruction === undefined) break;
    const [code, jumpTrue, jumpFalse, k] = instruction;
    const isIndexed = (code & 0xe0) === 0x40 && (code & 7) === 0;
    const offset = isIndexed ? index + k : k;
    const sizeBytes = { 0x00: 4, 0x08: 2, 0x10: 1 }[code & 0x18] ?? 0;
    // A load from beyond the packet drops it.
    if ((code & 7) <= 1 && offset + sizeBytes > packet.length) return 0;
    switch (code) {
      case 0x30: case 0x50: accumulator = view.getUint8(offset); break;
      case 0x28: case 0x48: accumulator = view.getUint16(offset); break;
      case 0x20: case 0x40: accumulator = view.getUint32(offset); break;
      case 0xb1: index = (view.getUint8(offset) & 0xf) * 4; break;
      case 0x15: at += accumulator === k ? jumpTrue : jumpFalse; break;
      case 0x45: at += (accumulator & k) !== 0 ? jumpTrue : jumpFalse; break;
      case 0x06: return k;
      default: throw new Error(`BPF instruction ${code.toString(16)}`);
    }
  }
  throw new Error('the program does not return');
}
