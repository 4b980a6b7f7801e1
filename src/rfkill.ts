/**
 * Radio switches (linux/rfkill.h): what /dev/rfkill tells of them and how they are set, by type, as
 * the technologies want it. A type is blocked when all its switches are: one free radio is enough to
 * work with. Without /dev/rfkill there are no switches. The kernel has one set for all namespaces.
 */

import type { Alarm, Clock } from './shared/clock.ts';
import { HOST_IS_LITTLE_ENDIAN, Reader } from './shared/bytes.ts';
import { Emitter, type Observable } from './shared/emitter.ts';
import { DecodeError, messageOf, SystemError } from './shared/errors.ts';
import { logger } from './shared/log.ts';
import type { Scope } from './shared/scope.ts';
import type { MessageSocket, System } from './system/system.ts';
import type { TechnologyType } from './types.ts';

const log = logger('src/rfkill.ts');

const DEVICE = '/dev/rfkill';

/** RFKILL_EVENT_SIZE_V1; newer kernels may add to it. */
const EVENT_BYTES = 8;

/** enum rfkill_type of the technologies that have radios. */
const TYPE_NUMBERS = { wifi: 1, bluetooth: 2, cellular: 5 } as const satisfies Partial<Record<TechnologyType, number>>;

/** enum rfkill_operation. */
const OPERATIONS = ['add', 'remove', 'change', 'changeAll'] as const;

/** How long after a command events may still tell of the time before it. */
const SETTLE_MS = 500;

/** What the switches of one type amount to. */
export interface RadioState {
  /** By software: ours to change. */
  readonly isSoftBlocked: boolean;
  /** By a button or the firmware: nobody's to change. */
  readonly isHardBlocked: boolean;
}

/** A change among the switches of one type. */
export interface RadioChange {
  readonly type: TechnologyType;
  /** A switch of this type came, in this state. */
  readonly added?: RadioState;
}

/** struct rfkill_event. */
export interface RfkillEvent extends RadioState {
  readonly index: number;
  /** enum rfkill_type; 0 stands for all. */
  readonly typeNumber: number;
  readonly operation: (typeof OPERATIONS)[number];
}

/** Reads one event; throws DecodeError. What follows the first eight bytes is ignored. */
export function decodeRfkillEvent(bytes: Uint8Array): RfkillEvent {
  const reader = new Reader(bytes, 'rfkill event', HOST_IS_LITTLE_ENDIAN);
  const index = reader.u32();
  const typeNumber = reader.u8();
  const operation = OPERATIONS[reader.u8()] ?? reader.fail('unknown operation');
  return { index, typeNumber, operation, isSoftBlocked: reader.u8() !== 0, isHardBlocked: reader.u8() !== 0 };
}

/** The command that blocks or frees all switches of a type, those to come included. */
export function encodeBlock(typeNumber: number, isBlocked: boolean): Uint8Array {
  const bytes = new Uint8Array(EVENT_BYTES);
  bytes[4] = typeNumber;
  bytes[5] = OPERATIONS.indexOf('changeAll');
  bytes[6] = Number(isBlocked);
  return bytes;
}

/** The machine's radio switches. */
export class RadioSwitches {
  readonly #switches = new Map<number, RadioState & { readonly type: TechnologyType }>();
  readonly #settling = new Map<TechnologyType, Alarm>();
  readonly #changed = new Emitter<RadioChange>();
  readonly #clock: Clock;
  readonly #scope: Scope;
  readonly #device: MessageSocket<undefined> | undefined;

  /** Opens the device and follows it until `scope` closes. */
  constructor({ system, clock }: { system: System; clock: Clock }, scope: Scope) {
    this.#clock = clock;
    this.#scope = scope;
    this.#device = openDevice(system, scope);
    if (this.#device === undefined) return;
    this.#device.onMessage = (bytes) => this.#read(bytes);
    this.#device.onError = (error) => log.error('%s: %s', DEVICE, error.message);
  }

  /** Emits after every event, and when a type has settled. */
  get changed(): Observable<RadioChange> {
    return this.#changed;
  }

  /** The types that have a switch. */
  get types(): ReadonlySet<TechnologyType> {
    return new Set([...this.#switches.values()].map(({ type }) => type));
  }

  /** Whether what is told of a type may be older than what we last asked of it. */
  isSettling(type: TechnologyType): boolean {
    return this.#settling.has(type);
  }

  /** Undefined for a type that has no switch. */
  stateOf(type: TechnologyType): RadioState | undefined {
    const switches = [...this.#switches.values()].filter((each) => each.type === type);
    if (switches.length === 0) return undefined;
    return {
      isSoftBlocked: switches.every(({ isSoftBlocked }) => isSoftBlocked),
      isHardBlocked: switches.every(({ isHardBlocked }) => isHardBlocked),
    };
  }

  /** Blocks or frees all radios of a type; nothing happens where it has no switch. */
  block(type: TechnologyType, isBlocked: boolean): void {
    const typeNumber = Object.entries(TYPE_NUMBERS).find(([name]) => name === type)?.[1];
    if (typeNumber === undefined || this.#device === undefined || !this.types.has(type)) return;
    try {
      this.#device.send(encodeBlock(typeNumber, isBlocked));
    } catch (error) {
      log.error('cannot %s %s: %s', isBlocked ? 'block' : 'unblock', type, messageOf(error));
      return;
    }
    log.debug('%s %s', isBlocked ? 'blocked' : 'unblocked', type);
    this.#settle(type);
  }

  #settle(type: TechnologyType): void {
    let alarm = this.#settling.get(type);
    if (alarm === undefined) {
      alarm = this.#clock.alarm(`rfkill ${type}`, this.#scope, () => {
        this.#settling.delete(type);
        this.#changed.emit({ type });
      });
      this.#settling.set(type, alarm);
    }
    alarm.set(this.#clock.now() + SETTLE_MS);
  }

  #read(bytes: Uint8Array): void {
    let event: RfkillEvent;
    try {
      event = decodeRfkillEvent(bytes);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      log.debug('%s', error.message);
      return;
    }
    const type = typeOf(event.typeNumber);
    if (type === undefined || event.operation === 'changeAll') return;
    const { index, operation, isSoftBlocked, isHardBlocked } = event;
    log.debug('%s %s %d: soft %s, hard %s', operation, type, index, isSoftBlocked, isHardBlocked);
    if (operation === 'remove') this.#switches.delete(index);
    else this.#switches.set(index, { type, isSoftBlocked, isHardBlocked });
    this.#changed.emit({ type, ...(operation === 'add' && { added: { isSoftBlocked, isHardBlocked } }) });
  }
}

function openDevice(system: System, scope: Scope): MessageSocket<undefined> | undefined {
  try {
    return system.device(DEVICE, scope);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    if (error.code !== 'ENOENT') log.warn('%s: %s', DEVICE, error.message);
    return undefined;
  }
}

function typeOf(typeNumber: number): TechnologyType | undefined {
  switch (typeNumber) {
    case TYPE_NUMBERS.wifi:
      return 'wifi';
    case TYPE_NUMBERS.bluetooth:
      return 'bluetooth';
    case TYPE_NUMBERS.cellular:
      return 'cellular';
    default:
      return undefined;
  }
}
