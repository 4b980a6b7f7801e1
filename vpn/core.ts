/**
 * The daemon as its plugins see it: a place where drivers are registered, and the bus.
 */

import type { Bus } from '../src/dbus/bus.ts';
import type { Scope } from '../src/shared/scope.ts';
import type { Driver } from './driver.ts';

/** What a plugin of connman-vpnd gets. */
export interface VpnCore {
  readonly drivers: Drivers;
  readonly bus: Bus;
}

/** Drivers by type. */
export class Drivers {
  readonly #byType = new Map<string, Driver>();

  get(type: string): Driver | undefined {
    return this.#byType.get(type);
  }

  /** Registers a driver until `scope` closes. */
  register(driver: Driver, scope: Scope): void {
    this.#byType.set(driver.type, driver);
    scope.defer(() => void this.#byType.delete(driver.type));
  }
}
