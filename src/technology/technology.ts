/**
 * A technology: all devices of one type and their radio switches, powered together. It exists while
 * it has one of either. Whether the user wants it on is remembered by the registry.
 */

import { unlessAborted } from '../shared/abort.ts';
import { ConnmanError, messageOf } from '../shared/errors.ts';
import { Emitter, type Observable } from '../shared/emitter.ts';
import { logger } from '../shared/log.ts';
import type { Clock } from '../shared/clock.ts';
import type { Scope } from '../shared/scope.ts';
import type { Device, DeviceControl } from '../device.ts';
import type { RadioState } from '../rfkill.ts';
import { ScanError, type ScanOutcome, scanOutcome, type ScanTrouble } from './scan-outcome.ts';
import { Sharing, type SharingAspect } from '../tethering/sharing.ts';
import { TECHNOLOGY_NAMES, type TechnologyType } from '../types.ts';

const log = logger('src/technology/technology.ts');

/** ConnMan answers a power request after this long at the latest. */
const POWER_TIMEOUT_MS = 10_000;

/** What of a technology can change. */
export type TechnologyAspect = 'powered' | 'connected' | SharingAspect;

/** A device that cannot be powered when it appears is tried again, ever later: the last after two minutes. */
const POWER_RETRY_MS = 1_000;
const MAX_POWER_RETRIES = 7;

/** The radio switches of a technology's type. */
export interface Radio {
  /** Blocks or frees them all; nothing happens where there is none. */
  block(isBlocked: boolean): void;
}

/** What has no interface of its own but works on those of another technology. */
export interface Unit extends DeviceControl {
  /** Whether it can be powered now; else it waits for `update`. */
  readonly isAble: boolean;
}

interface Member {
  /** Absent for a unit. */
  readonly device: Device | undefined;
  readonly control: DeviceControl;
  /** Whether it can be powered now. */
  isAble(): boolean;
  isPowered: boolean;
  /** While its driver is at it. */
  enabling: Promise<void> | undefined;
  /** Somebody has turned it off since it appeared. */
  isUnwanted: boolean;
}

/** All devices of one type. */
export class Technology {
  readonly type: TechnologyType;
  readonly sharing = new Sharing((aspect) => this.#changed.emit(aspect));
  readonly #clock: Clock;
  readonly #radio: Radio;
  readonly #scope: Scope;
  readonly #changed = new Emitter<TechnologyAspect>();
  readonly #members = new Set<Member>();
  #switches: RadioState | undefined;
  readonly #scanned = new Emitter<void>();
  #lastScan: ScanOutcome | undefined;
  #isPowered = false;
  #isChangingPower = false;
  #connectedServices = 0;

  constructor(type: TechnologyType, radio: Radio, clock: Clock, scope: Scope) {
    this.type = type;
    this.#radio = radio;
    this.#clock = clock;
    this.#scope = scope;
  }

  get name(): string {
    return TECHNOLOGY_NAMES[this.type];
  }

  get isPowered(): boolean {
    return this.#isPowered;
  }

  /** Whether one of its services is ready or online. */
  get isConnected(): boolean {
    return this.#connectedServices > 0;
  }

  /** Whether its last device and radio switch are gone. */
  get isEmpty(): boolean {
    return this.#members.size === 0 && this.#switches === undefined;
  }

  /** What its radio switches amount to; undefined where it has none. */
  get switches(): RadioState | undefined {
    return this.#switches;
  }

  /** Whether all its devices are powered, or none. */
  isUniformly(isPowered: boolean): boolean {
    return [...this.#members].every((member) => member.isPowered === isPowered);
  }

  /** Whether a change of power is under way. */
  get isChangingPower(): boolean {
    return this.#isChangingPower;
  }

  /** Its powered devices with their drivers' sides. */
  get powered(): readonly { readonly device: Device; readonly control: DeviceControl }[] {
    return [...this.#members].flatMap(({ device, control, isPowered }) =>
      device === undefined || !isPowered ? [] : [{ device, control }]);
  }

  get devices(): Iterable<Device> {
    return [...this.#members].flatMap(({ device }) => device ?? []);
  }

  /** Emits when `lastScan` is another. */
  get scanned(): Observable<void> {
    return this.#scanned;
  }

  get changed(): Observable<TechnologyAspect> {
    return this.#changed;
  }

  /** Takes a device in, until `scope` closes; powers it when `isWanted`. */
  addDevice(device: Device, control: DeviceControl, isWanted: boolean, scope: Scope): void {
    const member: Member = {
      device, control, isAble: () => true, isPowered: false, enabling: undefined, isUnwanted: false,
    };
    this.#addMember(member, scope);
    if (isWanted) this.#powerFirst(member, 0, scope);
  }

  /**
   * Takes in a unit until `scope` closes. What is returned is to be called when it has become able or
   * unable, with whether it is wanted.
   */
  addUnit(unit: Unit, scope: Scope): (isWanted: boolean) => void {
    const isAble = (): boolean => unit.isAble;
    const member: Member = {
      device: undefined, control: unit, isAble, isPowered: false, enabling: undefined, isUnwanted: false,
    };
    this.#addMember(member, scope);
    return (isWanted) => {
      this.#powerOne(member, isWanted && unit.isAble, scope.signal).catch((error: unknown) => {
        if (!scope.isClosed) this.#reportPower(member, error);
        this.#updatePowered();
      });
    };
  }

  #addMember(member: Member, scope: Scope): void {
    this.#members.add(member);
    scope.defer(() => {
      this.#members.delete(member);
      this.#updatePowered();
    });
  }

  // What its driver needs may not be there yet, or not any more and soon again.
  #powerFirst(member: Member, attempts: number, scope: Scope): void {
    this.#powerOne(member, true, scope.signal).catch((error: unknown) => {
      this.#reportPower(member, error);
      this.#updatePowered();
      if (attempts >= MAX_POWER_RETRIES || scope.isClosed) return;
      this.#clock.after(`power ${this.#nameOf(member)}`, POWER_RETRY_MS * 2 ** attempts, scope, () => {
        const isOff = this.#isChangingPower || this.#switches?.isSoftBlocked === true;
        if (!member.isPowered && !isOff && !member.isUnwanted) this.#powerFirst(member, attempts + 1, scope);
      });
    });
  }

  /**
   * Powers all devices and radios. Throws AlreadyEnabled, AlreadyDisabled, Failed (busy),
   * PermissionDenied (a switch nobody can set is off), OperationTimeout after ten seconds, or what
   * the driver says.
   */
  async setPowered(isPowered: boolean): Promise<void> {
    if (this.#isChangingPower) throw new ConnmanError('Failed', 'Device or resource busy');
    if (this.#isPowered === isPowered) throw new ConnmanError(isPowered ? 'AlreadyEnabled' : 'AlreadyDisabled');
    await this.applyPower(isPowered);
  }

  /** The same without the complaint about what is so already (offline mode, start). */
  async applyPower(isPowered: boolean): Promise<void> {
    if (isPowered && this.#switches?.isHardBlocked === true) throw new ConnmanError('PermissionDenied');
    if (isPowered) this.#radio.block(false);
    await this.powerDevices(isPowered);
    if (!isPowered) this.#radio.block(true);
  }

  /** For the registry: powers the devices as their radios are already. Throws as `setPowered`. */
  async powerDevices(isPowered: boolean): Promise<void> {
    this.#isChangingPower = true;
    if (!isPowered && this.sharing.isOn) {
      for (const { device } of this.powered) device.announceDisable();
      await this.sharing.leave();
    }
    const limits = this.#scope.child();
    const signal = this.#clock.deadline(`power ${this.type}`, POWER_TIMEOUT_MS, this.#scope.signal, limits);
    try {
      const outcomes = [...this.#members].map((member) => this.#powerOne(member, isPowered, signal));
      await Promise.all(outcomes);
    } finally {
      this.#isChangingPower = false;
      await limits.close();
    }
  }

  /** Tells everyone that it is off, and leaves its devices as they are: the daemon stops. */
  takeLeave(): void {
    for (const member of this.#members) member.isPowered = false;
    this.#updatePowered();
  }

  /**
   * Looks for networks on every device. Throws NotSupported, NoCarrier (PermissionDenied where it has no
   * devices of its own) or what the driver says.
   */
  async scan(signal: AbortSignal): Promise<void> {
    try {
      await this.#scan(signal);
      this.#noteScan(scanOutcome(this.#clock.wallTime()));
    } catch (error) {
      this.#noteScan(scanOutcome(this.#clock.wallTime(), error));
      throw error;
    }
  }

  /** How the last scan that somebody asked for went. */
  get lastScan(): ScanOutcome | undefined {
    return this.#lastScan;
  }

  async #scan(signal: AbortSignal): Promise<void> {
    const able = [...this.#members].filter(({ control }) => control.scan !== undefined);
    if (able.length === 0) throw new ScanError('NotSupported', 'no-device');
    const powered = able.filter((member) => member.isPowered);
    const isUnit = able.every(({ device }) => device === undefined);
    if (powered.length === 0) throw new ScanError(isUnit ? 'PermissionDenied' : 'NoCarrier', this.#whyOff());
    await Promise.all(powered.map(async ({ control }) => control.scan?.(signal)));
  }

  #whyOff(): ScanTrouble {
    if (this.#switches?.isHardBlocked === true) return 'hard-blocked';
    return this.#switches?.isSoftBlocked === true ? 'soft-blocked' : 'off';
  }

  #noteScan(outcome: ScanOutcome): void {
    this.#lastScan = outcome;
    this.#scanned.emit();
  }

  /** For services: one of this type got connected (+1) or left (-1). */
  countConnected(change: 1 | -1): void {
    const before = this.isConnected;
    this.#connectedServices += change;
    if (before !== this.isConnected) this.#changed.emit('connected');
  }

  /** For the registry: what the kernel told of its radio switches. */
  setSwitches(switches: RadioState | undefined): void {
    this.#switches = switches;
    this.#updatePowered();
  }

  async #powerOne(member: Member, isPowered: boolean, signal: AbortSignal): Promise<void> {
    const { device, control } = member;
    member.isUnwanted = !isPowered;
    if (member.isPowered === isPowered || (isPowered && !member.isAble())) return;
    if (!isPowered) device?.announceDisable();
    try {
      await (isPowered ? this.#enable(member, signal) : control.disable(signal));
    } catch (error) {
      device?.setPowered(member.isPowered);
      throw error;
    }
    member.isPowered = isPowered;
    this.#updatePowered();
    device?.setPowered(isPowered);
  }

  // A driver is asked once: who wants it on meanwhile waits for that as well.
  #enable(member: Member, signal: AbortSignal): Promise<void> {
    const { enabling } = member;
    if (enabling !== undefined) return unlessAborted(enabling, signal);
    return (member.enabling = this.#beginToEnable(member, signal));
  }

  async #beginToEnable(member: Member, signal: AbortSignal): Promise<void> {
    try {
      await member.control.enable(signal);
      member.isPowered = true;
    } finally {
      member.enabling = undefined;
    }
  }

  #reportPower(member: Member, error: unknown): void {
    if (member.device?.scope.isClosed === true) return;
    log.error('%s: cannot be enabled: %s', this.#nameOf(member), messageOf(error));
  }

  #nameOf({ device }: Member): string {
    return device?.interfaceName ?? this.name;
  }

  #updatePowered(): void {
    const isPowered = this.#members.size > 0
      ? [...this.#members].some((member) => member.isPowered)
      : this.#switches !== undefined && !this.#switches.isSoftBlocked && !this.#switches.isHardBlocked;
    if (isPowered === this.#isPowered) return;
    this.#isPowered = isPowered;
    log.debug('%s is %s', this.name, isPowered ? 'powered' : 'off');
    this.#changed.emit('powered');
  }
}
