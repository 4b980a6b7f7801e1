/**
 * A world with the true time, NTP servers, and a machine whose crystal is off: what the kernel's
 * clock loop makes of corrections is reckoned as kernel/time/ntp.c does (phase at 2^(c+2) s, a
 * frequency from each), so that a client can be watched for months in a moment.
 */

import { MESSAGE_BYTES } from '../../../src/ntp/packet.ts';
import { NtpClient, type NtpEvent } from '../../../src/ntp/client.ts';
import type { IpAddress } from '../../../src/shared/ipaddress.ts';
import { parseIpAddress } from '../../../src/shared/ipaddress.ts';
import type { Scope } from '../../../src/shared/scope.ts';
import type { MessageSocket, UdpOptions, UdpSender } from '../../../src/system/system.ts';
import type { FakeClock } from '../../helpers/fake-clock.ts';

/** One server and its manners. */
export interface FakeServer {
  /** How far its clock is off. */
  offsetMs?: number;
  /** One way, there and back. */
  delaysMs?: readonly [number, number];
  /** Added to each way, from 0 to this. */
  jitterMs?: number;
  stratum?: number;
  leap?: 0 | 1 | 2 | 3;
  rootDispersionMs?: number;
  /** Four letters: a kiss in place of the time. */
  kiss?: string;
  poll?: number;
  isSilent?: boolean;
  /** Changes the reply, or adds replies, before it goes. */
  forge?: (reply: Uint8Array, request: Uint8Array) => readonly Uint8Array[];
}

/** A request as it was seen. */
export interface Seen {
  readonly atMs: number;
  readonly address: string;
  readonly bytes: Uint8Array;
}

/** Servers, wire and machine. */
export class World {
  readonly servers = new Map<string, FakeServer>();
  readonly names = new Map<string, readonly string[]>();
  readonly seen: Seen[] = [];
  readonly lookups: string[] = [];
  readonly events: NtpEvent[] = [];
  openSockets = 0;
  /** The crystal's own error, in parts of one. */
  drift = 0;
  readonly #clock: FakeClock;
  #errorMs: number;
  #wallBaseMs = Date.UTC(2026, 5, 1);
  #atMs: number;
  #phaseMs = 0;
  #tauSec = 16;
  #frequency = 0;
  #adjustedAtMs = 0;
  #seed = 42;

  /** `errorMs`: how far the clock is behind the truth at first. */
  constructor(clock: FakeClock, errorMs = 0) {
    this.#clock = clock;
    this.#errorMs = errorMs;
    this.#atMs = clock.now();
  }

  /** A client in this world whose corrections are carried out. */
  client(scope: Scope): NtpClient {
    const client = new NtpClient({
      system: { udp: (options, own) => this.#udp(options, own), wallTime: () => this.wallTime() },
      clock: this.#clock,
      random: { u32: () => Math.floor(this.chance() * 0x1_0000_0000), fraction: () => this.chance() },
      resolve: async (name) => {
        this.lookups.push(name);
        const addresses = (this.names.get(name) ?? []).flatMap((text) => parseIpAddress(text) ?? []);
        if (addresses.length === 0) throw new Error(`${name}: none`);
        return addresses;
      },
    }, scope);
    client.events.observe(scope, (event) => {
      this.events.push(event);
      if (event.kind === 'adjust') this.adjust(event.offsetMs, event.how, event.timeConstant);
    });
    return client;
  }

  /** How far the clock is behind the truth. */
  get errorMs(): number {
    this.#pass();
    return this.#errorMs;
  }

  wallTime(): number {
    return this.#wallBaseMs + this.#clock.now();
  }

  /** Somebody sets the clock. */
  setClock(byMs: number): void {
    this.#pass();
    this.#wallBaseMs += byMs;
    this.#errorMs -= byMs;
  }

  adjust(offsetMs: number, how: 'slew' | 'step', constant: number | undefined): void {
    this.#pass();
    if (how === 'step') return this.setClock(offsetMs);
    const c = constant ?? 2;
    const sinceSec = (this.#clock.now() - this.#adjustedAtMs) / 1000;
    this.#adjustedAtMs = this.#clock.now();
    this.#phaseMs = offsetMs;
    this.#tauSec = 2 ** (c + 2);
    if (constant === undefined) return;
    const gain = Math.min(sinceSec, 2 ** (c + 3)) / 2 ** (2 * (c + 4));
    this.#frequency = Math.max(-500e-6, Math.min(500e-6, this.#frequency + (offsetMs / 1000) * gain));
  }

  /** The same numbers in every run. */
  chance(): number {
    this.#seed = (Math.imul(this.#seed, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#seed / 0x1_0000_0000;
  }

  /** Requests to an address since a time. */
  count(address: string, sinceMs = 0): number {
    return this.seen.filter((each) => each.address === address && each.atMs >= sinceMs).length;
  }

  #pass(): void {
    const now = this.#clock.now();
    const elapsedSec = (now - this.#atMs) / 1000;
    this.#atMs = now;
    const slewedMs = this.#phaseMs * (1 - Math.exp(-elapsedSec / this.#tauSec));
    this.#phaseMs -= slewedMs;
    this.#errorMs += (this.drift - this.#frequency) * elapsedSec * 1000 - slewedMs;
  }

  #trueTime(): number {
    return this.wallTime() + this.errorMs;
  }

  #udp({ peer }: UdpOptions, scope: Scope): MessageSocket<UdpSender> {
    if (peer?.port !== 123) throw new Error('not connected to a server');
    this.openSockets++;
    scope.defer(() => void this.openSockets--);
    const socket: MessageSocket<UdpSender> = {
      localPort: 0,
      onMessage: () => undefined,
      onError: () => undefined,
      send: (bytes) => this.#serve(peer.address, new Uint8Array(bytes), socket, scope),
    };
    return socket;
  }

  #serve(address: IpAddress, request: Uint8Array, socket: MessageSocket<UdpSender>, scope: Scope): void {
    this.seen.push({ atMs: this.#clock.now(), address: String(address), bytes: request });
    const server = this.servers.get(String(address));
    if (server === undefined || server.isSilent === true) return;
    const [there = 5, back = 5] = server.delaysMs ?? [];
    const extra = (): number => this.chance() * (server.jitterMs ?? 0);
    const thereMs = there + extra();
    const reply = answer(server, request, this.#trueTime() + thereMs + (server.offsetMs ?? 0));
    const replies = server.forge?.(reply, request) ?? [reply];
    this.#clock.after('reply', thereMs + back + extra(), scope, () => {
      for (const each of replies) socket.onMessage(each, { address, port: 123, ifindex: 0, hopLimit: -1 });
    });
  }
}

/** A server's message as RFC 5905, 7.3 lays it out; made without the codec under test. */
export function answer(server: FakeServer, request: Uint8Array, unixMs: number): Uint8Array {
  const bytes = Buffer.alloc(MESSAGE_BYTES);
  const isKiss = server.kiss !== undefined;
  bytes[0] = ((isKiss ? 3 : (server.leap ?? 0)) << 6) | (4 << 3) | 4;
  bytes[1] = isKiss ? 0 : (server.stratum ?? 2);
  bytes[2] = server.poll ?? request[2] ?? 0;
  bytes[3] = -20 & 0xff;
  bytes.writeUInt32BE(Math.round(0.01 * 65_536), 4);
  bytes.writeUInt32BE(Math.round(((server.rootDispersionMs ?? 5) / 1000) * 65_536), 8);
  bytes.write(server.kiss ?? 'GPS', 12, 'latin1');
  bytes.set(request.subarray(40, 48), 24);
  writeTimestamp(bytes, 32, unixMs);
  writeTimestamp(bytes, 40, unixMs + 0.02);
  return bytes;
}

function writeTimestamp(bytes: Buffer, at: number, unixMs: number): void {
  const sec = Math.floor(unixMs / 1000);
  bytes.writeUInt32BE((sec + 2_208_988_800) % 0x1_0000_0000, at);
  bytes.writeUInt32BE(Math.floor(((unixMs - sec * 1000) / 1000) * 0x1_0000_0000) >>> 0, at + 4);
}
