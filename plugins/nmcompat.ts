/**
 * Tells programs that know NetworkManager alone whether there is a network: its bus name, its object,
 * and of its interface the State with both signals (NMState of NetworkManager's D-Bus reference).
 * ConnMan answers Properties.Get for State and nothing else; ours GetAll as well, and tells of changes
 * in the standard way, too: GLib's proxies read all at once, and saw no network at all otherwise.
 */

import type { Core, Plugin, Scope, Service } from '../src/api.ts';
import { networkManagerInterface } from '../src/dbus/interfaces/network-manager.ts';
import { variant } from '../src/dbus/signature.ts';
import { logger } from '../src/shared/log.ts';

const log = logger('plugins/nmcompat.ts');

const BUS_NAME = 'org.freedesktop.NetworkManager';
const PATH = '/org/freedesktop/NetworkManager';

/** NMState. */
const STATE = { asleep: 10, disconnected: 20, disconnecting: 30, connecting: 40, local: 50, global: 70 } as const;

/** The plugin. */
export const nmcompat: Plugin<Core> = {
  name: 'nmcompat',
  description: 'NetworkManager compatibility interfaces',
  priority: 'default',
  async start({ bus, services, technologies }, scope) {
    if (!(await bus.requestName(BUS_NAME, scope))) {
      log.warn('%s is owned by another program', BUS_NAME);
      return;
    }
    const state = (): number => stateOf(technologies.isOffline, services.default);
    let told = state();
    const exported = bus.export(PATH, networkManagerInterface, { methods: {}, properties: { State: state } }, scope);
    const update = (): void => {
      const now = state();
      if (now === told) return;
      told = now;
      log.debug('state %d', now);
      exported.emit('StateChanged', { state: now });
      exported.emit('PropertiesChanged', { properties: new Map([['State', variant('u', now)]]) });
      exported.changed('State');
    };
    let watched: Scope = scope.child();
    const follow = (service: Service | undefined): void => {
      void watched.close();
      watched = scope.child();
      service?.stateChanged.observe(watched, update);
      update();
    };
    services.defaultChanged.observe(scope, follow);
    technologies.offlineChanged.observe(scope, update);
    follow(services.default);
  },
};

/** ConnMan's mapping of the default service's state. */
export function stateOf(isOffline: boolean, service: Pick<Service, 'state'> | undefined): number {
  if (isOffline) return STATE.asleep;
  switch (service?.state) {
    case undefined:
    case 'idle':
    case 'failure':
      return STATE.disconnected;
    case 'association':
    case 'configuration':
      return STATE.connecting;
    case 'ready':
      return STATE.local;
    case 'online':
      return STATE.global;
    case 'disconnect':
      return STATE.disconnecting;
  }
}
