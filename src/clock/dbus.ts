/**
 * net.connman.Clock at `/`: the clock object on the bus, with ConnMan's checks in ConnMan's order.
 */

import type { Bus, Exported } from '../dbus/bus.ts';
import { clockInterface } from '../dbus/interfaces/clock.ts';
import { variant, type Variant } from '../dbus/signature.ts';
import { ConnmanError } from '../shared/errors.ts';
import type { Scope } from '../shared/scope.ts';
import type { ClockProperty, ClockSettings } from './clock.ts';
import { parsePolicy, parseTimePolicy } from './settings.ts';

/** Serves `clock` on `bus` until `scope` closes. */
export function exportClock(bus: Bus, clock: ClockSettings, scope: Scope): Exported<typeof clockInterface> {
  const exported: Exported<typeof clockInterface> = bus.export('/', clockInterface, {
    methods: {
      GetProperties: () => {
        exported.touch('Time');
        return exported.dictionary();
      },
      SetProperty: ({ name, value }) => setProperty(clock, name, value),
    },
    properties: {
      Time: () => clock.unixSec,
      TimeUpdates: () => clock.timeUpdates,
      Timezone: () => clock.timezone,
      TimezoneUpdates: () => clock.timezoneUpdates,
      Timeservers: () => clock.timeservers,
      TimeserverSynced: () => clock.isTimeserverSynced,
    },
  }, scope);
  let announced = clock.timeservers;
  clock.changed.observe(scope, (property: ClockProperty) => {
    // ConnMan announces the servers at every set, new or not.
    if (property === 'Timeservers' && announced.join('\n') === clock.timeservers.join('\n')) {
      exported.announce('Timeservers', variant('as', [...clock.timeservers]));
    } else {
      exported.changed(property);
    }
    announced = clock.timeservers;
  });
  return exported;
}

function setProperty(clock: ClockSettings, name: string, value: Variant): void {
  switch (name) {
    case 'Time':
      return clock.setTime(given(value.as('t')));
    case 'TimeUpdates':
      return clock.setTimeUpdates(given(parseTimePolicy(value.as('s') ?? '')));
    case 'Timezone':
      return clock.setTimezone(given(value.as('s')));
    case 'TimezoneUpdates':
      return clock.setTimezoneUpdates(given(parsePolicy(value.as('s') ?? '')));
    case 'Timeservers':
      return clock.setTimeservers(given(value.as('as')));
    case 'TimeserverSynced':
      throw new ConnmanError('PermissionDenied');
    default:
      throw new ConnmanError('InvalidProperty');
  }
}

function given<T>(value: T | undefined): T {
  if (value === undefined) throw new ConnmanError('InvalidArguments');
  return value;
}
