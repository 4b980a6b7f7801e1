/**
 * net.connman.Manager at `/`: the daemon's own properties, the lists of technologies and services,
 * and the announcement of what comes and goes in them.
 */

import { changeDictionary } from '../changes/dbus.ts';
import type { EventLog } from '../changes/event-log.ts';
import type { Checkpoints } from '../checkpoint/checkpoints.ts';
import type { Country } from '../country.ts';
import type { CounterRegistry } from '../counter/dbus.ts';
import type { AgentRegistry } from '../daemon/agents.ts';
import type { Bus, Exported } from '../dbus/bus.ts';
import type { EncodedDictionary } from '../dbus/dictionary.ts';
import type { agentInterface } from '../dbus/interfaces/agent.ts';
import { causewayManagerInterface } from '../dbus/interfaces/causeway-manager.ts';
import { managerInterface } from '../dbus/interfaces/manager.ts';
import type { technologyInterface } from '../dbus/interfaces/technology.ts';
import type { Variant } from '../dbus/signature.ts';
import { exportService, servicePath, type ExportedService } from '../service/dbus.ts';
import { explanationDictionary } from '../explain/dbus.ts';
import { exportPeers, parsePeerService } from '../peer/dbus.ts';
import type { Peers } from '../peer/peers.ts';
import type { Providers } from '../provider.ts';
import type { Service } from '../service/service.ts';
import type { Services } from '../service/services.ts';
import type { Clock } from '../shared/clock.ts';
import type { Caller } from '../shared/caller.ts';
import { ConnmanError } from '../shared/errors.ts';
import type { Scope } from '../shared/scope.ts';
import { exportTechnology, exportTechnologyExtension, technologyPath } from '../technology/dbus.ts';
import type { Technologies } from '../technology/technologies.ts';
import type { Technology } from '../technology/technology.ts';
import type { Tethering } from '../tethering/tethering.ts';
import { ServiceChanges } from './service-changes.ts';

/** What the manager shows. */
export interface ManagerParts {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly technologies: Technologies;
  readonly services: Services;
  readonly tethering: Tethering;
  readonly country: Country;
  readonly providers: Providers;
  readonly peers: Peers;
  readonly agents: AgentRegistry<typeof agentInterface>;
  readonly counters: CounterRegistry;
  readonly checkpoints: Checkpoints;
  readonly eventLog: EventLog;
}

/** `State` of the manager. */
function stateOf({ services, technologies }: ManagerParts): string {
  if (services.connectivity !== 'idle') return services.connectivity;
  return technologies.isOffline ? 'offline' : 'idle';
}

/** Serves the manager, and every technology and service, until `scope` closes. */
export function exportManager(parts: ManagerParts, scope: Scope): void {
  const objects: Objects = { technologies: new Map(), services: new Map(), peers: () => [] };
  const manager = exportInterface(parts, objects, scope);
  objects.peers = exportPeers(parts, scope, (change) => manager.emit('PeersChanged', change));
  exportExtension(parts, scope);
  announceTechnologies(parts, objects, manager, scope);
  announceServices(parts, objects, manager, scope);
  announceClients(parts, manager, scope);
  parts.services.connectivityChanged.observe(scope, () => {
    manager.changed('State');
    // Not at the end of the turn: there the online check has begun, milliseconds later.
    queueMicrotask(() => parts.bus.flush());
  });
  parts.technologies.offlineChanged.observe(scope, () => manager.changed('OfflineMode', 'State'));
  manager.dictionary(); // what is known from now on is announced when it changes
}

type Manager = Exported<typeof managerInterface>;

/** What is served besides the manager. */
interface Objects {
  readonly technologies: Map<Technology, Exported<typeof technologyInterface>>;
  readonly services: Map<Service, ExportedService>;
  peers: ReturnType<typeof exportPeers>;
}

function exportInterface(parts: ManagerParts, objects: Objects, scope: Scope): Manager {
  const { bus, technologies, services, peers, agents, counters } = parts;
  let isSessionMode = false;
  const manager: Manager = bus.export(
    '/',
    managerInterface,
    {
      methods: {
        GetProperties: () => manager.dictionary(),
        SetProperty: ({ name, value }) => {
          switch (name) {
            case 'OfflineMode':
              return technologies.setOffline(booleanOf(value));
            case 'SessionMode':
              isSessionMode = booleanOf(value);
              manager.touch('SessionMode');
              return;
            default:
              throw new ConnmanError('InvalidProperty');
          }
        },
        GetTechnologies: () =>
          technologies.list.flatMap((technology) => {
            const object = objects.technologies.get(technology);
            return object === undefined ? [] : [[technologyPath(technology), object.dictionary()] as const];
          }),
        GetServices: () =>
          services.list.flatMap((service) => {
            const object = objects.services.get(service);
            return object === undefined ? [] : [[servicePath(service), object.exported.dictionary()] as const];
          }),
        GetPeers: () => objects.peers(),
        GetTetheringClients: () => parts.tethering.clients,
        RegisterAgent: ({ path }, call) => agents.register(call.caller, path),
        UnregisterAgent: (_, call) => agents.unregister(call.caller),
        RegisterCounter: ({ path, period }, call) => counters.register(call.caller, path, period),
        UnregisterCounter: ({ path }, call) => counters.unregister(call.caller, path),
        ConnectProvider: ({ provider }, { caller }) => connectProvider(parts, provider, caller),
        RemoveProvider: ({ provider }) => removeProvider(parts, provider),
        RegisterPeerService: ({ specification, master }, { caller }) =>
          peers.services.register(parsePeerService(specification), master, caller),
        UnregisterPeerService: ({ specification }, { caller }) =>
          peers.services.unregister(parsePeerService(specification), caller),
        ...NOT_BUILT,
      },
      properties: {
        State: () => stateOf(parts),
        OfflineMode: () => technologies.isOffline,
        SessionMode: () => isSessionMode,
      },
    },
    scope,
  );
  return manager;
}

function exportExtension(parts: ManagerParts, scope: Scope): void {
  const { bus, clock, services, providers, checkpoints, eventLog } = parts;
  const followers = new Set<string>();
  const exported = bus.export('/', causewayManagerInterface, {
    methods: {
      Explain: async () => (await services.explain()).map(explanationDictionary),
      Reload() {
        services.reload();
        providers.reload();
      },
      Waiting: () => clock.pending().map(({ name, inMs }) => [name, inMs / 1000] as const),
      Reapply: ({ interface: name }) => services.reapply(name),
      CheckpointCreate: ({ timeout }) => checkpoints.create(timeout),
      CheckpointConfirm: ({ id }) => checkpoints.confirm(id),
      CheckpointRollback: ({ id }) => checkpoints.rollback(id),
      GetCheckpoints: () => checkpoints.list.map(({ id, createdAt, leftSec }) => {
        return [id, BigInt(createdAt.getTime()) * 1000n, leftSec] as const;
      }),
      GetLog: ({ count }) => eventLog.last(count).map(changeDictionary),
      FollowLog: (_, { caller }) => {
        if (followers.has(caller.id)) return;
        followers.add(caller.id);
        caller.signal.addEventListener('abort', () => followers.delete(caller.id));
      },
    },
    properties: { OnlineCheck: () => services.choices.isHostChecked },
    setters: { OnlineCheck: (value) => services.choices.setHostChecked(value) },
  }, scope);
  services.choices.changed.observe(scope, () => exported.changed('OnlineCheck'));
  eventLog.logged.observe(scope, (change) => {
    if (followers.size > 0) exported.emit('Logged', { change: changeDictionary(change) });
  });
}

function announceTechnologies(
  parts: ManagerParts,
  objects: Objects,
  manager: Manager,
  scope: Scope,
): void {
  const { bus, technologies } = parts;
  technologies.added.observe(scope, ({ technology, scope: itsScope }) => {
    itsScope.defer(() => {
      objects.technologies.delete(technology);
      manager.emit('TechnologyRemoved', { path: technologyPath(technology) });
    });
    const object = exportTechnology(bus, technology, parts, itsScope);
    exportTechnologyExtension(parts, technology, itsScope);
    objects.technologies.set(technology, object);
    manager.emit('TechnologyAdded', { path: technologyPath(technology), properties: object.dictionary() });
  });
}

function announceServices(
  { bus, clock, services }: ManagerParts,
  objects: Objects,
  manager: Manager,
  scope: Scope,
): void {
  // A new service is told with all its properties, from then on it speaks for itself.
  const present = (service: Service): EncodedDictionary | typeof NO_PROPERTIES => {
    const object = objects.services.get(service);
    if (object === undefined) return NO_PROPERTIES;
    object.isHeld = false;
    return object.exported.dictionary();
  };
  const changes = new ServiceChanges<string>('ServicesChanged', clock, scope, (added, removed) => {
    const changed = services.list.map((service) => {
      const path = servicePath(service);
      return [path, added.has(path) ? present(service) : NO_PROPERTIES] as const;
    });
    manager.emit('ServicesChanged', { changed, removed: [...removed] });
  });
  services.added.observe(scope, ({ service, scope: itsScope }) => {
    objects.services.set(service, exportService(bus, service, services, itsScope));
    changes.add(servicePath(service));
  });
  services.removed.observe(scope, (service) => {
    objects.services.delete(service);
    changes.remove(servicePath(service));
  });
  services.reordered.observe(scope, () => changes.trigger());
  scope.defer(() => changes.flush());
}

// Changes of a tenth of a second together, as ConnMan.
function announceClients({ clock, tethering }: ManagerParts, manager: Manager, scope: Scope): void {
  const removed = new Set<string>();
  let isDue = false;
  const alarm = clock.alarm('TetheringClientsChanged', scope, () => {
    isDue = false;
    manager.emit('TetheringClientsChanged', { registered: tethering.clients, removed: [...removed] });
    removed.clear();
  });
  tethering.clientsChanged.observe(scope, ({ address, isThere }) => {
    if (isThere) removed.delete(address);
    else removed.add(address);
    if (isDue) return;
    isDue = true;
    alarm.set(clock.now() + GATHER_MS);
  });
}

const GATHER_MS = 100;

const NO_PROPERTIES: ReadonlyMap<string, Variant> = new Map();

function booleanOf(value: Variant): boolean {
  const flag = value.as('b');
  if (flag === undefined) throw new ConnmanError('InvalidArguments');
  return flag;
}

function removeProvider({ providers }: ManagerParts, path: string): Promise<void> {
  const ident = /^\/net\/connman\/service\/vpn_(\w+)$/.exec(path)?.[1];
  if (ident === undefined || providers.remove === undefined) throw new ConnmanError('NotFound');
  return providers.remove(ident);
}

// Host and domain, then type and name, as ConnMan looks for them.
async function connectProvider(
  { providers }: ManagerParts, settings: ReadonlyMap<string, Variant>, caller: Caller,
): Promise<string> {
  const lacks = (...names: string[]): boolean => names.some((name) => !settings.get(name)?.as('s'));
  if (lacks('Host', 'VPN.Domain')) throw new ConnmanError('InvalidArguments');
  if (lacks('Type', 'Name')) throw new ConnmanError('NotSupported');
  if (providers.connectNew === undefined) throw new ConnmanError('InvalidArguments');
  const request = {
    strings: new Map([...settings].flatMap(([name, value]): [string, string][] => {
      const text = value.as('s');
      return text === undefined ? [] : [[name, text]];
    })),
    networks: settings.get('Networks')?.as('as') ?? [],
    isSplitRouting: settings.get('SplitRouting')?.as('b'),
  };
  return `/net/connman/service/vpn_${await providers.connectNew(request, caller)}`;
}

const refuse = (): never => {
  throw new ConnmanError('NotImplemented');
};

/** Methods of parts that this daemon does not have: what is not there cannot be given back either. */
const NOT_BUILT = {
  CreateSession: refuse,
  DestroySession: () => {
    throw new ConnmanError('InvalidArguments');
  },
  RequestPrivateNetwork: refuse,
  ReleasePrivateNetwork: () => {
    throw new ConnmanError('PermissionDenied');
  },
} as const;
