/**
 * Reverse path filtering (RFC 3704) while several IPv4 services are connected: strict filtering
 * drops answers that come in by an interface other than the default's, so it is made loose for as
 * long as there are two, and put back as it was. The kernel takes the larger of `all` and the
 * interface's own value: 0 none, 1 strict, 2 loose.
 */

import type { Sysctl } from './daemon/sysctl.ts';
import type { Service } from './service/service.ts';
import type { Services } from './service/services.ts';
import { logger } from './shared/log.ts';
import type { Scope } from './shared/scope.ts';

const log = logger('src/reverse-path.ts');

const PARAMETER = 'net/ipv4/conf/all/rp_filter';
const LOOSE = '2';

/** Watches the services until `scope` closes, then puts the parameter back. */
export function loosenReversePath(services: Services, sysctl: Sysctl, scope: Scope): void {
  const connected = new Set<Service>();
  let before: string | undefined;
  const set = (value: string): void => {
    try {
      sysctl.write(PARAMETER, value);
    } catch (error) {
      log.warn('%s cannot be set to %s: %s', PARAMETER, value, error instanceof Error ? error.message : error);
    }
  };
  const restore = (): void => {
    if (before !== undefined) set(before);
    before = undefined;
  };
  const update = (service: Service): void => {
    if (service.ipv4 === undefined) connected.delete(service);
    else connected.add(service);
    if (connected.size < 2) {
      restore();
    } else if (before === undefined) {
      before = sysctl.read(PARAMETER);
      if (before !== undefined && before !== LOOSE) set(LOOSE);
    }
  };
  services.added.observe(scope, ({ service, scope: itsScope }) => {
    service.stateChanged.observe(itsScope, () => update(service));
  });
  scope.defer(restore);
}
