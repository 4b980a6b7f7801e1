/**
 * The machine's time as users see it: who keeps it (`auto` or `manual`), the time zone, and the
 * time servers given for all services (facts: net.connman.Clock). Knows no D-Bus; src/clock/dbus.ts
 * exports it. Setting what is kept automatically is refused.
 */

import type { Observable } from '../shared/emitter.ts';

/** Who keeps the time or the time zone. */
export type UpdatePolicy = 'auto' | 'manual';

/** What may change, in the words of D-Bus. */
export type ClockProperty =
  | 'Time' | 'TimeUpdates' | 'Timezone' | 'TimezoneUpdates' | 'Timeservers' | 'TimeserverSynced';

/** The clock object of the core. Setters throw ConnmanError. */
export interface ClockSettings {
  readonly timeUpdates: UpdatePolicy;
  readonly timezoneUpdates: UpdatePolicy;
  /** Name in the zoneinfo database; undefined when it cannot be told. */
  readonly timezone: string | undefined;
  /** The user's global list, without duplicates. */
  readonly timeservers: readonly string[];
  readonly isTimeserverSynced: boolean;
  /** After a change, once per property. `Timeservers` also when it was set to what it was. */
  readonly changed: Observable<ClockProperty>;
  /** Sets the wall clock. PermissionDenied unless timeUpdates is manual; InvalidArguments. */
  setTime(unixSec: bigint): void;
  setTimeUpdates(policy: UpdatePolicy): void;
  /** Installs a zone. PermissionDenied unless timezoneUpdates is manual; InvalidArguments. */
  setTimezone(zone: string): void;
  setTimezoneUpdates(policy: UpdatePolicy): void;
  setTimeservers(servers: readonly string[]): void;
  /** For the NTP client: `true` after it set the clock. */
  setTimeserverSynced(isSynced: boolean): void;
}
