/**
 * Watches over one IPv4 address on one Ethernet link (RFC 5227): the pure machine with its driver
 * and an ARP socket. A filter in the kernel keeps everything from this process but claims to the
 * address and probes for it.
 */

import type { Observable } from '../shared/emitter.ts';
import { DecodeError } from '../shared/errors.ts';
import type { IpAddress } from '../shared/ipaddress.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';
import type { MessageSocket, PacketSender, System } from '../system/system.ts';
import {
  type AcdEnv, type AcdEvent, type AcdInput, type AcdState, firstAcdState, nextAcdTickAt, stepAcd,
} from './acd-machine.ts';
import { arpFilter, type ArpPacket, decodeArp, encodeArp } from './arp.ts';
import { Driver, type LinkEnv } from './driver.ts';

export type { AcdEvent } from './acd-machine.ts';

const log = logger('src/dhcp/acd.ts');

/** What is watched over, and where. */
export interface AcdOptions {
  /** An Ethernet link that is up. */
  readonly ifindex: number;
  readonly hardwareAddress: Uint8Array;
  readonly address: IpAddress;
  /** The address is set already: it is announced at once and `free` comes without probes. */
  readonly isInUse?: boolean;
  /** Conflicts met before on this link; past ten, probing begins a minute later. */
  readonly conflicts?: number;
}

/** A running detection; it ends with its scope, silently. */
export interface Acd {
  /** Never emits during `startAcd`. */
  readonly events: Observable<AcdEvent>;
}

/**
 * Probes for an address, announces it and defends it until `scope` closes. Throws nothing: a link
 * that is down is tried again.
 */
export function startAcd(options: AcdOptions, { system, clock, random }: LinkEnv, scope: Scope): Acd {
  const { ifindex, hardwareAddress, address, isInUse = false, conflicts = 0 } = options;
  const own = scope.child();
  const environment = (): AcdEnv => ({ now: clock.now(), random, hardwareAddress, address });
  const socket = new ArpSocket(system, { ifindex, address }, own, (packet) => driver.feed({ kind: 'packet', packet }));
  const driver: Driver<AcdState, AcdInput, ArpPacket, AcdEvent> = new Driver({
    name: `ACD index ${ifindex} ${address}`,
    step: (state, input) => stepAcd(state, input, environment()),
    nextTickAt: nextAcdTickAt,
    send: (packet) => socket.send(packet),
    isListening: (state) => state.name !== 'ended',
    open: () => void socket.open(),
    close: () => socket.close(),
  }, firstAcdState({ isInUse, conflicts }, environment()), { clock, log }, own);
  return driver;
}

const ETHERTYPE_ARP = 0x0806;
const BROADCAST_HARDWARE = Uint8Array.of(255, 255, 255, 255, 255, 255);

/** Hears what concerns one address on one link. */
class ArpSocket {
  readonly #system: System;
  readonly #options: Pick<AcdOptions, 'ifindex' | 'address'>;
  readonly #scope: Scope;
  readonly #onPacket: (packet: ArpPacket) => void;
  #opened: { readonly scope: Scope; readonly socket: MessageSocket<PacketSender> } | undefined;

  constructor(
    system: System,
    options: Pick<AcdOptions, 'ifindex' | 'address'>,
    scope: Scope,
    onPacket: (packet: ArpPacket) => void,
  ) {
    this.#system = system;
    this.#options = options;
    this.#scope = scope;
    this.#onPacket = onPacket;
  }

  send(packet: ArpPacket): void {
    this.open().send(encodeArp(packet), { hardwareAddress: BROADCAST_HARDWARE });
  }

  open(): MessageSocket<PacketSender> {
    if (this.#opened !== undefined) return this.#opened.socket;
    const scope = this.#scope.child();
    const { ifindex, address } = this.#options;
    const socket = this.#system.packet({ ifindex, etherType: ETHERTYPE_ARP, filter: arpFilter(address) }, scope);
    socket.onMessage = (bytes) => this.#receive(bytes);
    // The link went down (ENETDOWN); the socket works again when it is up.
    socket.onError = (error) => log.debug('index %d: %s', ifindex, error.message);
    this.#opened = { scope, socket };
    return socket;
  }

  close(): void {
    void this.#opened?.scope.close();
    this.#opened = undefined;
  }

  #receive(bytes: Uint8Array): void {
    try {
      this.#onPacket(decodeArp(bytes));
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      log.debug('index %d: dropped a packet: %s', this.#options.ifindex, error.message);
    }
  }
}
