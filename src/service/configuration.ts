/**
 * What a user or a file decided for a service, as immutable values: a change makes a new one. The
 * names follow ConnMan's `*.Configuration` properties.
 */

import type { Ipv4Configuration, Ipv6Configuration } from '../ipconfig/configuration.ts';

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
  /** The file without `.config`, and the group in it; kept as `Config.file` and `Config.ident`. */
  readonly file: string;
  readonly ident: string;
  /** Used in place of what the network offers; `Nameservers.Configuration` stays empty, as in ConnMan. */
  readonly nameservers: readonly string[];
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
