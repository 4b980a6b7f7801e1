/**
 * A connection manager that is none: answers for net.connman and net.connman.vpn with made-up
 * technologies, services, peers and VPNs, every D-Bus type and hostile names among them, and notes
 * what it is asked to do. For holding two consoles against each other.
 */

import { type Bus, connectBus, type Exported } from '../../src/dbus/bus.ts';
import type { DBusError } from '../../src/dbus/errors.ts';
import type { Proxy } from '../../src/dbus/interface.ts';
import { agentInterface } from '../../src/dbus/interfaces/agent.ts';
import { clockInterface } from '../../src/dbus/interfaces/clock.ts';
import { managerInterface } from '../../src/dbus/interfaces/manager.ts';
import { notificationInterface } from '../../src/dbus/interfaces/notification.ts';
import { peerInterface } from '../../src/dbus/interfaces/peer.ts';
import { serviceInterface } from '../../src/dbus/interfaces/service.ts';
import { sessionInterface } from '../../src/dbus/interfaces/session.ts';
import { technologyInterface } from '../../src/dbus/interfaces/technology.ts';
import { vpnAgentInterface } from '../../src/dbus/interfaces/vpn-agent.ts';
import { vpnConnectionInterface } from '../../src/dbus/interfaces/vpn-connection.ts';
import { vpnManagerInterface } from '../../src/dbus/interfaces/vpn-manager.ts';
import { Variant, variant } from '../../src/dbus/signature.ts';
import { nodeTransport } from '../../src/dbus/transport.ts';
import { DeadlineClock, nodeTimeSource } from '../../src/shared/clock.ts';
import { ConnmanError } from '../../src/shared/errors.ts';
import { createScope, type Scope } from '../../src/shared/scope.ts';
import { ODD_VALUES, PEERS, SERVICES, TECHNOLOGIES, VPNS } from './fake-connman-objects.ts';

/** What the fake is asked to refuse, by `Interface.Method path property`; undefined is done. */
export type Refusal = (what: string) => DBusError | undefined;

interface Called {
  readonly caller: { readonly id: string };
}

/** A running fake; `close` leaves the bus. */
export class FakeConnman {
  /** What it was asked to do, a line each. */
  readonly calls: string[] = [];
  /** The agents registered last. */
  agent: Proxy<typeof agentInterface> | undefined;
  vpnAgent: Proxy<typeof vpnAgentInterface> | undefined;
  /** Refuses where it returns an error. */
  refuse: Refusal = () => undefined;
  /** Runs while a service is being connected. */
  onConnect: (path: string) => Promise<void> = () => Promise.resolve();
  /** Shown while `true`; else the manager has nothing to list. */
  isFurnished = true;
  readonly bus: Bus;
  readonly #scope: Scope;
  readonly #properties = new Map<string, Map<string, Variant>>();

  private constructor(bus: Bus, scope: Scope) {
    this.bus = bus;
    this.#scope = scope;
  }

  /** Takes both names on the bus at `address`. */
  static async start(address: string): Promise<FakeConnman> {
    const scope = createScope();
    const clock = new DeadlineClock(nodeTimeSource());
    const fake = new FakeConnman(await connectBus(nodeTransport(address, scope), { clock }, scope), scope);
    for (const [path, properties] of SERVICES) fake.#properties.set(path, new Map(properties));
    await fake.#begin();
    return fake;
  }

  close(): Promise<void> {
    return this.#scope.close();
  }

  /** A service's properties as they are now. */
  properties(path: string): ReadonlyMap<string, Variant> {
    return this.#properties.get(path) ?? new Map();
  }

  /** Sets a property and tells of it. */
  announce(path: string, name: string, value: Variant): void {
    this.#properties.get(path)?.set(name, value);
    this.#announcers.get(path)?.(name, value);
  }

  /** A recognisable signal on every interface. */
  mark(which: string): void {
    const mark = { name: 'Mark', value: variant('s', which) };
    this.#manager?.emit('PropertyChanged', mark);
    for (const announce of this.#marks) announce(mark.name, mark.value);
    this.#vpnManager?.emit('ConnectionRemoved', { identifier: `/mark_${which}` });
  }

  /** Every signal of the two managers, some with nothing in them. */
  emitManager(): void {
    const manager = this.#manager;
    const half = SERVICES.map(([path], index): [string, Map<string, Variant>] => {
      return [path, index % 2 === 0 ? this.#of(path) : new Map()];
    });
    manager?.emit('PropertyChanged', { name: 'State', value: variant('s', 'idle') });
    for (const [path, properties] of TECHNOLOGIES) manager?.emit('TechnologyAdded', { path, properties });
    manager?.emit('TechnologyRemoved', { path: '/net/connman/technology/p2p' });
    const removed = ['/net/connman/service/gone', '/net/connman/service/gone_too'];
    manager?.emit('ServicesChanged', { changed: half, removed });
    manager?.emit('ServicesChanged', { changed: [], removed: [] });
    const peers: typeof PEERS = [...PEERS, ['/net/connman/peer/peer_same', new Map()]];
    manager?.emit('PeersChanged', { changed: peers, removed: ['/net/connman/peer/peer_gone'] });
    manager?.emit('PeersChanged', { changed: [], removed: [] });
    manager?.emit('TetheringClientsChanged', { registered: ['aa', 'bb'], removed: ['cc'] });
    manager?.emit('TetheringClientsChanged', { registered: [], removed: [] });
    for (const [identifier, properties] of VPNS) this.#vpnManager?.emit('ConnectionAdded', { identifier, properties });
    this.#vpnManager?.emit('ConnectionRemoved', { identifier: '/net/connman/vpn/connection/example_0' });
  }

  readonly #marks: ((name: string, value: Variant) => void)[] = [];
  readonly #announcers = new Map<string, (name: string, value: Variant) => void>();

  #note(what: string, details: unknown = ''): void {
    const refusal = this.refuse(what);
    this.calls.push(`${what} ${JSON.stringify(details, plain)}${refusal === undefined ? '' : ' refused'}`);
    if (refusal !== undefined) throw refusal;
  }

  async #begin(): Promise<void> {
    this.#exportManager();
    this.#exportObjects();
    this.#exportVpn();
    for (const name of ['net.connman', 'net.connman.vpn']) {
      if (!(await this.bus.requestName(name, this.#scope))) throw new Error(`${name} is taken`);
    }
  }

  #exportManager(): void {
    const listed = <T>(list: T[]): T[] => (this.isFurnished ? list : []);
    const unsupported = (): never => {
      throw new ConnmanError('NotSupported');
    };
    const methods = {
      GetProperties: () => new Map([['State', variant('s', 'online')], ...ODD_VALUES]),
      SetProperty: (args: object) => this.#note('Manager.SetProperty', args),
      GetTechnologies: () => listed(TECHNOLOGIES),
      RemoveProvider: unsupported,
      GetServices: () => listed(SERVICES.map(([path]): [string, Map<string, Variant>] => [path, this.#of(path)])),
      GetPeers: () => listed(PEERS),
      GetTetheringClients: () => listed(['aa:bb:cc:dd:ee:ff', '02:00:00:00:00:01']),
      ConnectProvider: unsupported,
      RegisterAgent: ({ path }: { path: string }, call: Called) => {
        this.#note('Manager.RegisterAgent');
        this.agent = this.bus.proxy(agentInterface, call.caller.id, path);
      },
      UnregisterAgent: () => this.#note('Manager.UnregisterAgent'),
      RegisterCounter: unsupported,
      UnregisterCounter: unsupported,
      CreateSession: ({ settings, notifier }: { settings: object; notifier: string }, call: Called) => {
        this.#note('Manager.CreateSession', settings);
        return this.#session(call.caller.id, notifier);
      },
      DestroySession: () => this.#note('Manager.DestroySession'),
      RequestPrivateNetwork: unsupported,
      ReleasePrivateNetwork: unsupported,
      RegisterPeerService: (args: object) => this.#note('Manager.RegisterPeerService', args),
      UnregisterPeerService: (args: object) => this.#note('Manager.UnregisterPeerService', args),
    };
    this.#manager = this.bus.export('/', managerInterface, { methods }, this.#scope);
    const clock = {
      GetProperties: () => new Map([['Time', variant('t', 1_700_000_000n)], ['TimeUpdates', variant('s', 'auto')]]),
      SetProperty: ({ name, value }: { name: string; value: Variant }) =>
        this.#note(`Clock.SetProperty ${name}`, value),
    };
    this.bus.export('/', clockInterface, { methods: clock }, this.#scope);
  }

  #manager: Exported<typeof managerInterface> | undefined;

  #of(path: string): Map<string, Variant> {
    return this.#properties.get(path) ?? new Map();
  }

  #exportObjects(): void {
    for (const [path] of SERVICES) {
      const methods = {
        GetProperties: () => this.#of(path),
        SetProperty: ({ name, value }: { name: string; value: Variant }) => {
          this.#note(`Service.SetProperty ${path} ${name}`, value);
          this.#of(path).set(name, value);
        },
        ClearProperty: () => this.#note(`Service.ClearProperty ${path}`),
        Connect: async () => {
          this.#note(`Service.Connect ${path}`);
          await this.onConnect(path);
        },
        Disconnect: () => this.#note(`Service.Disconnect ${path}`),
        Remove: () => this.#note(`Service.Remove ${path}`),
        MoveBefore: (args: object) => this.#note(`Service.MoveBefore ${path}`, args),
        MoveAfter: (args: object) => this.#note(`Service.MoveAfter ${path}`, args),
        ResetCounters: () => this.#note(`Service.ResetCounters ${path}`),
      };
      const exported = this.bus.export(path, serviceInterface, { methods }, this.#scope);
      const announce = (name: string, value: Variant): void => exported.emit('PropertyChanged', { name, value });
      this.#announcers.set(path, announce);
      if (this.#announcers.size === 1) this.#marks.push(announce);
    }
    for (const [path, properties] of TECHNOLOGIES) {
      const methods = {
        GetProperties: () => properties,
        SetProperty: (args: object) => this.#note(`Technology.SetProperty ${path}`, args),
        Scan: () => this.#note(`Technology.Scan ${path}`),
      };
      const exported = this.bus.export(path, technologyInterface, { methods }, this.#scope);
      this.#marks.push((name, value) => exported.emit('PropertyChanged', { name, value }));
    }
    for (const [path, properties] of PEERS) {
      const methods = {
        GetProperties: () => properties,
        Connect: () => this.#note(`Peer.Connect ${path}`),
        Disconnect: () => this.#note(`Peer.Disconnect ${path}`),
      };
      this.bus.export(path, peerInterface, { methods }, this.#scope);
    }
  }

  #exportVpn(): void {
    const methods = {
      Create: (): never => {
        throw new ConnmanError('NotSupported');
      },
      Remove: () => this.#note('vpn.Manager.Remove'),
      GetConnections: () => (this.isFurnished ? VPNS : []),
      RegisterAgent: ({ path }: { path: string }, call: Called) => {
        this.#note('vpn.Manager.RegisterAgent');
        this.vpnAgent = this.bus.proxy(vpnAgentInterface, call.caller.id, path);
      },
      UnregisterAgent: () => this.#note('vpn.Manager.UnregisterAgent'),
    };
    this.#vpnManager = this.bus.export('/', vpnManagerInterface, { methods }, this.#scope);
    for (const [path, properties] of VPNS) {
      const connection = {
        GetProperties: () => properties,
        SetProperty: (args: object) => this.#note(`vpn.Connection.SetProperty ${path}`, args),
        ClearProperty: () => this.#note(`vpn.Connection.ClearProperty ${path}`),
        Connect: () => this.#note(`vpn.Connection.Connect ${path}`),
        Connect2: () => this.#note(`vpn.Connection.Connect2 ${path}`),
        Disconnect: () => this.#note(`vpn.Connection.Disconnect ${path}`),
      };
      const exported = this.bus.export(path, vpnConnectionInterface, { methods: connection }, this.#scope);
      this.#marks.push((name, value) => exported.emit('PropertyChanged', { name, value }));
    }
  }

  #vpnManager: Exported<typeof vpnManagerInterface> | undefined;

  // Connected at once, and told of it right behind the reply, as ConnMan does.
  #session(owner: string, notifier: string): string {
    const path = '/sessions/one';
    const scope = this.#scope.child();
    const notification = this.bus.proxy(notificationInterface, owner, notifier);
    const methods = {
      Destroy: () => this.#note('Session.Destroy'),
      Connect: () => this.#note('Session.Connect'),
      Disconnect: () => this.#note('Session.Disconnect'),
      Change: (args: object) => this.#note('Session.Change', args),
    };
    this.bus.watchName(owner, scope, (name) => {
      if (name === undefined) void scope.close();
    });
    this.bus.export(path, sessionInterface, { methods }, scope);
    const update = (settings: [string, Variant][]): void => {
      notification.Update({ settings: new Map(settings) }).catch(() => undefined);
    };
    setImmediate(() => {
      const nothing = variant('a{sv}', new Map());
      update([['State', variant('s', 'online')], ['Name', variant('s', 'Wired')], ['IPv6', nothing]]);
      update([['State', variant('s', 'connected')]]);
      update([['State', variant('s', 'disconnected')], ['AllowedBearers', variant('as', ['ethernet', 'wifi'])]]);
    });
    return path;
  }
}

function plain(_key: string, value: unknown): unknown {
  if (value instanceof Variant) return { [value.signature]: value.value };
  if (value instanceof Uint8Array) return [...value];
  if (value instanceof Map) return Object.fromEntries(value);
  return typeof value === 'bigint' ? String(value) : value;
}
