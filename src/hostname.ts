/**
 * Host and domain name from the default service's lease (RFC 2132, 3.14 and 3.17), where main.conf
 * allows it. Only the first label of a name counts, and `<hostname>`, which some servers send for
 * want of one, does not.
 */

import type { GeneralOptions } from './daemon/main-conf.ts';
import type { Lease } from './dhcp/client.ts';
import type { Services } from './service/services.ts';
import { messageOf } from './shared/errors.ts';
import { logger } from './shared/log.ts';
import type { Scope } from './shared/scope.ts';

const log = logger('src/hostname.ts');

/** Follows the default service until `scope` closes; names once set stay. */
export function followHostname(
  services: Services,
  system: { setHostname(name: string): Promise<void>; setDomainname(name: string): void },
  options: GeneralOptions,
  scope: Scope,
): void {
  let [host, domain]: (string | undefined)[] = [];
  const update = (): void => {
    const { default: owner, choices } = services;
    const isNaming = owner && choices.isNaming(owner);
    const lease = isNaming === false ? undefined : owner?.inUse.lease;
    const domainName = owner?.provisioned?.entry.keys.Domain ?? lease?.domainName;
    const names = namesOf({ hostname: lease?.hostname, domainName });
    if ((isNaming ?? options.AllowHostnameUpdates) && names.host !== undefined && names.host !== host) {
      host = names.host;
      void attempt('host name', host, (name) => system.setHostname(name));
    }
    const mayName = isNaming === true || options.AllowDomainnameUpdates;
    if (mayName && names.domain !== undefined && names.domain !== domain) {
      domain = names.domain;
      void attempt('domain name', domain, (name) => system.setDomainname(name));
    }
  };
  services.defaultChanged.observe(scope, update);
  services.choices.changed.observe(scope, update);
}

/** The names a lease brings, fit to be set. Pure. */
export function namesOf(lease: Pick<Lease, 'hostname' | 'domainName'> | undefined): { host?: string; domain?: string } {
  const [label = ''] = (lease?.hostname ?? '').split('.');
  const domain = lease?.domainName;
  return {
    // RFC 952 and RFC 1123, 2.1: letters, digits and hyphens.
    ...(/^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(label) && { host: label }),
    ...(domain !== undefined && domain.length <= 64 && { domain }),
  };
}

async function attempt(what: string, name: string, set: (name: string) => void | Promise<void>): Promise<void> {
  try {
    await set(name);
    log.info('%s is %s', what, name);
  } catch (error) {
    log.warn('%s %s cannot be set: %s', what, name, messageOf(error));
  }
}
