/**
 * Sharing this machine's connection with others (ConnMan's tethering): which technology does so, who
 * its clients are, and the bridge they come to. Drivers take the clients in (request.ts).
 */

import type { GeneralOptions } from '../daemon/main-conf.ts';
import type { Device } from '../device.ts';
import type { OwnSettings } from '../service/own-settings.ts';
import type { Services } from '../service/services.ts';
import { isConnected } from '../service/state.ts';
import { Emitter, type Observable } from '../shared/emitter.ts';
import { ConnmanError, messageOf } from '../shared/errors.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';
import type { Technologies } from '../technology/technologies.ts';
import type { Technology } from '../technology/technology.ts';
import { TETHER_BRIDGE, TetherBridge } from './bridge.ts';
import type { NetworkEnv } from './network.ts';
import type { AccessPointSecurity, AccessPointSettings, Tether, TetherRequest } from './request.ts';

const log = logger('src/tethering/tethering.ts');

/** Where tethering is to last, what fails is tried again after this long, then ever later. */
const FIRST_RETRY_MS = 10_000;
const LAST_RETRY_MS = 300_000;
const SECURITY = 'TetheringSecurity';
const SECURITIES: readonly AccessPointSecurity[] = ['auto', 'psk', 'sae', 'none'];

/** What tethering takes from the core. */
export interface TetheringEnv extends NetworkEnv {
  readonly options: Pick<GeneralOptions, 'TetheringTechnologies' | 'PersistentTetheringMode'>;
  readonly technologies: Technologies;
  readonly services: Pick<Services, 'list'>;
  readonly ownSettings: OwnSettings;
}

/** A client came or left. */
export interface ClientChange {
  readonly address: string;
  readonly isThere: boolean;
}

/** All tethering of this machine. */
export class Tethering {
  readonly #env: TetheringEnv;
  readonly #bridge: TetherBridge;
  readonly #clients = new Set<string>();
  readonly #clientsChanged = new Emitter<ClientChange>();
  /** Those that are being turned on or off. */
  readonly #busy = new Set<Technology>();

  constructor(env: TetheringEnv, scope: Scope) {
    this.#env = env;
    this.#bridge = new TetherBridge(env.kernel, async (bridge, own) => {
      const { serveNetwork } = await import('./network.ts');
      await serveNetwork(env, bridge, own);
    }, scope);
    if (!env.options.PersistentTetheringMode) void this.#clear();
    else env.technologies.added.observe(scope, ({ technology, scope: own }) => this.#keepOn(technology, own));
  }

  /** Hardware addresses of all clients. */
  get clients(): readonly string[] {
    return [...this.#clients];
  }

  /** Emits after a client came or left. */
  get clientsChanged(): Observable<ClientChange> {
    return this.#clientsChanged;
  }

  /**
   * Turns it on or off for a user, and remembers that; on once clients can come. Throws NotSupported,
   * AlreadyEnabled, AlreadyDisabled, InProgress, PermissionDenied without power, InvalidArguments
   * without name or passphrase, or Failed with what the driver says.
   */
  async set(technology: Technology, isOn: boolean): Promise<void> {
    const { sharing, type } = technology;
    if (!this.#env.options.TetheringTechnologies.includes(type)) {
      sharing.noteFailure('TetheringTechnologies of main.conf does not name it');
      throw new ConnmanError('NotSupported');
    }
    if (this.#busy.has(technology)) throw new ConnmanError('InProgress');
    if (sharing.isOn === isOn) throw new ConnmanError(isOn ? 'AlreadyEnabled' : 'AlreadyDisabled');
    this.#busy.add(technology);
    try {
      if (isOn) await this.#start(technology);
      sharing.want(isOn);
      this.#env.technologies.remember(technology);
      if (!isOn) await sharing.leave();
    } finally {
      this.#busy.delete(technology);
    }
  }

  /** In MHz, ascending: on which an access point may be. Throws NotSupported where there can be none. */
  async frequencies({ powered }: Technology): Promise<readonly number[]> {
    const able = powered.flatMap(({ control }) => control.accessPointFrequencies?.() ?? []);
    if (able.length === 0) throw new ConnmanError('NotSupported');
    return [...new Set((await Promise.all(able)).flat())].sort((one, other) => one - other);
  }

  /** How an access point of a type is protected. */
  securityOf(type: string): AccessPointSecurity {
    const stored = this.#env.ownSettings.get(type, SECURITY);
    return SECURITIES.find((each) => each === stored) ?? 'auto';
  }

  /** Chooses that, for the next access point. Throws InvalidArguments. */
  setSecurity(type: string, security: string): void {
    if (!SECURITIES.some((each) => each === security)) throw new ConnmanError('InvalidArguments');
    this.#env.ownSettings.set(type, SECURITY, security === 'auto' ? undefined : security);
  }

  // What a daemon that was killed has left, and nobody wants.
  async #clear(): Promise<void> {
    if (this.#env.kernel.mirror.linkByName(TETHER_BRIDGE)?.kind !== 'bridge') return;
    const { keepIn } = await import('./network.ts');
    await keepIn(this.#env);
    await this.#bridge.clear();
  }

  // As the user wants it, whenever a device has power: PersistentTetheringMode.
  #keepOn(technology: Technology, scope: Scope): void {
    const { clock, options, technologies } = this.#env;
    const { sharing, type } = technology;
    if (!options.TetheringTechnologies.includes(type)) return;
    let delayMs = FIRST_RETRY_MS;
    const alarm = clock.alarm(`tether ${type} again`, scope, () => {
      if (!technology.isPowered || !sharing.isWanted || sharing.isOn || this.#busy.has(technology)) return;
      this.#busy.add(technology);
      this.#start(technology)
        .catch((error: unknown) => {
          log.warn('%s: not tethered: %s', technology.name, messageOf(error));
          alarm.set(clock.now() + delayMs);
          delayMs = Math.min(delayMs * 2, LAST_RETRY_MS);
        })
        .finally(() => this.#busy.delete(technology));
    });
    technologies.deviceAdded.observe(scope, (device) => {
      if (device.type !== type) return;
      device.poweredChanged.observe(device.scope, () => alarm.set(technology.isPowered ? clock.now() : undefined));
    });
    technology.changed.observe(scope, (aspect) => {
      if (aspect !== 'tethering') return;
      if (sharing.isOn) delayMs = FIRST_RETRY_MS;
      else if (technology.isPowered) alarm.set(clock.now() + delayMs);
    });
  }

  async #start(technology: Technology): Promise<void> {
    try {
      await this.#tryAll(technology);
    } catch (error) {
      technology.sharing.noteFailure(reasonOf(error));
      throw error;
    }
  }

  async #tryAll(technology: Technology): Promise<void> {
    if (!technology.isPowered) throw new ConnmanError('PermissionDenied');
    const candidates = this.#candidatesOf(technology);
    if (candidates.length === 0) throw new ConnmanError('NotSupported');
    const accessPoint = this.#accessPointOf(technology);
    let failure: unknown = new ConnmanError('NotSupported');
    for (const { device, tether } of candidates) {
      try {
        return await this.#startOn(technology, device, tether, accessPoint);
      } catch (error) {
        log.debug('%s: %s', device.interfaceName, messageOf(error));
        failure = error;
      }
    }
    throw failure instanceof ConnmanError ? failure : new ConnmanError('Failed', undefined, { cause: failure });
  }

  // oxlint-disable-next-line max-params -- whose, on what, by whom and how
  async #startOn(
    technology: Technology, device: Device, tether: Tether, accessPoint: AccessPointSettings | undefined,
  ): Promise<void> {
    const life = device.scope.child();
    try {
      await this.#bridge.use(life).catch((error: unknown) => {
        log.warn('there is no bridge: %s', messageOf(error));
        throw error instanceof ConnmanError ? error : new ConnmanError('NotSupported', undefined, { cause: error });
      });
      await tether(this.#requestFor(technology, accessPoint, life), life);
      life.signal.throwIfAborted();
      technology.sharing.enter(life);
    } catch (error) {
      await life.close();
      throw error;
    }
  }

  #requestFor(technology: Technology, accessPoint: AccessPointSettings | undefined, life: Scope): TetherRequest {
    return {
      accessPoint,
      bridge: TETHER_BRIDGE,
      addPort: (ifindex, scope) => this.#bridge.addPort(ifindex, scope),
      addClient: (address, scope) => {
        this.#clients.add(address);
        this.#clientsChanged.emit({ address, isThere: true });
        scope.defer(() => {
          this.#clients.delete(address);
          this.#clientsChanged.emit({ address, isThere: false });
        });
      },
      fail: (reason) => {
        if (life.isClosed) return;
        log.error('%s: tethering has ended: %s', technology.name, reason);
        technology.sharing.noteFailure(reason);
        void life.close();
      },
    };
  }

  #accessPointOf({ type, sharing }: Technology): AccessPointSettings | undefined {
    if (!this.#env.technologies.hasAccessPoints(type)) return undefined;
    const { identifier, passphrase, frequencyMhz } = sharing;
    const security = this.securityOf(type);
    if (identifier === undefined) throw new ConnmanError('InvalidArguments');
    if (passphrase === undefined && security !== 'none') throw new ConnmanError('InvalidArguments');
    return {
      ssid: Buffer.from(identifier), security, frequencyMhz,
      passphrase: security === 'none' ? undefined : passphrase,
    };
  }

  // Devices that are in use come last.
  #candidatesOf({ powered }: Technology): { readonly device: Device; readonly tether: Tether }[] {
    const { list } = this.#env.services;
    const used = new Set(list.filter(({ state }) => isConnected(state)).map(({ network }) => network.device));
    return powered
      .flatMap(({ device, control: { tether } }) => (tether === undefined ? [] : [{ device, tether }]))
      .sort((one, other) => Number(used.has(one.device)) - Number(used.has(other.device)));
  }
}

// For users; what drivers say is in their words already.
function reasonOf(error: unknown): string {
  const { code, message } = error instanceof ConnmanError ? error : { code: undefined, message: String(error) };
  switch (code) {
    case 'NotSupported': return 'no device of it can be shared so';
    case 'PermissionDenied': return 'it has no power';
    case 'InvalidArguments': return 'its name or passphrase is not set (connmanctl tether wifi on NAME PASSPHRASE)';
    default: return message;
  }
}
