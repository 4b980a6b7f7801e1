/**
 * What can be seen of the core at one moment, as plain values: what explanations are made from. Taken
 * when somebody asks and kept by nobody.
 */

import type { GeneralOptions } from '../daemon/main-conf.ts';
import type { Device } from '../device.ts';
import type { Interfaces } from '../interfaces.ts';
import type { AddressConflict, Ipv4InUse, Ipv6InUse } from '../ipconfig/configuration.ts';
import type { AddressProgress } from '../ipconfig/session.ts';
import type { NeighbourState } from '../netlink/neighbour/neighbour.ts';
import type { Rtnetlink } from '../netlink/rtnetlink.ts';
import type { Outcome } from '../online-check/machine.ts';
import type { RadioState } from '../rfkill.ts';
import type { LastCheck } from '../service/family-connection.ts';
import { meteredOf, type Metered } from '../service/metered.ts';
import type { Ranked } from '../service/order.ts';
import type { Service } from '../service/service.ts';
import type { Services } from '../service/services.ts';
import { isConnected } from '../service/state.ts';
import type { Clock } from '../shared/clock.ts';
import type { IpAddress } from '../shared/ipaddress.ts';
import type { Technologies } from '../technology/technologies.ts';
import type { Technology } from '../technology/technology.ts';
import type { ServiceType, TechnologyType } from '../types.ts';

/** One moment. */
export interface Snapshot {
  readonly isOffline: boolean;
  readonly checkMode: 'none' | 'one-shot' | 'continuous';
  readonly isSingleConnection: boolean;
  readonly preferred: readonly ServiceType[];
  readonly technologies: readonly TechnologyView[];
  /** In order, best first. */
  readonly services: readonly ServiceView[];
  /** Interfaces that are left alone, and why. */
  readonly ignored: readonly { readonly name: string; readonly reason: string }[];
}

/** A technology, shown to users or not. */
export interface TechnologyView {
  readonly type: TechnologyType;
  readonly isPowered: boolean;
  /** Whether the user wants it on. */
  readonly isWanted: boolean;
  readonly switches: RadioState | undefined;
  readonly devices: readonly DeviceView[];
  readonly tethering: TetheringView;
}

/** Whether a technology is shared, or why not. */
export interface TetheringView {
  readonly isOn: boolean;
  readonly isWanted: boolean;
  /** Why the last attempt failed, or what ended it. */
  readonly failure: string | undefined;
}

/** An interface of a technology. */
export interface DeviceView {
  readonly name: string;
  readonly isUp: boolean;
  readonly hasCarrier: boolean;
  readonly networks: number;
}

/** A service. */
export interface ServiceView extends Ranked {
  readonly identifier: string;
  readonly interfaceName: string;
  readonly isDefault: boolean;
  /** Chosen, for it or for its technology. */
  readonly isNeverDefault: boolean;
  readonly isChecked: boolean;
  readonly isAutoconnect: boolean;
  readonly isIgnored: boolean;
  readonly isConfigurable: boolean;
  readonly isReachable: boolean;
  /** The file and group that decide its configuration. */
  readonly provisionedBy: string | undefined;
  readonly ipv4Method: string;
  readonly hasStaticAddress: boolean;
  /** Whether no link-local address stands in for one that cannot be had. */
  readonly isLinkLocalOff: boolean;
  readonly metered: Metered;
  /** Addresses in use that are not on the interface: somebody else has taken them off. */
  readonly goneAddresses: readonly string[];
  /** Whether the main table lacks a default route to one of its gateways, though it is the default. */
  readonly isDefaultRouteGone: boolean;
  readonly ipv4: Ipv4InUse | undefined;
  readonly ipv6: Ipv6InUse | undefined;
  readonly nameservers: readonly string[];
  readonly progress: AddressProgress | undefined;
  /** What a driver or the kernel said when the last attempt failed. */
  readonly failure: string | undefined;
  /** Whether a user is asked for something, or what to do about a failure. */
  readonly asking: 'input' | 'retry' | undefined;
  readonly conflict: AddressConflict | undefined;
  readonly check: CheckView | undefined;
  /** What the kernel knows of the gateway; undefined where it was not asked. */
  readonly gatewayState: NeighbourState | undefined;
  /** Until DHCP does something by itself. */
  readonly dhcpInMs: number | undefined;
}

/** The last online check. */
export interface CheckView {
  readonly url: string;
  readonly outcome: Outcome;
  readonly standing: LastCheck['standing'];
  readonly address: string | undefined;
  /** Until the next one; undefined where none follows by itself. */
  readonly nextInMs: number | undefined;
}

/** What a snapshot is taken of. */
export interface SnapshotEnv {
  readonly kernel: Pick<Rtnetlink, 'neighbour' | 'mirror'>;
  readonly clock: Pick<Clock, 'pending'>;
  readonly options: GeneralOptions;
  readonly interfaces: Interfaces;
  readonly technologies: Technologies;
  readonly services: Services;
}

/** Looks. Never throws. */
export async function takeSnapshot(env: SnapshotEnv): Promise<Snapshot> {
  const { options, interfaces, technologies, services, clock } = env;
  const timers = new Map(clock.pending().map(({ name, inMs }) => [name, inMs]));
  const known = new Set(technologies.all.flatMap(({ devices }) => [...devices].map(({ ifindex }) => ifindex)));
  const undriven = [...interfaces.managed].filter(({ link }) => !known.has(link.ifindex));
  return {
    isOffline: technologies.isOffline,
    checkMode: options.OnlineCheckMode,
    isSingleConnection: options.SingleConnectedTechnology,
    preferred: services.preferred,
    technologies: technologies.all.map((each) => technologyView(each, technologies)),
    services: await Promise.all(services.list.map((service) => serviceView(service, services, timers, env))),
    ignored: [
      ...interfaces.ignored,
      ...undriven.map(({ link, type }) => ({
        name: link.name, reason: technologies.absences.get(type) ?? `no plugin takes care of ${type}`,
      })),
    ],
  };
}

function technologyView(technology: Technology, technologies: Technologies): TechnologyView {
  const { type, isPowered, switches, devices, sharing: { isOn, isWanted: isTethered, failure } } = technology;
  const tethering = { isOn, isWanted: isTethered, failure };
  const isWanted = technologies.isWanted(type);
  return { type, isPowered, isWanted, switches, tethering, devices: [...devices].map(deviceView) };
}

function deviceView({ interfaceName: name, link: { isUp, hasCarrier }, networks }: Device): DeviceView {
  return { name, isUp, hasCarrier, networks: networks.size };
}

// oxlint-disable-next-line max-params -- one of many, and what they have in common
async function serviceView(
  service: Service, services: Services, timers: ReadonlyMap<string, number>, env: SnapshotEnv,
): Promise<ServiceView> {
  const { identifier, type, name, order, state, error, strength, inUse: { ipv4, ipv6, nameservers } } = service;
  const { isFavorite, isAutoconnect, isIgnored, isConfigurable, isReachable } = service;
  const { network: { device }, provisioned, configuration, conflictDetection, shownState } = service;
  const { attempt, address: progress } = service.progress;
  return {
    identifier, type, name, order, state, shownState, error, strength, ipv4, ipv6, nameservers, progress,
    isFavorite, isAutoconnect, isIgnored, isConfigurable, isReachable,
    interfaceName: device.interfaceName,
    isDefault: services.default === service,
    isNeverDefault: services.choices.isNeverDefault(service),
    isChecked: services.choices.isChecked(service),
    provisionedBy: provisioned && `${provisioned.file}.config [${provisioned.entry.ident}]`,
    ipv4Method: configuration.ipv4.method,
    hasStaticAddress: configuration.ipv4.address !== undefined,
    isLinkLocalOff: configuration.ipv4.linkLocal === 'disabled',
    metered: meteredOf(service, services.ownSettings),
    ...goneOf(service, services, env.kernel),
    failure: attempt?.failure,
    asking: attempt?.isAskingForInput === true ? 'input' : attempt?.isAskingToRetry === true ? 'retry' : undefined,
    conflict: conflictDetection?.last,
    check: checkView(service, timers),
    gatewayState: await gatewayStateOf(service, env),
    dhcpInMs: timers.get(`DHCP index ${device.ifindex}`),
  };
}

/** What others have taken from the kernel; of tunnels the VPN daemon knows. */
function goneOf(
  service: Service, services: Services, { mirror }: Pick<Rtnetlink, 'mirror'>,
): Pick<ServiceView, 'goneAddresses' | 'isDefaultRouteGone'> {
  const { inUse: { ipv4, ipv6 }, network: { device: { ifindex, tunnel } } } = service;
  if (tunnel !== undefined) return { goneAddresses: [], isDefaultRouteGone: false };
  const own = [ipv4, ipv6?.method === '6to4' ? undefined : ipv6].filter((each) => each !== undefined);
  const there = mirror.addressesOf(ifindex);
  const gone = own.filter(({ address }) => !there.some((each) => each.address.equals(address)));
  const gateways = own.flatMap(({ gateway }) => gateway ?? []);
  const isThere = (gateway: IpAddress): boolean => mirror.routesOf(ifindex).some(
    (route) => route.destination === undefined && route.gateway?.equals(gateway) === true,
  );
  return {
    goneAddresses: gone.map(({ address }) => String(address)),
    isDefaultRouteGone: services.default === service && !gateways.every(isThere),
  };
}

function checkView({ inUse, network }: Service, timers: ReadonlyMap<string, number>): CheckView | undefined {
  const { lastCheck } = inUse;
  if (lastCheck === undefined) return undefined;
  const { url, outcome, standing, address, family } = lastCheck;
  const nextInMs = timers.get(`online check ${network.device.interfaceName} IPv${family}`);
  return { url, outcome, standing, address: address?.toString(), nextInMs };
}

/** Whether anyone answers there: asked of the kernel, which has just tried, unless all is well. */
async function gatewayStateOf(service: Service, { kernel }: SnapshotEnv): Promise<NeighbourState | undefined> {
  const { ipv4, ipv6, lastCheck } = service.inUse;
  const gateway = ipv4?.gateway ?? ipv6?.gateway;
  const isWell = lastCheck === undefined || lastCheck.outcome.kind === 'online';
  if (gateway === undefined || isWell || !isConnected(service.state)) return undefined;
  try {
    const neighbours = await kernel.neighbour.list(service.network.device.ifindex);
    return neighbours.find(({ address }) => address.equals(gateway))?.state;
  } catch {
    return undefined; // the interface has gone meanwhile
  }
}
