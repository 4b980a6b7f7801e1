/**
 * Sockets below IP: netlink(7) and packet(7).
 */

import type { Scope } from '../shared/scope.ts';
import { check } from './addon.ts';
import type { Native } from './message-socket.ts';
import { openDescriptor, openMessageSocket, setReceiveBuffer } from './message-socket.ts';
import type {
  BpfInstruction, MessageSocket, NetlinkOptions, NetlinkSender, PacketOptions, PacketSender,
} from './system.ts';

/** See System.netlink. Errors carry the kernel's explanation, dumps are checked strictly. */
export function openNetlink(native: Native, options: NetlinkOptions, scope: Scope): MessageSocket<NetlinkSender> {
  const { addon } = native;
  const { constants } = addon;
  const made = addon.socket(constants.AF_NETLINK, constants.SOCK_RAW, options.protocol);
  const fd = openDescriptor(native, made, (fd) => {
    if (options.receiveBufferBytes !== undefined) setReceiveBuffer(native, fd, options.receiveBufferBytes);
    // Kernels older than 4.20 lack the second: then dumps are not filtered, which a reader must bear anyway.
    addon.setOption(fd, constants.SOL_NETLINK, constants.NETLINK_EXT_ACK, 1);
    addon.setOption(fd, constants.SOL_NETLINK, constants.NETLINK_GET_STRICT_CHK, 1);
    check(addon, addon.bind(fd, undefined, 0, 0), 'bind');
    for (const group of options.groups ?? []) {
      check(addon, addon.setOption(fd, constants.SOL_NETLINK, constants.NETLINK_ADD_MEMBERSHIP, group), 'setsockopt');
    }
  });
  return openMessageSocket(native, fd, { senderOf: (arena, index) => ({ portId: arena.port(index) }) }, scope);
}

/** See System.packet. Protocol 0 until the filter is attached: nothing slips in before it. */
export function openPacket(native: Native, options: PacketOptions, scope: Scope): MessageSocket<PacketSender> {
  const { addon } = native;
  const { constants } = addon;
  const made = addon.socket(constants.AF_PACKET, constants.SOCK_DGRAM, 0);
  const fd = openDescriptor(native, made, (fd) => {
    if (options.filter !== undefined) {
      check(addon, addon.attachFilter(fd, encodeFilter(options.filter)), 'setsockopt');
    }
    check(addon, addon.setOption(fd, constants.SOL_PACKET, constants.PACKET_AUXDATA, 1), 'setsockopt');
    check(addon, addon.bind(fd, undefined, options.etherType, options.ifindex), 'bind');
  });
  const notReady = constants.TP_STATUS_CSUMNOTREADY;
  const senderOf = (arena: Native['arena'], index: number): PacketSender => ({
    hardwareAddress: arena.address(index).slice(),
    checksumNotReady: (arena.status(index) & notReady) !== 0,
  });
  return openMessageSocket(native, fd, { senderOf }, scope);
}

/** `struct sock_filter` of linux/filter.h, in host order. */
export function encodeFilter(filter: readonly BpfInstruction[]): Uint8Array {
  const bytes = new Uint8Array(8 * filter.length);
  const codes = new Uint16Array(bytes.buffer);
  const operands = new Uint32Array(bytes.buffer);
  for (const [index, [code, jumpTrue, jumpFalse, k]] of filter.entries()) {
    codes[4 * index] = code;
    bytes[8 * index + 2] = jumpTrue;
    bytes[8 * index + 3] = jumpFalse;
    operands[2 * index + 1] = k;
  }
  return bytes;
}
