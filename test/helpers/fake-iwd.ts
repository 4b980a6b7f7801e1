/**
 * iwd on a bus in memory: one device with a station, and the networks it hears. It asks its agent
 * for the passphrase of what it does not know, and keeps those that worked, as the real one.
 */

import type { Bus, Exported } from '../../src/dbus/bus.ts';
import { DBusError } from '../../src/dbus/errors.ts';
import { describeInterface } from '../../src/dbus/interface.ts';
import {
  iwdAgentManagerInterface, iwdDeviceInterface, iwdKnownNetworkInterface, iwdNetworkInterface, iwdStationInterface,
} from '../../src/dbus/interfaces/iwd.ts';
import { iwdAgentInterface } from '../../src/dbus/interfaces/iwd-agent.ts';
import type { Scope } from '../../src/shared/scope.ts';

const NAME = 'net.connman.iwd';
const DEVICE = '/net/connman/iwd/0/3';

const deviceObject = describeInterface({
  ...iwdDeviceInterface, properties: { Name: 's', Powered: { type: 'b', access: 'readwrite' } },
});
const stationObject = describeInterface({ ...iwdStationInterface, properties: { State: 's', Scanning: 'b' } });
const networkObject = describeInterface({ ...iwdNetworkInterface, properties: { Connected: 'b', KnownNetwork: 'o' } });
const knownObject = describeInterface({
  ...iwdKnownNetworkInterface, properties: { AutoConnect: { type: 'b', access: 'readwrite' } },
});

/** A network by its path's last part, `<ssid hex>_<type>`. */
export interface FakeIwdNetwork {
  /** What its passphrase is; undefined where it needs none. */
  readonly secret?: string;
  readonly signalDbm: number;
}

/** The daemon. */
export interface FakeIwd {
  /** `Connect`, `Disconnect`, `Forget`, `RequestPassphrase <answer>`, oldest first. */
  readonly calls: string[];
  readonly air: Map<string, FakeIwdNetwork>;
  /** Of known networks, whether iwd connects them by itself. */
  readonly autoconnects: Map<string, boolean>;
  /** The link is gone. */
  lose(): void;
  stop(): Promise<void>;
}

/** Starts one on a connection of its own. */
export async function fakeIwd(
  connect: (scope: Scope) => Promise<Bus>, scope: Scope, air: Readonly<Record<string, FakeIwdNetwork>>,
): Promise<FakeIwd> {
  const own = scope.child();
  const bus = await connect(own);
  const iwd = new Iwd(bus, own, new Map(Object.entries(air)));
  await bus.requestName(NAME, own);
  return iwd;
}

class Iwd implements FakeIwd {
  readonly calls: string[] = [];
  readonly air: Map<string, FakeIwdNetwork>;
  readonly autoconnects = new Map<string, boolean>();
  readonly #bus: Bus;
  readonly #scope: Scope;
  readonly #station: Exported<typeof stationObject>;
  readonly #known = new Map<string, { readonly secret: string | undefined; readonly scope: Scope }>();
  readonly #networks = new Map<string, Exported<typeof networkObject>>();
  #agent: string | undefined;
  #isPowered = false;
  #isScanning = false;
  #state = 'disconnected';
  #connected: string | undefined;

  constructor(bus: Bus, scope: Scope, air: Map<string, FakeIwdNetwork>) {
    this.#bus = bus;
    this.#scope = scope;
    this.air = air;
    const root = describeInterface({ name: 'net.connman.iwd.Root', methods: {}, signals: {} });
    bus.export('/', root, { methods: {} }, scope);
    bus.export('/net/connman/iwd', iwdAgentManagerInterface, {
      methods: {
        RegisterAgent: ({ path }, { caller }) => void (this.#agent = `${caller.id} ${path}`),
        UnregisterAgent: () => void (this.#agent = undefined),
      },
    }, scope);
    const device = bus.export(DEVICE, deviceObject, {
      properties: { Name: () => 'wlan0', Powered: () => this.#isPowered },
      setters: {
        Powered: (value) => {
          this.#isPowered = value;
          device.changed('Powered');
        },
      },
      methods: {},
    }, scope);
    this.#station = bus.export(DEVICE, stationObject, {
      properties: { State: () => this.#state, Scanning: () => this.#isScanning },
      methods: {
        Scan: () => this.#scan(),
        Disconnect: () => {
          this.calls.push('Disconnect');
          this.lose();
        },
        GetOrderedNetworks: () =>
          [...this.air].map(([name, { signalDbm }]) => [pathOf(name), signalDbm * 100] as const),
      },
    }, scope);
  }

  lose(): void {
    this.#connected = undefined;
    this.#enter('disconnected');
  }

  stop(): Promise<void> {
    return this.#scope.close();
  }

  #scan(): void {
    this.#isScanning = true;
    this.#station.changed('Scanning');
    setImmediate(() => {
      for (const name of this.air.keys()) this.#hear(name);
      this.#isScanning = false;
      this.#station.changed('Scanning');
    });
  }

  #hear(name: string): void {
    if (this.#networks.has(name)) return;
    this.#networks.set(name, this.#bus.export(pathOf(name), networkObject, {
      properties: {
        Connected: () => this.#connected === name,
        KnownNetwork: () => (this.#known.has(name) ? knownPath(name) : undefined),
      },
      methods: { Connect: () => this.#connect(name) },
    }, this.#scope));
  }

  async #connect(name: string): Promise<void> {
    this.calls.push(`Connect ${name}`);
    this.#enter('connecting');
    const network = this.air.get(name);
    const secret = network?.secret === undefined ? undefined : this.#known.get(name)?.secret ?? await this.#ask(name);
    if (network === undefined || secret !== network.secret) {
      this.#enter('disconnected');
      throw new DBusError(`${NAME}.Failed`, 'Operation failed');
    }
    this.#connected = name;
    this.#enter('connected');
    this.#remember(name, secret);
  }

  async #ask(name: string): Promise<string> {
    const [id = '', path = '/'] = this.#agent?.split(' ') ?? [];
    const passphrase = await this.#bus.proxy(iwdAgentInterface, id, path).RequestPassphrase({ path: pathOf(name) });
    this.calls.push(`RequestPassphrase ${passphrase}`);
    return passphrase;
  }

  #remember(name: string, secret: string | undefined): void {
    if (this.#known.has(name)) return;
    const scope = this.#scope.child();
    this.#known.set(name, { secret, scope });
    this.autoconnects.set(name, true);
    const exported = this.#bus.export(knownPath(name), knownObject, {
      properties: { AutoConnect: () => this.autoconnects.get(name) },
      setters: {
        AutoConnect: (value) => {
          this.autoconnects.set(name, value);
          exported.changed('AutoConnect');
        },
      },
      methods: {
        Forget: () => {
          this.calls.push(`Forget ${name}`);
          this.#known.delete(name);
          this.#networks.get(name)?.changed('KnownNetwork');
          setImmediate(() => void scope.close());
        },
      },
    }, scope);
    this.#networks.get(name)?.changed('KnownNetwork');
  }

  #enter(state: string): void {
    this.#state = state;
    this.#station.changed('State');
  }
}

function pathOf(name: string): string {
  return `${DEVICE}/${name}`;
}

function knownPath(name: string): string {
  return `/net/connman/iwd/${name}`;
}
