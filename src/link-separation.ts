/**
 * Kernel parameters while several IPv4 services are connected, so that each link is itself
 * (ip-sysctl): reverse path filtering is loose, since answers may come in by a link that is not the
 * default's (RFC 3704); no link answers ARP for another's address, nor asks in its name. With one
 * service left all is put back as it was; when the daemon stops and traffic goes on, it stays.
 */

import type { Sysctl } from './daemon/sysctl.ts';
import type { Service } from './service/service.ts';
import type { Services } from './service/services.ts';
import { messageOf } from './shared/errors.ts';
import { logger } from './shared/log.ts';
import type { Scope } from './shared/scope.ts';

const log = logger('src/link-separation.ts');

/** 0 none, 1 strict, 2 loose; the kernel takes the larger of `all` and the interface's own. */
const REVERSE_PATH = { name: 'net/ipv4/conf/all/rp_filter', value: 2 } as const;

/** The value where it is not larger already. */
interface Parameter {
  readonly name: string;
  readonly value: number;
}

/** Watches the services until `scope` closes. */
export function separateLinks(services: Services, sysctl: Sysctl, scope: Scope): void {
  const connected = new Map<Service, string>();
  const before = new Map<string, string>();
  const raise = ({ name, value }: Parameter): void => {
    const known = sysctl.read(name);
    if (known === undefined || before.has(name) || Number(known) >= value) return;
    if (write(sysctl, name, String(value))) before.set(name, known);
  };
  const restore = (name: string): void => {
    const value = before.get(name);
    if (value !== undefined) write(sysctl, name, value);
    before.delete(name);
  };
  const update = (service: Service): void => {
    if (services.isKeepingTraffic) return;
    const link = connected.get(service);
    if (service.inUse.ipv4 !== undefined) connected.set(service, service.network.device.interfaceName);
    else connected.delete(service);
    if (connected.size < 2) {
      for (const name of [...before.keys()]) restore(name);
      return;
    }
    if (link !== undefined && !connected.has(service)) for (const { name } of addressResolution(link)) restore(name);
    // The first of two has been waiting for the second.
    const isFirstPair = !before.has(REVERSE_PATH.name);
    raise(REVERSE_PATH);
    const names = isFirstPair ? [...connected.values()] : [connected.get(service)];
    for (const name of names) if (name !== undefined) addressResolution(name).forEach(raise);
  };
  services.added.observe(scope, ({ service, scope: itsScope }) => {
    service.stateChanged.observe(itsScope, () => update(service));
  });
}

/** Answer for addresses of the asked link alone, and ask with the best address of the asking one. */
function addressResolution(link: string): Parameter[] {
  const folder = `net/ipv4/conf/${link}`;
  return [{ name: `${folder}/arp_ignore`, value: 1 }, { name: `${folder}/arp_announce`, value: 2 }];
}

function write(sysctl: Sysctl, name: string, value: string): boolean {
  try {
    sysctl.write(name, value);
    return true;
  } catch (error) {
    // An interface that is gone took its parameters along.
    const text = messageOf(error);
    if (sysctl.read(name) !== undefined) log.warn('%s cannot be set to %s: %s', name, value, text);
    return false;
  }
}
