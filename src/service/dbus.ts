/**
 * net.connman.Service: services on the bus. What stands in the dictionaries is in ./dictionaries.ts,
 * what may be set in ./set-property.ts.
 */

import type { Bus, Exported } from '../dbus/bus.ts';
import { causewayServiceInterface } from '../dbus/interfaces/causeway-service.ts';
import { serviceInterface } from '../dbus/interfaces/service.ts';
import type { PropertyName } from '../dbus/interface.ts';
import { variant } from '../dbus/signature.ts';
import { explanationDictionary } from '../explain/dbus.ts';
import { ConnmanError } from '../shared/errors.ts';
import type { Scope } from '../shared/scope.ts';
import {
  accessPointDictionary, conflictDictionary, ethernetDictionary, ipv4ConfigurationDictionary, ipv4Dictionary,
  ipv6ConfigurationDictionary, ipv6Dictionary, onlineCheckDictionary, providerDictionary,
  proxyConfigurationDictionary, proxyDictionary,
} from './dictionaries.ts';
import type { ServiceAspect } from './aspects.ts';
import { meteredOf, setMetered } from './metered.ts';
import type { Service } from './service.ts';
import type { Services } from './services.ts';
import { setProperty } from './set-property.ts';

const PATH_PREFIX = '/net/connman/service/';

/** Where a service is on the bus. */
export function servicePath(service: Service): string {
  return PATH_PREFIX + service.identifier;
}

/** A service being served; while held, its changes are not announced. */
export interface ExportedService {
  readonly exported: Exported<typeof serviceInterface>;
  /** ConnMan tells nothing of a service before the ServicesChanged that brings its dictionary. */
  isHeld: boolean;
}

/** Serves a service until `scope` closes; held at first. */
export function exportService(bus: Bus, service: Service, services: Services, scope: Scope): ExportedService {
  const exported: Exported<typeof serviceInterface> = bus.export(servicePath(service), serviceInterface, {
    methods: {
      GetProperties: () => exported.dictionary(),
      SetProperty: ({ name, value }) => setProperty(service, name, value),
      ClearProperty: ({ name }) => {
        if (name !== 'Error') throw new ConnmanError('InvalidProperty');
        service.clearError();
      },
      Connect: (_, { caller }) => service.connect('user', caller),
      Disconnect: () => service.disconnect(),
      Remove: () => service.remove(),
      MoveBefore: ({ service: path }) => services.move(service, 'before', find(services, path)),
      MoveAfter: ({ service: path }) => services.move(service, 'after', find(services, path)),
      ResetCounters: () => service.statistics.reset(),
    },
    properties: {
      Type: () => service.type,
      Security: () => service.network.security,
      State: () => service.shownState,
      Error: () => service.error,
      Strength: () => service.strength || undefined,
      Favorite: () => service.isFavorite,
      Immutable: () => service.isImmutable,
      AutoConnect: () => service.isAutoconnect,
      Name: () => service.name,
      Roaming: () => undefined,
      Ethernet: () => (service.network.device.interfaceName === '' ? undefined : ethernetDictionary(service)),
      IPv4: () => ipv4Dictionary(service),
      'IPv4.Configuration': () => ipv4ConfigurationDictionary(service),
      IPv6: () => ipv6Dictionary(service),
      'IPv6.Configuration': () => ipv6ConfigurationDictionary(service.configuration.ipv6),
      Nameservers: () => service.inUse.nameservers,
      'Nameservers.Configuration': () => service.configuration.nameservers,
      Timeservers: () => service.inUse.timeservers,
      'Timeservers.Configuration': () => service.configuration.timeservers,
      Domains: () => service.inUse.domains,
      'Domains.Configuration': () => service.configuration.domains,
      Proxy: () => proxyDictionary(service),
      'Proxy.Configuration': () => proxyConfigurationDictionary(service.configuration.proxy),
      mDNS: () => service.inUse.isMulticastDns,
      'mDNS.Configuration': () => service.configuration.mdns,
      Provider: () => providerDictionary(service),
      LastAddressConflict: () => conflictDictionary(service),
    },
  }, scope);
  exportExtension(bus, service, services, scope);
  service.tunnel?.splitRoutingChanged.observe(scope, (isSplit) => {
    exported.announce('SplitRouting', variant('b', isSplit));
  });
  const state: ExportedService = { exported, isHeld: true };
  service.changed.observe(scope, (aspects) => {
    const names = aspects.map((aspect) => PROPERTIES[aspect]);
    if (state.isHeld) exported.touch(...names);
    else exported.changed(...names);
    const isErrorGone = aspects.includes('error') && service.error === undefined;
    if (isErrorGone && !state.isHeld) exported.announce('Error', variant('s', ''));
  });
  return state;
}

function exportExtension(bus: Bus, service: Service, services: Services, scope: Scope): void {
  const { ownSettings: settings } = services;
  const { identifier } = service;
  const exported = bus.export(servicePath(service), causewayServiceInterface, {
    methods: {
      Explain: async () => (await services.explain({ service: identifier })).map(explanationDictionary),
    },
    properties: {
      OnlineCheck: () => onlineCheckDictionary(service),
      Metered: () => meteredOf(service, settings),
      MPTCP: () => services.mptcp.valueOf(service),
      NeverDefault: () => services.choices.valueOf(service, 'NeverDefault'),
      CheckOnline: () => services.choices.valueOf(service, 'CheckOnline'),
      SendHostname: () => services.choices.valueOf(service, 'SendHostname'),
      TakeHostname: () => services.choices.valueOf(service, 'TakeHostname'),
      AccessPoint: () => accessPointDictionary(service),
      Band: () => services.choices.valueOf(service, 'Band'),
      BSSID: () => services.choices.valueOf(service, 'BSSID'),
      MACAddressPolicy: () => services.choices.valueOf(service, 'MACAddressPolicy'),
    },
    setters: {
      Metered: (value) => {
        setMetered(service, settings, value);
        updateMetered();
      },
      NeverDefault: (value) => services.choices.set(service, 'NeverDefault', value),
      CheckOnline: (value) => services.choices.set(service, 'CheckOnline', value),
      SendHostname: (value) => services.choices.set(service, 'SendHostname', value),
      TakeHostname: (value) => services.choices.set(service, 'TakeHostname', value),
      Band: (value) => services.choices.set(service, 'Band', value),
      BSSID: (value) => services.choices.set(service, 'BSSID', value),
      MACAddressPolicy: (value) => services.choices.set(service, 'MACAddressPolicy', value),
      MPTCP: (value) => {
        services.mptcp.set(service, value);
        exported.changed('MPTCP');
      },
    },
  }, scope);
  service.checked.observe(scope, () => exported.changed('OnlineCheck'));
  let metered = meteredOf(service, settings);
  const updateMetered = (): void => {
    const before = metered;
    metered = meteredOf(service, settings);
    if (metered !== before) exported.changed('Metered');
  };
  services.choices.changed.observe(scope, () => {
    exported.changed(
      'NeverDefault', 'CheckOnline', 'SendHostname', 'TakeHostname', 'MPTCP', 'Band', 'BSSID', 'MACAddressPolicy',
    );
  });
  service.network.pointChanged.observe(scope, () => exported.changed('AccessPoint'));
  service.leased.observe(scope, updateMetered);
  settings.reloaded.observe(scope, updateMetered);
}

function find(services: Services, path: string): Service | undefined {
  return path.startsWith(PATH_PREFIX) ? services.get(path.slice(PATH_PREFIX.length)) : undefined;
}

const PROPERTIES = {
  state: 'State',
  error: 'Error',
  strength: 'Strength',
  security: 'Security',
  favorite: 'Favorite',
  immutable: 'Immutable',
  autoconnect: 'AutoConnect',
  ethernet: 'Ethernet',
  ipv4: 'IPv4',
  ipv4Configuration: 'IPv4.Configuration',
  ipv6: 'IPv6',
  ipv6Configuration: 'IPv6.Configuration',
  nameservers: 'Nameservers',
  nameserversConfiguration: 'Nameservers.Configuration',
  timeservers: 'Timeservers',
  timeserversConfiguration: 'Timeservers.Configuration',
  domains: 'Domains',
  domainsConfiguration: 'Domains.Configuration',
  proxy: 'Proxy',
  proxyConfiguration: 'Proxy.Configuration',
  mdns: 'mDNS',
  mdnsConfiguration: 'mDNS.Configuration',
  conflict: 'LastAddressConflict',
  provider: 'Provider',
} as const satisfies Record<ServiceAspect, PropertyName<typeof serviceInterface>>;
