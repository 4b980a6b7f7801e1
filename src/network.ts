/**
 * A network: something a device can join (a cable with carrier, an access point). A driver makes
 * it and says how to join and leave; each network has one service. It ends with its scope.
 */

import type { InputAnswer, InputQuestion } from './daemon/agent-input.ts';
import { Emitter, type Observable } from './shared/emitter.ts';
import type { Caller } from './shared/caller.ts';
import { ConnmanError } from './shared/errors.ts';
import type { ServiceKeys } from './provision/service-file.ts';
import type { Scope } from './shared/scope.ts';
import type { Device } from './device.ts';
import type { WifiChoice } from './service/own-choices.ts';

export type { WifiChoice } from './service/own-choices.ts';

export type { ServiceKeys } from './provision/service-file.ts';

/** Why a network could not be joined, in the words of a service's `Error`. */
export type JoinFailure = 'connect-failed' | 'invalid-key' | 'blocked';

/** A network that could not be joined. */
export class JoinError extends ConnmanError {
  readonly reason: JoinFailure;

  constructor(reason: JoinFailure, options?: ErrorOptions) {
    super('Failed', options?.cause instanceof Error ? options.cause.message : undefined, options);
    this.reason = reason;
  }
}

/** The service on whose behalf a driver joins. */
export interface JoinContext {
  /** Whether it has worked before. */
  readonly isFavorite: boolean;
  /** Who wants it; undefined for the daemon itself. */
  readonly caller: Caller | undefined;
  /** Why the last attempt failed. */
  readonly lastFailure: string | undefined;
  /** What is kept with the service under the driver's keys (`NetworkDescription.storedKeys`). */
  readonly stored: ReadonlyMap<string, string>;
  /** Has keys kept, or forgotten where undefined; written when the service is ready. */
  store(keys: Readonly<Record<string, string | undefined>>): void;
  /** Asks an agent. Rejects with ConnmanError; nobody is asked for a connection made by itself. */
  ask(question: InputQuestion, signal: AbortSignal): Promise<InputAnswer>;
  /** What a file decides for the service. */
  readonly provisioned: ServiceKeys | undefined;
  /** What a file or the user chose of the network; undefined where nobody did. */
  choice(name: WifiChoice): string | undefined;
  /** What the user has said already, asked by the network that handed over to this one. */
  readonly answered: InputAnswer | undefined;
  /** For drivers that ask first (`NetworkControl.asksFirst`): nothing is asked any more, the network is joined now. */
  begin(): void;
  /**
   * Connects the service of another network in place of this one, which is left: whoever waits waits
   * for that. The outcome of the driver's own `connect` is of no interest after it.
   */
  handOver(network: Network, answered: InputAnswer): void;
}

/** How a driver joins and leaves a network. */
export interface NetworkControl {
  /**
   * Joins the network's link. Returning nothing means that the link is up already and addresses
   * can be configured at once; a promise resolves when it is. Rejects with ConnmanError, JoinError
   * where the service's `Error` shall say more than that it failed. `signal` ends the attempt.
   */
  connect(signal: AbortSignal, context: JoinContext): Promise<void> | undefined;
  /** Whether a user may be asked before anything is tried: until `begin` of the context nobody sees an attempt. */
  readonly asksFirst?: boolean;
  /**
   * Joins the link anew in the hope that it leads somewhere again; resolves when it is there. Absent
   * where that is of no use.
   */
  reassociate?(signal: AbortSignal): Promise<void>;
  /** Whether the link stays when the daemon stops and leaves traffic alone, to be taken over by the next. */
  readonly outlivesDaemon?: boolean;
  /** Leaves the link; nothing to do where it is a cable. */
  disconnect(): Promise<void> | undefined;
  /** A user wants nothing of it while it is not connected: what waits for it does so no longer. */
  giveUp?(): void;
  /** A user has removed the service: what is kept of it elsewhere goes as well. */
  forget?(): void;
}

/** What a driver tells of a network when it appears. */
export interface NetworkDescription {
  /** Unique on the device. */
  readonly identifier: string;
  /** The last part of the service identifier: `cable`, `usb`, `<ssid hex>_managed_psk`. */
  readonly group: string;
  /** Shown to users; undefined where a hidden network has none yet. */
  readonly name: string | undefined;
  /** `Security` of the service: empty but for Wi-Fi. */
  readonly security?: readonly string[];
  /** Keys of the driver's in the service's settings file, such as `Passphrase`. */
  readonly storedKeys?: readonly string[];
  /** Those of them that are forgotten when a user removes the service. */
  readonly secretKeys?: readonly string[];
  /** What users may choose of it (`JoinContext.choice`); nothing unless said. */
  readonly choices?: readonly WifiChoice[];
  /** Whether a favourite is tried again by itself after a failure. */
  readonly isRetried?: boolean;
  readonly control: NetworkControl;
}

/** One access point of a network. */
export interface AccessPoint {
  /** `aa:bb:cc:dd:ee:ff`. */
  readonly bssid: string;
  readonly frequencyMhz: number;
}

/** A network on a device. */
export class Network {
  readonly device: Device;
  readonly identifier: string;
  readonly group: string;
  readonly name: string | undefined;
  readonly control: NetworkControl;
  readonly storedKeys: readonly string[];
  readonly secretKeys: readonly string[];
  readonly choices: readonly WifiChoice[];
  readonly isRetried: boolean;
  readonly #lost = new Emitter<void>();
  readonly #securityChanged = new Emitter<void>();
  readonly #strengthChanged = new Emitter<number>();
  readonly #pointChanged = new Emitter<void>();
  #security: readonly string[];
  #strength = 0;
  #point: AccessPoint | undefined;

  constructor(device: Device, description: NetworkDescription) {
    this.device = device;
    this.identifier = description.identifier;
    this.group = description.group;
    this.name = description.name;
    this.#security = description.security ?? [];
    this.control = description.control;
    this.storedKeys = description.storedKeys ?? [];
    this.secretKeys = description.secretKeys ?? [];
    this.choices = description.choices ?? [];
    this.isRetried = description.isRetried ?? false;
  }

  get security(): readonly string[] {
    return this.#security;
  }

  /** Emits when `security` is another. */
  get securityChanged(): Observable<void> {
    return this.#securityChanged;
  }

  setSecurity(security: readonly string[]): void {
    if (security.join() === this.#security.join()) return;
    this.#security = security;
    this.#securityChanged.emit();
  }

  /** Emits when the link is gone though nobody left it: the access point is, or sent us away. */
  get lost(): Observable<void> {
    return this.#lost;
  }

  /** For drivers. */
  reportLost(): void {
    this.#lost.emit();
  }

  /** Signal strength in percent, 0 where there is none. */
  get strength(): number {
    return this.#strength;
  }

  /** Emits the new strength. */
  get strengthChanged(): Observable<number> {
    return this.#strengthChanged;
  }

  setStrength(percent: number): void {
    if (percent === this.#strength) return;
    this.#strength = percent;
    this.#strengthChanged.emit(percent);
  }

  /** Of Wi-Fi: the access point in use, else the one heard best. */
  get point(): AccessPoint | undefined {
    return this.#point;
  }

  /** Emits when `point` is another. */
  get pointChanged(): Observable<void> {
    return this.#pointChanged;
  }

  /** For drivers. */
  setPoint(point: AccessPoint): void {
    if (point.bssid === this.#point?.bssid && point.frequencyMhz === this.#point.frequencyMhz) return;
    this.#point = point;
    this.#pointChanged.emit();
  }
}

/** A network that appeared, with the scope that closes when it is gone. */
export interface NetworkAppearance {
  readonly network: Network;
  readonly scope: Scope;
}
