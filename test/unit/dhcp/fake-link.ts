/**
 * One link as a driver of src/dhcp sees it: a System whose packet and UDP sockets belong to the
 * test. Sent messages are kept decoded; what is delivered passes the socket's filter.
 */

import { decodeMessage, type DhcpMessage, encodeMessage } from '../../../src/dhcp/message.ts';
import { decodeUdpPacket, encodeUdpPacket } from '../../../src/dhcp/udp-packet.ts';
import { SystemError } from '../../../src/shared/errors.ts';
import type { Scope } from '../../../src/shared/scope.ts';
import type {
  Destination, MessageSocket, PacketOptions, PacketSender, System, UdpOptions, UdpSender,
} from '../../../src/system/system.ts';
import { runFilter } from './bpf.ts';
import { ip } from './life.ts';

/** A message and whether it went by `broadcast`, or from and to which address. */
export interface SentOnLink<Message> {
  readonly message: Message;
  readonly by: string;
}

export class FakeLink<Message> {
  /** While set, every send and open fails with this errno name. */
  failure: string | undefined;
  /** UDP sockets cannot be bound, as while the address is not configured. */
  hasAddress = true;
  readonly sent: SentOnLink<Message>[] = [];
  readonly packets = new Set<FakeSocket<PacketSender> & { options: PacketOptions }>();
  readonly unicasts = new Set<FakeSocket<UdpSender>>();
  readonly system: System;
  readonly #decode: (bytes: Uint8Array) => Message;

  /** `decode` reads what is sent. */
  constructor(decode: (bytes: Uint8Array) => Message) {
    this.#decode = decode;
    const none = (): never => {
      throw new Error('nobody of src/dhcp has business with that');
    };
    this.system = {
      bootTimeSource: none, fillRandom: none, listen: none, compileSparingly: none, unmapProgram: none,
      netlink: none, raw: none, tcp: none, tcpStream: none, unixDatagram: none, unixStream: none, unixClient: none,
      device: none, udpServer: none, tun: none, closeFd: none, setWallClock: none, adjustClock: none, setHostname: none,
      setDomainname: none, fileSystemId: none, startSession: none, wallTime: none,
      packet: (options, scope) => this.#packet(options, scope),
      udp: (options, scope) => this.#udp(options, scope),
    };
  }

  get openSockets(): number {
    return this.packets.size + this.unicasts.size;
  }

  get last(): Message {
    const last = this.sent.at(-1);
    if (last === undefined) throw new Error('nothing was sent');
    return last.message;
  }

  /**
   * Delivers bytes from the network header on, in a buffer that is overwritten afterwards; false
   * when no filter let them through.
   */
  deliver(bytes: Uint8Array, checksumNotReady = false): boolean {
    let isHeard = false;
    for (const socket of [...this.packets]) {
      if (runFilter(socket.options.filter ?? [[0x06, 0, 0, 1]], bytes) === 0) continue;
      isHeard = true;
      const arena = bytes.slice();
      socket.onMessage(arena, { hardwareAddress: new Uint8Array(6), checksumNotReady });
      arena.fill(0xee);
    }
    return isHeard;
  }

  #packet(options: PacketOptions, scope: Scope): MessageSocket<PacketSender> {
    this.#check('socket');
    const socket = Object.assign(new FakeSocket<PacketSender>((bytes, to) => {
      this.#check('send');
      if (to === undefined || !('hardwareAddress' in to)) throw new Error('a packet needs a hardware address');
      this.sent.push({ message: this.#decode(bytes), by: 'broadcast' });
    }), { options });
    this.packets.add(socket);
    scope.defer(() => void this.packets.delete(socket));
    return socket;
  }

  #udp(options: UdpOptions, scope: Scope): MessageSocket<UdpSender> {
    this.#check('socket');
    if (!this.hasAddress) throw new SystemError('EADDRNOTAVAIL', 99, 'bind', 'Cannot assign requested address');
    const { address, port, device, peer } = options;
    const by = `${address}:${port}%${device} ${peer?.address}:${peer?.port}`;
    const socket = new FakeSocket<UdpSender>((bytes) => {
      this.#check('send');
      this.sent.push({ message: this.#decode(bytes), by });
    });
    this.unicasts.add(socket);
    scope.defer(() => void this.unicasts.delete(socket));
    return socket;
  }

  #check(syscall: string): void {
    if (this.failure !== undefined) throw new SystemError(this.failure, 1, syscall, this.failure);
  }
}

/** A link with a DHCP client on it. */
export class FakeDhcpLink extends FakeLink<DhcpMessage> {
  constructor() {
    // What goes by UDP begins with op 1, an IPv4 header with version 4.
    super((bytes) => decodeMessage(bytes[0] === 1 ? bytes : decodeUdpPacket(bytes, false).payload));
  }

  /** Delivers a reply by broadcast; false when no filter let it through. */
  reply(message: DhcpMessage): boolean {
    return this.deliver(encodeUdpPacket({
      source: ip('192.0.2.1'),
      destination: ip('255.255.255.255'),
      sourcePort: 67,
      destinationPort: 68,
      payload: encodeMessage(message),
    }));
  }
}

class FakeSocket<Sender> implements MessageSocket<Sender> {
  readonly localPort = 0;
  onMessage: (bytes: Uint8Array, sender: Sender) => void = () => undefined;
  onError: (error: SystemError) => void = () => undefined;
  readonly send: (bytes: Uint8Array, to?: Destination) => void;

  constructor(send: (bytes: Uint8Array, to?: Destination) => void) {
    this.send = send;
  }
}
