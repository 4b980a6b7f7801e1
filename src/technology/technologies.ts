/**
 * The registry of technologies: brings drivers and interfaces of one type together as devices, and
 * keeps in the settings file which technologies the user wants on, and offline mode over them all.
 */

import { ConnmanError, messageOf } from '../shared/errors.ts';
import { Emitter, type Observable } from '../shared/emitter.ts';
import { logger } from '../shared/log.ts';
import type { Clock } from '../shared/clock.ts';
import type { Scope } from '../shared/scope.ts';
import { Device, type DeviceControl } from '../device.ts';
import type { GlobalSettings } from '../global-settings.ts';
import type { Interfaces, ManagedInterface } from '../interfaces.ts';
import type { OwnAddresses } from '../own-addresses.ts';
import type { RadioChange, RadioState, RadioSwitches } from '../rfkill.ts';
import type { TechnologyType } from '../types.ts';
import { Technology, type Unit } from './technology.ts';

const log = logger('src/technology/technologies.ts');

/** What a plugin offers: care of all devices of one type. */
export interface TechnologyDriver {
  readonly type: TechnologyType;
  /** Of several for a type the one of the highest rank has the devices; 0 unless said. */
  readonly rank?: number;
  /** Whether it can work with the interface of a name; without it, with all. */
  has?(interfaceName: string): boolean;
  /** Whether its devices are shared as access points, with a name of their own. */
  readonly hasAccessPoints?: boolean;
  /** Takes charge of a device; whatever it registers belongs to `scope`. */
  attach(device: Device, scope: Scope): DeviceControl;
}

/** What technologies take from the core. */
export interface TechnologiesParts {
  readonly clock: Clock;
  readonly settings: GlobalSettings;
  readonly interfaces: Interfaces;
  readonly radios: RadioSwitches;
  readonly addresses: Pick<OwnAddresses, 'identityOf'>;
}

interface Registered {
  readonly driver: TechnologyDriver;
  readonly scope: Scope;
}

interface Entry {
  readonly technology: Technology;
  readonly scope: Scope;
  /** While users see it. */
  shown: Scope | undefined;
}

/** All technologies. */
export class Technologies {
  readonly #clock: Clock;
  readonly #settings: GlobalSettings;
  readonly #interfaces: Interfaces;
  readonly #radios: RadioSwitches;
  readonly #addresses: Pick<OwnAddresses, 'identityOf'>;
  readonly #scope: Scope;
  /** By type, the one of the highest rank first. */
  readonly #drivers = new Map<TechnologyType, readonly Registered[]>();
  readonly #technologies = new Map<TechnologyType, Entry>();
  readonly #devices = new Map<number, Device>();
  /** Whose each device is, with the scope that takes it away. */
  readonly #owners = new Map<number, { readonly entry: Registered; readonly scope: Scope }>();
  readonly #added = new Emitter<{ technology: Technology; scope: Scope }>();
  readonly #deviceAdded = new Emitter<Device>();
  /** For plugins: why nobody takes care of a type's interfaces, while that is so; for whoever asks. */
  readonly absences = new Map<TechnologyType, string>();
  readonly #offlineChanged = new Emitter<void>();
  #isOffline: boolean;

  constructor(parts: TechnologiesParts, scope: Scope) {
    this.#clock = parts.clock;
    this.#settings = parts.settings;
    this.#isOffline = parts.settings.getBoolean('global', 'OfflineMode') ?? false;
    this.#interfaces = parts.interfaces;
    this.#radios = parts.radios;
    this.#addresses = parts.addresses;
    this.#scope = scope;
    this.#radios.changed.observe(scope, (change) => this.#followRadio(change));
    this.#interfaces.appeared.observe(scope, (managed) => {
      this.#owners.delete(managed.link.ifindex); // it may be back before whoever had it has let go
      this.#assign(managed);
    });
    this.#interfaces.changed.observe(scope, ({ after }) => this.#devices.get(after.ifindex)?.updateLink(after));
  }

  get isOffline(): boolean {
    return this.#isOffline;
  }

  /** Emits when everything has been turned off, and before anything is turned on again. */
  get offlineChanged(): Observable<void> {
    return this.#offlineChanged;
  }

  /** Emits a technology with the scope that closes when it goes, or when all its radios are blocked for good. */
  get added(): Observable<{ technology: Technology; scope: Scope }> {
    return this.#added;
  }

  /** Emits a device before its driver takes charge of it. */
  get deviceAdded(): Observable<Device> {
    return this.#deviceAdded;
  }

  /** Newest first, as ConnMan lists them; without those whose radios are all blocked for good. */
  get list(): readonly Technology[] {
    const shown = [...this.#technologies.values()].filter((entry) => entry.shown !== undefined);
    return shown.map(({ technology }) => technology).reverse();
  }

  /** All of them, newest first. */
  get all(): readonly Technology[] {
    return [...this.#technologies.values()].map(({ technology }) => technology).reverse();
  }

  /** Whether the user wants it on, when not in offline mode. */
  isWanted(type: TechnologyType): boolean {
    const name = this.get(type)?.name;
    return (name === undefined ? undefined : this.#settings.getBoolean(name, 'Enable')) ?? type === 'ethernet';
  }

  /** Whether a driver for a type is there. */
  isServed(type: TechnologyType): boolean {
    return this.#drivers.has(type);
  }

  /** Whether tethering of a type means access points. */
  hasAccessPoints(type: TechnologyType): boolean {
    return this.#drivers.get(type)?.[0]?.driver.hasAccessPoints ?? false;
  }

  get(type: TechnologyType): Technology | undefined {
    return this.#technologies.get(type)?.technology;
  }

  /**
   * For plugins: `driver` gets every device of its type that it has, until `scope` closes, unless there
   * is one of a higher rank for it. What is returned is to be called when `has` says something else.
   * Throws where there is one of the same rank.
   */
  register(driver: TechnologyDriver, scope: Scope): () => void {
    const { type, rank = 0 } = driver;
    const rivals = this.#drivers.get(type) ?? [];
    if (rivals.some((rival) => (rival.driver.rank ?? 0) === rank)) throw new Error(`a second driver for ${type}`);
    const own: Registered = { driver, scope };
    this.#drivers.set(type, [...rivals, own].sort((one, other) => (other.driver.rank ?? 0) - (one.driver.rank ?? 0)));
    scope.defer(() => this.#unregister(own));
    const switches = this.#radios.stateOf(type);
    if (switches !== undefined && rivals.length === 0) this.#followRadio({ type, added: switches });
    this.#assignAll(type);
    return () => this.#assignAll(type);
  }

  /**
   * For plugins: what has no interface of its own belongs to `type` until `scope` closes. What is
   * returned is to be called whenever `unit.isAble` has changed: it is powered if that is wanted.
   */
  addUnit(type: TechnologyType, unit: Unit, scope: Scope): () => void {
    const technology = this.#ensure(type);
    scope.defer(() => this.#releaseIfEmpty(type));
    const power = technology.addUnit(unit, scope);
    const update = (): void => power(this.#isDue(type));
    update();
    return update;
  }

  /** Turns everything off, or on again what the user wants on. Never throws: failures are logged. */
  async setOffline(isOffline: boolean): Promise<void> {
    if (isOffline === this.#isOffline) return;
    this.#isOffline = isOffline;
    if (!isOffline) this.#offlineChanged.emit();
    await Promise.all(this.list.map((technology) => this.#applyPower(technology)));
    if (isOffline) this.#offlineChanged.emit();
    this.#settings.set({ global: { OfflineMode: isOffline } });
  }

  /** The settings file is another one: everything is turned on and off as it says. Never throws. */
  async reload(): Promise<void> {
    this.#settings.reload();
    const isOffline = this.#settings.getBoolean('global', 'OfflineMode') ?? false;
    if (isOffline !== this.#isOffline) return this.setOffline(isOffline);
    const others = this.list.filter(({ type, isPowered }) => isPowered !== this.#isDue(type));
    await Promise.all(others.map((technology) => this.#applyPower(technology)));
  }

  /** Powers a technology for a user and remembers it. Throws as `Technology.setPowered`. */
  async setPowered(technology: Technology, isPowered: boolean): Promise<void> {
    try {
      await technology.setPowered(isPowered);
    } catch (error) {
      const isBusy = error instanceof ConnmanError && error.code === 'Failed';
      if (!isBusy) this.remember(technology, isPowered);
      throw error;
    } finally {
      if (technology.switches !== undefined) this.#obeySwitches(technology, technology.switches);
    }
    this.remember(technology, isPowered);
  }

  /** The daemon stops: all are told to be off and go; their devices stay as they are. */
  async takeLeave(): Promise<void> {
    for (const [type, { technology, scope }] of [...this.#technologies].reverse()) {
      technology.takeLeave();
      this.#technologies.delete(type);
      await scope.close();
    }
  }

  /** Stores what is set for a technology, by default with the power it is wanted to have. */
  remember({ type, name, sharing }: Technology, isEnabled = this.isWanted(type)): void {
    this.#settings.set({ [name]: { Enable: isEnabled, ...sharing.stored() } });
  }

  #unregister(gone: Registered): void {
    const { type } = gone.driver;
    const left = (this.#drivers.get(type) ?? []).filter((each) => each !== gone);
    if (left.length === 0) this.#drivers.delete(type);
    else this.#drivers.set(type, left);
    this.#assignAll(type);
    if (left.length === 0) this.#releaseRadio(type);
  }

  #assignAll(type: TechnologyType): void {
    for (const managed of this.#interfaces.managed) if (managed.type === type) this.#assign(managed);
  }

  // The first driver that has it takes charge, from another where there was one.
  #assign(managed: ManagedInterface): void {
    const { type, link } = managed;
    const chosen = this.#drivers.get(type)?.find(({ driver }) => driver.has?.(link.name) ?? true);
    const owner = this.#owners.get(link.ifindex);
    if (owner !== undefined && owner.entry === chosen) return;
    void owner?.scope.close();
    if (chosen !== undefined) this.#attach(managed, chosen);
  }

  /** Whether it is to be on now. */
  #isDue(type: TechnologyType): boolean {
    return !this.#isOffline && this.isWanted(type);
  }

  async #applyPower(technology: Technology): Promise<void> {
    try {
      await technology.applyPower(this.#isDue(technology.type));
    } catch (error) {
      log.error('%s: %s', technology.name, messageOf(error));
    }
  }

  #attach({ type, link, scope }: ManagedInterface, entry: Registered): void {
    const own = scope.child();
    const untie = entry.scope.child(); // closes `own` when the driver goes first
    untie.defer(() => own.close());
    this.#owners.set(link.ifindex, { entry, scope: own });
    own.defer(() => {
      if (this.#owners.get(link.ifindex)?.scope === own) this.#owners.delete(link.ifindex);
      void untie.close();
    });
    const device = new Device(type, link, own, { identity: this.#addresses.identityOf(link) });
    this.#devices.set(link.ifindex, device);
    // The interface may be back, with another name or address, before this device has closed.
    own.defer(() => {
      if (this.#devices.get(link.ifindex) === device) this.#devices.delete(link.ifindex);
    });
    const technology = this.#ensure(type);
    own.defer(() => this.#releaseIfEmpty(type));
    this.#deviceAdded.emit(device);
    const control = entry.driver.attach(device, own);
    const isWanted = technology.isPowered || this.#isDue(type);
    technology.addDevice(device, control, isWanted, own);
  }

  #ensure(type: TechnologyType): Technology {
    const known = this.#technologies.get(type);
    if (known !== undefined) return known.technology;
    const scope = this.#scope.child();
    const radio = { block: (isBlocked: boolean) => this.#radios.block(type, isBlocked) };
    const technology = new Technology(type, radio, this.#clock, scope);
    technology.sharing.load(this.#settings, technology.name);
    technology.setSwitches(this.#radios.stateOf(type));
    const entry: Entry = { technology, scope, shown: undefined };
    this.#technologies.set(type, entry);
    this.#showOrHide(entry);
    return technology;
  }

  // A technology that no software can power is not there for users.
  #showOrHide(entry: Entry): void {
    const { technology, scope, shown } = entry;
    const isHidden = technology.switches?.isHardBlocked === true;
    if (isHidden === (shown === undefined)) return;
    entry.shown = isHidden ? undefined : scope.child();
    if (entry.shown === undefined) void shown?.close();
    else this.#added.emit({ technology, scope: entry.shown });
  }

  #followRadio({ type, added }: RadioChange): void {
    if (!this.#drivers.has(type)) return;
    const switches = this.#radios.stateOf(type);
    if (switches === undefined) return this.#releaseRadio(type);
    const before = this.get(type)?.switches;
    const technology = this.#ensure(type);
    technology.setSwitches(switches);
    const entry = this.#technologies.get(type);
    if (entry !== undefined) this.#showOrHide(entry);
    // Found for the first time or free again, radios are as the user wants them, a later one as the first.
    const isFresh = before === undefined || (before.isHardBlocked && !switches.isHardBlocked);
    // Its devices may not be powered yet where nobody blocks them.
    const isPending = before?.isSoftBlocked === false && this.#isDue(type);
    const isWanted = isFresh ? this.#isDue(type) : technology.isPowered || isPending;
    if ((added ?? switches).isSoftBlocked === isWanted && (added !== undefined || isFresh)) {
      this.#radios.block(type, !isWanted);
    }
    if (isFresh) this.#powerDevices(technology, isWanted && !switches.isHardBlocked);
    else this.#obeySwitches(technology, switches);
  }

  // Someone else turned the radios on or off: the technology follows, and nothing is remembered.
  #obeySwitches(technology: Technology, { isSoftBlocked, isHardBlocked }: RadioState): void {
    const isOn = !isSoftBlocked && !isHardBlocked;
    if (technology.isUniformly(isOn) || technology.isChangingPower) return;
    if (isHardBlocked || !this.#radios.isSettling(technology.type)) this.#powerDevices(technology, isOn);
  }

  #powerDevices(technology: Technology, isPowered: boolean): void {
    technology.powerDevices(isPowered).catch((error: unknown) => {
      log.error('%s: %s', technology.name, messageOf(error));
    });
  }

  #releaseRadio(type: TechnologyType): void {
    this.get(type)?.setSwitches(undefined);
    this.#releaseIfEmpty(type);
  }

  #releaseIfEmpty(type: TechnologyType): void {
    const entry = this.#technologies.get(type);
    if (entry === undefined || !entry.technology.isEmpty) return;
    this.#technologies.delete(type);
    void entry.scope.close();
  }
}
