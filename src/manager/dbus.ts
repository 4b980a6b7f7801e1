/**
 * net.connman.Manager at `/`: the daemon's own properties, the lists of technologies and services,
 * and the announcement of what comes and goes in them.
 */

import type { AgentRegistry } from '../daemon/agents.ts';
import type { Bus, Exported } from '../dbus/bus.ts';
import type { agentInterface } from '../dbus/interfaces/agent.ts';
import { managerInterface } from '../dbus/interfaces/manager.ts';
import type { technologyInterface } from '../dbus/interfaces/technology.ts';
import type { Variant } from '../dbus/signature.ts';
import { exportService, servicePath, type ExportedService } from '../service/dbus.ts';
import type { Service } from '../service/service.ts';
import type { Services } from '../service/services.ts';
import type { Clock } from '../shared/clock.ts';
import { ConnmanError } from '../shared/errors.ts';
import type { Scope } from '../shared/scope.ts';
import { exportTechnology, technologyPath } from '../technology/dbus.ts';
import type { Technologies } from '../technology/technologies.ts';
import type { Technology } from '../technology/technology.ts';
import { ServiceChanges } from './service-changes.ts';

/** What the manager shows. */
export interface ManagerParts {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly technologies: Technologies;
  readonly services: Services;
  readonly agents: AgentRegistry<typeof agentInterface>;
}

/** `State` of the manager. */
function stateOf({ services, technologies }: ManagerParts): string {
  if (services.connectivity !== 'idle') return services.connectivity;
  return technologies.isOffline ? 'offline' : 'idle';
}

/** Serves the manager, and every technology and service, until `scope` closes. */
export function exportManager(parts: ManagerParts, scope: Scope): void {
  const { bus, technologies, services, agents } = parts;
  const technologyObjects = new Map<Technology, Exported<typeof technologyInterface>>();
  const serviceObjects = new Map<Service, ExportedService>();
  let isSessionMode = false;

  const manager: Exported<typeof managerInterface> = bus.export('/', managerInterface, {
    methods: {
      GetProperties: () => manager.dictionary(),
      SetProperty: async ({ name, value }) => {
        if (name === 'OfflineMode') await setOffline(technologies, value, () => manager.changed('OfflineMode', 'State'));
        else if (name === 'SessionMode') isSessionMode = booleanOf(value);
        else throw new ConnmanError('InvalidProperty');
        manager.touch('SessionMode');
      },
      GetTechnologies: () => technologies.list.flatMap((technology) => {
        const object = technologyObjects.get(technology);
        return object === undefined ? [] : [[technologyPath(technology), object.dictionary()] as const];
      }),
      GetServices: () => services.list.flatMap((service) => {
        const object = serviceObjects.get(service);
        return object === undefined ? [] : [[servicePath(service), object.exported.dictionary()] as const];
      }),
      GetPeers: () => [],
      GetTetheringClients: () => [],
      RegisterAgent: ({ path }, call) => agents.register(call.caller, path),
      UnregisterAgent: (_, call) => agents.unregister(call.caller),
      ...NOT_BUILT,
    },
    properties: {
      State: () => stateOf(parts),
      OfflineMode: () => technologies.isOffline,
      SessionMode: () => isSessionMode,
    },
  }, scope);

  technologies.added.observe(scope, ({ technology, scope: itsScope }) => {
    itsScope.defer(() => {
      technologyObjects.delete(technology);
      manager.emit('TechnologyRemoved', { path: technologyPath(technology) });
    });
    const object = exportTechnology(bus, technology, technologies, itsScope);
    technologyObjects.set(technology, object);
    manager.emit('TechnologyAdded', { path: technologyPath(technology), properties: object.dictionary() });
  });

  const changes = new ServiceChanges<string>(parts.clock, scope, (added, removed) => {
    const changed = services.list.map((service) => [servicePath(service), show(service, added)] as const);
    manager.emit('ServicesChanged', { changed, removed: [...removed] });
  });
  const show = (service: Service, added: ReadonlySet<string>): ReadonlyMap<string, Variant> | ReturnType<typeof manager.dictionary> => {
    const object = serviceObjects.get(service);
    if (object === undefined || !added.has(servicePath(service))) return new Map();
    object.isHeld = false;
    return object.exported.dictionary();
  };
  services.added.observe(scope, ({ service, scope: itsScope }) => {
    serviceObjects.set(service, exportService(bus, service, services, itsScope));
    changes.add(servicePath(service));
  });
  services.removed.observe(scope, (service) => {
    serviceObjects.delete(service);
    changes.remove(servicePath(service));
  });
  services.reordered.observe(scope, () => changes.trigger());
  services.connectivityChanged.observe(scope, () => manager.changed('State'));
  scope.defer(() => changes.flush());
}

async function setOffline(technologies: Technologies, value: Variant, announce: () => void): Promise<void> {
  await technologies.setOffline(booleanOf(value));
  announce();
}

function booleanOf(value: Variant): boolean {
  const flag = value.as('b');
  if (flag === undefined) throw new ConnmanError('InvalidArguments');
  return flag;
}

const refuse = (): never => {
  throw new ConnmanError('NotImplemented');
};

/** Methods of parts that this daemon does not have. */
const NOT_BUILT = {
  RemoveProvider: refuse,
  ConnectProvider: refuse,
  RegisterCounter: refuse,
  UnregisterCounter: refuse,
  CreateSession: refuse,
  DestroySession: refuse,
  RequestPrivateNetwork: refuse,
  ReleasePrivateNetwork: refuse,
  RegisterPeerService: refuse,
  UnregisterPeerService: refuse,
} as const;
