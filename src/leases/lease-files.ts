/**
 * Keeps the leases of interfaces in files. Invariant: while the daemon runs, a file is there exactly
 * as long as its interface has a lease; when it stops and leaves addresses where they are, it leaves
 * the files too, and the next daemon goes on with them.
 */

import type { ClockProperty } from '../clock/clock.ts';
import type { DeviceFiles } from '../daemon/device-files.ts';
import type { Mirror } from '../netlink/mirror.ts';
import type { Service } from '../service/service.ts';
import type { Services } from '../service/services.ts';
import type { Clock } from '../shared/clock.ts';
import type { Observable } from '../shared/emitter.ts';
import type { Leisure } from '../shared/leisure.ts';
import type { Scope } from '../shared/scope.ts';
import { formatLeases } from './format.ts';

/** What lease files need of the core. */
export interface LeaseFilesEnv {
  readonly services: Services;
  readonly mirror: Pick<Mirror, 'links'>;
  readonly clock: Clock;
  readonly leisure: Leisure;
  /** Emits `Time` when the wall clock was set: moments in the files are of the clock as it was. */
  readonly timeChanged: Observable<ClockProperty>;
}

/** Writes and removes `files` until `scope` closes. */
export function keepLeaseFiles(files: DeviceFiles, env: LeaseFilesEnv, scope: Scope): void {
  const { services, mirror, clock, leisure } = env;
  /** What stands in the files: whose leases, and the text. */
  const shown = new Map<number, { readonly service: Service | undefined; readonly text: string }>();
  for (const ifindex of files.list()) {
    if (mirror.links.get(ifindex)?.hasCarrier === true) shown.set(ifindex, { service: undefined, text: '' });
    else files.remove(ifindex);
  }
  const update = (service: Service): void => {
    const { ifindex, interfaceName } = service.network.device;
    const before = shown.get(ifindex);
    const { lease: dhcp4, lease6: dhcp6 } = service.inUse;
    const leases = { interfaceName, service: service.identifier, dhcp4, dhcp6 };
    const text = formatLeases(leases, clock);
    if (text !== undefined && text !== before?.text) {
      shown.set(ifindex, { service, text });
      files.write(ifindex, text);
    } else if (text === undefined && before !== undefined && isIts(before.service, service)) {
      if (services.isKeepingTraffic) return;
      shown.delete(ifindex);
      files.remove(ifindex);
    }
  };
  env.timeChanged.observe(scope, (what) => {
    if (what !== 'Time') return;
    for (const { service } of shown.values()) if (service !== undefined) update(service);
  });
  services.added.observe(scope, ({ service, scope: itsScope }) => {
    service.leased.observe(itsScope, () => leisure.do(scope, () => update(service)));
  });
}

/** Another network of the same interface may have come before this one had left. */
function isIts(owner: Service | undefined, service: Service): boolean {
  return owner === undefined || owner === service;
}
