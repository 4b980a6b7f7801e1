/**
 * A network: something a device can join (a cable with carrier, an access point). A driver makes
 * it and says how to join and leave; each network has one service. It ends with its scope.
 */

import { Emitter, type Observable } from './shared/emitter.ts';
import type { Scope } from './shared/scope.ts';
import type { Device } from './device.ts';

/** How a driver joins and leaves a network. */
export interface NetworkControl {
  /**
   * Joins the network's link. Returning nothing means that the link is up already and addresses
   * can be configured at once; a promise resolves when it is. Rejects with ConnmanError.
   */
  connect(signal: AbortSignal): Promise<void> | undefined;
  /** Leaves the link; nothing to do where it is a cable. */
  disconnect(): Promise<void> | undefined;
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
  readonly control: NetworkControl;
}

/** A network on a device. */
export class Network {
  readonly device: Device;
  readonly identifier: string;
  readonly group: string;
  readonly name: string | undefined;
  readonly security: readonly string[];
  readonly control: NetworkControl;
  readonly #strengthChanged = new Emitter<number>();
  #strength = 0;

  constructor(device: Device, description: NetworkDescription) {
    this.device = device;
    this.identifier = description.identifier;
    this.group = description.group;
    this.name = description.name;
    this.security = description.security ?? [];
    this.control = description.control;
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
}

/** A network that appeared, with the scope that closes when it is gone. */
export interface NetworkAppearance {
  readonly network: Network;
  readonly scope: Scope;
}
