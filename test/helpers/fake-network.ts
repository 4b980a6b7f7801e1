/**
 * The network behind one link of a core on the bench, in memory: a DHCPv4 server, a router with a
 * DHCPv6 server, a status page over both families, and a time server. Everything answers at once, or,
 * while `isSilent`, nothing does. Open sockets are counted.
 */

import { decodeMessage as decodeMessage4, messageType, type DhcpMessage } from '../../src/dhcp/message.ts';
import { decodeUdpPacket } from '../../src/dhcp/udp-packet.ts';
import { decodeMessage, encodeMessage, type Dhcpv6Message } from '../../src/dhcpv6/message.ts';
import { associationsOf, OPTION, valueOf } from '../../src/dhcpv6/options.ts';
import type { Alarm } from '../../src/shared/clock.ts';
import { SystemError } from '../../src/shared/errors.ts';
import type { Scope } from '../../src/shared/scope.ts';
import type {
  Destination, MessageSocket, System, TcpStream, UdpOptions, UdpSender,
} from '../../src/system/system.ts';
import { FakeInet, ip6 } from '../unit/dhcp/fake-inet.ts';
import { FakeDhcpLink } from '../unit/dhcp/fake-link.ts';
import { replyTo } from '../unit/dhcp/life.ts';
import { answerTo, granted } from '../unit/dhcpv6/life.ts';
import { advertisement, nameserverOption, prefixOption } from '../unit/ndp/advertise.ts';
import { answer } from '../unit/ntp/fake-servers.ts';
import type { FakeClock } from './fake-clock.ts';
import type { FakeKernel } from './fake-kernel.ts';

const PAGE = Buffer.from('HTTP/1.1 200 OK\r\nX-ConnMan-Status: online\r\nContent-Length: 0\r\n\r\n');
const ROUTER_SOLICITATION = 133;
const LEASE_SEC = 7200;
/** Name server and time server. */
const DHCP_OPTIONS = { 6: Uint8Array.of(192, 0, 2, 53), 42: Uint8Array.of(192, 0, 2, 123) } as const;
/** Managed: routers send to the DHCPv6 server. */
const MANAGED = 0x80;
const ADVERTISED = `${prefixOption('20010db800010000', LEASE_SEC)} ${nameserverOption(0x53, LEASE_SEC)}`;

/** What the kernel makes of that. */
const MADE = { address: ip6('2001:db8:1::1:1'), prefixLength: 64 } as const;
const TIMED_OUT = new SystemError('ETIMEDOUT', 110, 'connect', 'Connection timed out');
/** As long as the kernel repeats a SYN. */
const CONNECT_MS = 127_000;

/** Servers in memory. */
export class FakeNetwork {
  isSilent = false;
  /** What was asked: `dhcp4`, `dhcp6`, `router`, `page4`, `page6`, `ntp`. */
  readonly counts = new Map<string, number>();
  readonly system: Partial<System>;
  readonly #clock: FakeClock;
  readonly #kernel: () => FakeKernel;
  readonly #options: Readonly<Record<number, Uint8Array>>;
  readonly #wired = new FakeDhcpLink();
  readonly #inet: FakeInet<void>;
  /** The kernel takes away what routers no longer speak of. */
  readonly #expiry: Alarm;
  #others = 0;

  /** `kernel` is asked for once something is sent; `options` are what DHCP gives with an address. */
  constructor(
    clock: FakeClock, kernel: () => FakeKernel, scope: Scope,
    options: Readonly<Record<number, Uint8Array>> = DHCP_OPTIONS,
  ) {
    this.#options = options;
    this.#expiry = clock.alarm('the kernel’s address ends', scope, () => {
      const ifindex = kernel().mirror.linkByName('eth0')?.ifindex ?? 0;
      kernel().address.remove({ ifindex, ...MADE }).catch(() => undefined);
    });
    this.#clock = clock;
    this.#kernel = kernel;
    this.#inet = new FakeInet<void>((bytes) => this.#take6(bytes.slice()));
    this.system = {
      packet: (options, scope) => this.#watched(this.#wired.system.packet(options, scope)),
      raw: (options, scope) => this.#inet.system.raw(options, scope),
      udp: (options, scope) => this.#udp(options, scope),
      tcpStream: ({ peer }, scope) => this.#page(peer.address.family, scope),
    };
  }

  get openSockets(): number {
    return this.#wired.openSockets + this.#inet.sockets.size + this.#others;
  }

  /** What routers send unasked, and what the kernel makes of it. */
  async advertise(): Promise<void> {
    if (this.isSilent) return;
    const link = this.#kernel().mirror.linkByName('eth0');
    if (link?.hasCarrier !== true) return;
    this.#inet.deliver(advertisement({ flags: MANAGED, options: ADVERTISED }));
    this.#expiry.set(this.#clock.now() + 1000 * LEASE_SEC);
    await this.#kernel().address.add({
      ifindex: link.ifindex, ...MADE,
      validLifetimeSec: LEASE_SEC, preferredLifetimeSec: LEASE_SEC, noDuplicateDetection: true,
    });
  }

  #udp(options: UdpOptions, scope: Scope): MessageSocket<UdpSender> {
    if (options.peer?.port === 123) return this.#ntp(options.peer, scope);
    if (options.family === 6) return this.#inet.system.udp(options, scope);
    return this.#watched(this.#wired.system.udp(options, scope));
  }

  /** The same socket; what it sends is answered. */
  #watched<Sender>(socket: MessageSocket<Sender>): MessageSocket<Sender> {
    const send = socket.send.bind(socket);
    return Object.assign(socket, {
      send: (bytes: Uint8Array, to?: Destination) => {
        send(bytes, to);
        this.#take4(decodeMessage4(bytes[0] === 1 ? bytes : decodeUdpPacket(bytes, false).payload));
        this.#wired.sent.length = 0;
      },
    });
  }

  #take4(message: DhcpMessage): void {
    this.#later('dhcp4', () => {
      const type = messageType(message);
      if (type === 'release') return;
      const changes = { leaseSec: LEASE_SEC, options: this.#options };
      this.#wired.reply(replyTo(message, type === 'discover' ? 'offer' : 'ack', changes));
    });
  }

  #take6(bytes: Uint8Array): void {
    this.#inet.sent.length = 0;
    if (bytes[0] === ROUTER_SOLICITATION) this.#later('router', () => void this.advertise());
    else this.#later('dhcp6', () => this.#reply6(decodeMessage(bytes)));
  }

  #reply6(message: Dhcpv6Message): void {
    const duid = valueOf(message.options, OPTION.clientId);
    const [first] = associationsOf(message.options);
    const associations = first === undefined ? [] : [granted({ iaid: first.iaid, validSec: LEASE_SEC })];
    const options = { 14: new Uint8Array(), 23: ip6('2001:db8:1::53').bytes };
    const reply = answerTo(message, 'reply', { ...(duid && { duid }), associations, options });
    this.#inet.deliver(encodeMessage(reply));
    const kernel = this.#kernel();
    for (const each of kernel.mirror.addresses.values()) if (each.isTentative) kernel.finishDetection(each);
  }

  #page(family: 4 | 6, scope: Scope): TcpStream {
    this.#open(scope);
    const stream: TcpStream = {
      queuedBytes: 0,
      onConnected: () => undefined,
      onData: () => undefined,
      onEnd: () => undefined,
      send: () => this.#later(`page${family}`, () => stream.onData(PAGE, [])),
    };
    if (!this.isSilent) setImmediate(() => scope.signal.aborted || stream.onConnected());
    else this.#clock.after('SYN', CONNECT_MS, scope, () => stream.onEnd(TIMED_OUT));
    return stream;
  }

  #ntp(peer: NonNullable<UdpOptions['peer']>, scope: Scope): MessageSocket<UdpSender> {
    this.#open(scope);
    const socket: MessageSocket<UdpSender> = {
      localPort: 0,
      onMessage: () => undefined,
      onError: () => undefined,
      send: (bytes) => {
        const reply = answer({}, new Uint8Array(bytes), this.#clock.wallTime().getTime());
        this.#later('ntp', () => socket.onMessage(reply, { ...peer, ifindex: 0, hopLimit: -1 }));
      },
    };
    return socket;
  }

  #open(scope: Scope): void {
    this.#others++;
    scope.defer(() => void this.#others--);
  }

  #later(what: string, act: () => void): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
    if (!this.isSilent) setImmediate(act);
  }
}
