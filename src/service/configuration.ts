/**
 * What a user or a file decided for a service, as immutable values: a change makes a new one. The
 * names follow ConnMan's `*.Configuration` properties.
 */

import { isDeepStrictEqual } from 'node:util';
import type { Ipv4Configuration, Ipv6Configuration } from '../ipconfig/configuration.ts';
import type { ServiceEntry } from '../provision/service-file.ts';

/** How programs reach the web through this service. */
export interface ProxyConfiguration {
  readonly method: 'direct' | 'auto' | 'manual';
  /** Of the PAC file; only with `auto`, where its absence means: find one. */
  readonly url?: string;
  /** Remembered across methods. */
  readonly servers: readonly string[];
  readonly excludes: readonly string[];
}

/** Everything that can be configured. Empty lists leave the choice to the network. */
export interface ServiceConfiguration {
  readonly ipv4: Ipv4Configuration;
  readonly ipv6: Ipv6Configuration;
  readonly nameservers: readonly string[];
  readonly timeservers: readonly string[];
  readonly domains: readonly string[];
  readonly proxy: ProxyConfiguration | undefined;
  readonly mdns: boolean;
}

/** What a provisioning file decided for a service. While there is one, nobody else may change it. */
export interface Provisioned {
  /** Without `.config`; kept as `Config.file`, and the name of the group as `Config.ident`. */
  readonly file: string;
  /** Name and time servers are taken from here: no `*.Configuration` shows them, as in ConnMan. */
  readonly entry: ServiceEntry;
}

/** What a service starts with. */
export const DEFAULT_CONFIGURATION: ServiceConfiguration = {
  ipv4: { method: 'dhcp' },
  ipv6: { method: 'auto', privacy: 'disabled' },
  nameservers: [],
  timeservers: [],
  domains: [],
  proxy: undefined,
  mdns: false,
};

/** What makes the one into the other; nothing where they are equal. */
export function changesBetween(
  before: ServiceConfiguration,
  after: ServiceConfiguration,
): Partial<ServiceConfiguration> {
  const was = new Map<string, unknown>(Object.entries(before));
  return Object.fromEntries(Object.entries(after).filter(([name, value]) => !isDeepStrictEqual(value, was.get(name))));
}
