/**
 * The time zone that a network offers (RFC 4833: DHCP option 101, a name of the tz database), taken
 * from the default service while TimezoneUpdates is `auto`. Names the machine's database does not
 * have are ignored.
 */

import type { Service } from '../service/service.ts';
import type { Services } from '../service/services.ts';
import type { Scope } from '../shared/scope.ts';
import type { ClockSettings } from './clock.ts';

const TZDB_TIMEZONE = 101;

/** Follows the default service until `scope` closes. */
export function followOfferedTimezone(
  services: Pick<Services, 'defaultChanged'>, settings: ClockSettings, scope: Scope,
): void {
  let watched = scope.child();
  const take = (service: Service): void => {
    const option = service.inUse.lease?.options.get(TZDB_TIMEZONE);
    if (option !== undefined) settings.offerTimezone(Buffer.from(option).toString('latin1'));
  };
  services.defaultChanged.observe(scope, (service) => {
    void watched.close();
    watched = scope.child();
    if (service === undefined) return;
    service.changed.observe(watched, (aspects) => {
      if (aspects.includes('timeservers')) take(service);
    });
    take(service);
  });
}
