/**
 * The core put together: everything a daemon with network links needs, and what plugins may reach
 * of it. Data flows one way: kernel → interfaces → devices → networks → services → routes, name
 * servers and the bus.
 */

import type { ServiceAgent } from './agent/agent.ts';
import type { GeneralOptions } from './daemon/main-conf.ts';
import type { UsageFiles } from './daemon/usage-files.ts';
import type { Storage } from './daemon/storage.ts';
import type { Sysctl } from './daemon/sysctl.ts';
import type { Bus } from './dbus/bus.ts';
import { Country } from './country.ts';
import { Counters } from './counter/counters.ts';
import { explainer } from './explain.ts';
import type { Question } from './explain/findings.ts';
import { Gateways } from './gateway.ts';
import { reviveDeadLinks } from './dead-link.ts';
import type { GlobalSettings } from './global-settings.ts';
import { Changes } from './changes/changes.ts';
import { followHostname } from './hostname.ts';
import { hostnameSetter } from './hostname/dbus.ts';
import { Interfaces, type InterfaceFilter } from './interfaces.ts';
import { Ipv6Links } from './ipconfig/ipv6-links.ts';
import { separateLinks } from './link-separation.ts';
import type { Rtnetlink } from './netlink/rtnetlink.ts';
import { Mptcp, openMptcp } from './mptcp.ts';
import { Provisioning } from './provisioning.ts';
import { setBeforeCarrier } from './provisioning/before-carrier.ts';
import { Portals } from './portal.ts';
import type { PeerAgent } from './peer/agent.ts';
import { Peers } from './peer/peers.ts';
import type { PortalAgent } from './portal/agent.ts';
import { Providers } from './provider.ts';
import { Proxies } from './proxy.ts';
import { LinkNames } from './link-names.ts';
import type { Resolver } from './resolver.ts';
import { RadioSwitches } from './rfkill.ts';
import type { Clock } from './shared/clock.ts';
import { Leisure } from './shared/leisure.ts';
import type { Random } from './shared/random.ts';
import type { Scope } from './shared/scope.ts';
import type { System } from './system/system.ts';
import { OwnAddresses } from './own-addresses.ts';
import { OwnChoices } from './service/own-choices.ts';
import { OwnSettings } from './service/own-settings.ts';
import type { ServiceEnv } from './service/service-env.ts';
import { Sleep } from './sleep.ts';
import { SaveQueue } from './service/save-queue.ts';
import { Services } from './service/services.ts';
import { Technologies } from './technology/technologies.ts';
import { Tethering } from './tethering/tethering.ts';

/** What the core is made of. */
export interface CoreParts {
  readonly system: System;
  readonly clock: Clock;
  readonly random: Random;
  readonly kernel: Rtnetlink;
  readonly bus: Bus;
  readonly storage: Storage;
  readonly settings: GlobalSettings;
  readonly options: GeneralOptions;
  readonly filter: InterfaceFilter;
  readonly resolver: Resolver;
  readonly sysctl: Sysctl;
  /** Of the program. */
  readonly version: string;
  /** What wpa_supplicant is to drive radios by (`-W`). */
  readonly wifiDriver: string;
  /** DEVTYPE of an interface's uevent file. */
  readDevtype(interfaceName: string): string | undefined;
  /** Of the time zone, ISO 3166 alpha-2. */
  zoneCountry(): string | undefined;
  hostname(): string | undefined;
  timeservers: ServiceEnv['timeservers'];
  /** Where the usage of services outlives the daemon. */
  readonly usage?: UsageFiles | undefined;
  readonly portalAgent: PortalAgent;
  readonly peerAgent: PeerAgent;
  readonly agent: ServiceAgent;
}

/** The core, as plugins and the daemon's main see it. */
export interface Core {
  readonly kernel: Rtnetlink;
  readonly clock: Clock;
  /** For what nobody waits for while a link comes up. */
  readonly leisure: Leisure;
  readonly bus: Bus;
  readonly options: GeneralOptions;
  readonly wifiDriver: string;
  readonly interfaces: Interfaces;
  readonly technologies: Technologies;
  readonly services: Services;
  readonly peers: Peers;
  readonly tethering: Tethering;
  readonly country: Country;
  readonly provisioning: Provisioning;
  readonly ownSettings: OwnSettings;
  /** Hardware addresses that plugins gave interfaces. */
  readonly addresses: OwnAddresses;
  readonly saves: SaveQueue;
  /** What happened, as it happens. */
  readonly changes: Changes;
  /** For lookups by way of one service alone. */
  readonly names: LinkNames;
  readonly providers: Providers;
  readonly proxies: Proxies;
  readonly portals: Portals;
  readonly counters: Counters;
  readonly sleep: Sleep;
  /** Of the file system that a file is on, in hexadecimal digits; undefined where there is no such file. */
  fileSystemId(path: string): string | undefined;
  /** For plugins that speak with a part of the kernel of their own. */
  readonly netlink: System['netlink'];
  /** Closes a descriptor that came over the bus. */
  closeFd(fd: number): void;
}

/** Builds the core; nothing moves before `interfaces.start()`. */
export function createCore(parts: CoreParts, scope: Scope): Core {
  const { kernel, clock, bus, options, wifiDriver } = parts;
  const ownSettings = new OwnSettings(parts.storage);
  const addresses = new OwnAddresses(ownSettings);
  const leisure = new Leisure(clock, scope);
  const interfaces = new Interfaces(kernel.mirror, parts.filter, parts.readDevtype, addresses, scope);
  const radios = new RadioSwitches(parts, scope);
  const technologies = new Technologies({ clock, settings: parts.settings, interfaces, radios, addresses }, scope);
  const gateways = new Gateways(kernel);
  void gateways.inherit();
  const proxies = new Proxies({ clock });
  const ipv6Links = new Ipv6Links(parts.sysctl, kernel, scope);
  const saves = new SaveQueue(clock, scope);
  const mptcp = new Mptcp({ sysctl: parts.sysctl, clock, ownSettings, open: () => openMptcp(parts.system, scope) });
  const choices = new OwnChoices(ownSettings);
  const ask = (question?: Question): ReturnType<typeof explain> => explain(question);
  const env = { ...parts, leisure, gateways, ipv6Links, proxies, saves, ownSettings, choices, mptcp, explain: ask };
  const services = new Services(env, technologies, scope);
  const { system, sysctl, resolver } = parts;
  const fallbackNameservers = options.FallbackNameservers;
  const shared = { kernel, clock, system, sysctl, resolver, fallbackNameservers };
  const tethering = new Tethering({ ...shared, options, technologies, services, ownSettings }, scope);
  const ofTimezone = (): string | undefined => (options.RegdomFollowsTimezone ? parts.zoneCountry() : undefined);
  const country = new Country({ technologies, ownSettings, ofTimezone }, scope);
  const explain = explainer({ kernel, clock, options, interfaces, technologies, services });
  mptcp.follow(services, scope);
  const provisioning = new Provisioning({ storage: parts.storage, clock, services, ownSettings }, scope);
  setBeforeCarrier({ kernel, technologies, services, provisioning }, scope);
  const providers = new Providers(services);
  const peers = new Peers(parts, technologies);
  const portals = new Portals(parts, services, scope);
  const counters = new Counters({ services, kernel, clock, files: parts.usage }, scope);
  const sleep = new Sleep();
  sleep.beginning.observe(scope, () => saves.flush());
  sleep.ended.observe(scope, () => services.wake());
  const changes = new Changes({ clock, leisure, services, technologies }, scope);
  const tellHostname = hostnameSetter(bus, parts.system, () => parts.hostname());
  const setHostname = async (name: string): Promise<void> => {
    await tellHostname(name);
    changes.report('hostname', { Hostname: name });
  };
  const setDomainname = (name: string): void => parts.system.setDomainname(name);
  followHostname(services, { setHostname, setDomainname }, options, scope);
  separateLinks(services, parts.sysctl, scope);
  reviveDeadLinks({ kernel, clock, services }, scope);
  const objects = { interfaces, technologies, services, tethering, country, provisioning, providers, peers, proxies };
  const closeFd = (fd: number): void => parts.system.closeFd(fd);
  const fileSystemId = (path: string): string | undefined => {
    try {
      return parts.system.fileSystemId(path);
    } catch {
      return undefined;
    }
  };
  const names = new LinkNames(parts);
  const netlink: System['netlink'] = (socket, own) => parts.system.netlink(socket, own);
  const reached = { names, closeFd, fileSystemId, netlink };
  const beside = { portals, counters, ownSettings, addresses, saves, changes, sleep, ...reached };
  return { kernel, clock, leisure, bus, options, wifiDriver, ...beside, ...objects };
}
