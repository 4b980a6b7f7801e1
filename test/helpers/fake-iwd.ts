/**
 * iwd on a bus in memory, as its version 2.3 was seen to behave in the guest: it owns its name before
 * it serves anything; asks its agent for what it does not keep, and keeps what worked, to be connected
 * by itself; joins what is joined already at once; calls almost every failure `Failed`; reads profiles
 * from its directory as they come; has no station while its device is off; and dies where it is to leave
 * while it is asked how well it hears; joins nothing any more where its device goes while it leaves; and does
 * nothing any more, until its device is off, where it is to leave while it begins to join.
 */

import { existsSync, readdirSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import type { Bus, Exported } from '../../src/dbus/bus.ts';
import { DBusError } from '../../src/dbus/errors.ts';
import { describeInterface } from '../../src/dbus/interface.ts';
import {
  iwdAgentManagerInterface, iwdDaemonInterface, iwdDiagnosticInterface, iwdSimpleConfigurationInterface,
} from '../../src/dbus/interfaces/iwd.ts';
import { iwdFullAgentInterface, iwdSignalAgentInterface } from '../../src/dbus/interfaces/iwd-agent.ts';
import { type Variant, variant } from '../../src/dbus/signature.ts';
import { createScope, type Scope } from '../../src/shared/scope.ts';
import {
  accessPointObject, adapterObject, deviceObject, knownObject, networkObject, stationObject,
} from './fake-iwd-objects.ts';

const NAME = 'net.connman.iwd';
const MANAGER = '/net/connman/iwd';

/** A network by its path's last part, `<ssid hex>_<type>`. */
export interface FakeIwdNetwork {
  /** What its passphrase is, or the user's password; undefined where it needs none. */
  readonly secret?: string;
  readonly signalDbm: number;
  /** It is shown to those alone who know its name. */
  readonly isHidden?: boolean;
  /** Somebody has pushed its button. */
  readonly isPushed?: boolean;
}

/** Where it lives. */
export interface FakeIwdOptions {
  /** Its state directory; none unless said, in which profiles are then neither kept nor found. */
  readonly directory?: string;
  /** The interface it has; `wlan0` unless said. */
  readonly interfaceName?: string;
}

/** The daemon. */
export interface FakeIwd {
  /** `Connect`, `Disconnect`, `Forget`, `RequestPassphrase <answer>` …, oldest first. */
  readonly calls: string[];
  readonly air: Map<string, FakeIwdNetwork>;
  /** Of known networks, whether iwd connects them by itself. */
  readonly autoconnects: ReadonlyMap<string, boolean>;
  /** How often it has been told to look. */
  readonly scans: number;
  /** What its radio can be. */
  modes: readonly string[];
  /** Of the device. */
  isPowered: boolean;
  /** Answered to the next scan in place of making it. */
  scanError: DBusError | undefined;
  /** So many joins come to no end. */
  hangs: number;
  /** Called while it joins, which waits for it. */
  onConnecting: () => void | Promise<void>;
  /** The link is gone. */
  lose(): void;
  /** Somebody else has it join a network. */
  joinForSomebody(name: string): void;
  /** The access point in use is heard so well now. */
  hear(signalDbm: number): void;
  /** Its radio is no more. */
  takeOut(): void;
  /** There is one again; it is another to iwd. */
  putIn(): void;
  stop(): Promise<void>;
}

/** Starts one on a connection of its own. */
export async function fakeIwd(
  connect: (scope: Scope) => Promise<Bus>, scope: Scope, air: Readonly<Record<string, FakeIwdNetwork>>,
  options: FakeIwdOptions = {},
): Promise<FakeIwd> {
  const own = scope.child();
  const bus = await connect(own);
  const iwd = new Iwd(bus, own, new Map(Object.entries(air)), options);
  await bus.requestName(NAME, own);
  setImmediate(() => iwd.serve());
  return iwd;
}

interface Known {
  readonly scope: Scope;
  readonly secret: string | undefined;
  readonly isHidden: boolean;
}

class Iwd implements FakeIwd {
  readonly calls: string[] = [];
  readonly air: Map<string, FakeIwdNetwork>;
  readonly autoconnects = new Map<string, boolean>();
  scans = 0;
  isPowered = true;
  modes: readonly string[] = ['station', 'ap'];
  scanError: DBusError | undefined;
  hangs = 0;
  onConnecting: () => void | Promise<void> = () => undefined;
  readonly #bus: Bus;
  readonly #scope: Scope;
  readonly #options: FakeIwdOptions;
  readonly #known = new Map<string, Known>();
  readonly #networks = new Map<string, Exported<typeof networkObject>>();
  /** Its radio, of which there has been one before each. */
  #radio: Scope | undefined;
  #radios = 0;
  #station: { readonly exported: Exported<typeof stationObject>; readonly scope: Scope } | undefined;
  #agent: readonly [id: string, path: string] = ['', '/'];
  #signalAgent: readonly [id: string, path: string] | undefined;
  #mode = 'station';
  #accessPoint: Scope | undefined;
  #isScanning = false;
  #state = 'disconnected';
  #connected: string | undefined;
  #diagnostics: Scope | undefined;
  #signalDbm = -50;
  #isStuck = false;
  #isDeaf = false;
  #abort: ((error: DBusError) => void) | undefined;

  // oxlint-disable-next-line max-params -- where, how long, what, how
  constructor(bus: Bus, scope: Scope, air: Map<string, FakeIwdNetwork>, options: FakeIwdOptions) {
    this.#bus = bus;
    this.#scope = scope;
    this.#options = options;
    this.air = air;
    bus.export('/', describeInterface({ name: `${NAME}.Root`, methods: {}, signals: {} }), { methods: {} }, scope);
    const directory = options.directory ?? '/nowhere';
    bus.export(MANAGER, iwdDaemonInterface, {
      methods: { GetInfo: () => new Map([['StateDirectory', variant('s', directory)]]) },
    }, scope);
    if (options.directory === undefined) return;
    const watcher = watch(options.directory, () => this.#readProfiles());
    scope.defer(() => watcher.close());
  }

  serve(): void {
    if (this.#scope.signal.aborted) return;
    this.#readProfiles();
    this.#bus.export(MANAGER, iwdAgentManagerInterface, {
      methods: {
        RegisterAgent: ({ path }, { caller }) => void (this.#agent = [caller.id, path]),
        UnregisterAgent: () => void (this.#agent = ['', '/']),
      },
    }, this.#scope);
    this.putIn();
  }

  takeOut(): void {
    this.isPowered = false;
    this.#followPower();
    void this.#radio?.close();
  }

  putIn(): void {
    const radio = this.#scope.child();
    this.#radio = radio;
    this.#radios++;
    this.isPowered = true;
    this.#bus.export(this.#adapterPath, adapterObject, {
      properties: { SupportedModes: () => this.modes }, methods: {},
    }, radio);
    const device = this.#bus.export(this.#path, deviceObject, {
      properties: {
        Name: () => this.#options.interfaceName ?? 'wlan0', Adapter: () => this.#adapterPath, Mode: () => this.#mode,
        Powered: () => this.isPowered,
      },
      setters: {
        Mode: (value) => {
          this.calls.push(`Mode ${value}`);
          this.#mode = value;
          this.#followPower();
          this.#followMode();
          device.changed('Mode');
        },
        Powered: (value) => {
          this.isPowered = value;
          this.#followPower();
          device.changed('Powered');
        },
      },
      methods: {},
    }, radio);
    this.#followPower();
  }

  lose(): void {
    this.#disconnectNow();
  }

  joinForSomebody(name: string): void {
    for (const each of this.#visible) this.#hear(each);
    this.#enter('connecting', name);
    this.#enter('connected', name);
  }

  hear(signalDbm: number): void {
    this.#signalDbm = signalDbm;
    if (this.#signalAgent === undefined) return;
    const [id, path] = this.#signalAgent;
    this.#bus.proxy(iwdSignalAgentInterface, id, path).Changed({ device: this.#path, level: 1 }).catch(() => undefined);
  }

  stop(): Promise<void> {
    return this.#scope.close();
  }

  get #adapterPath(): string {
    return `${MANAGER}/${this.#radios - 1}`;
  }

  get #path(): string {
    return `${this.#adapterPath}/3`;
  }

  #pathOf(name: string): string {
    return `${this.#path}/${inPath(name)}`;
  }

  // Nothing but an access point has its object.
  #followMode(): void {
    void this.#accessPoint?.close();
    this.#accessPoint = this.#mode === 'ap' ? this.#scope.child() : undefined;
    if (this.#accessPoint === undefined) return;
    let isStarted = false;
    const exported = this.#bus.export(this.#path, accessPointObject, {
      properties: { Started: () => isStarted },
      methods: {
        Start: ({ ssid, psk }) => {
          this.calls.push(`Start ${ssid} ${psk}`);
          isStarted = true;
          exported.changed('Started');
        },
        Stop: () => undefined,
      },
    }, this.#accessPoint);
  }

  #followPower(): void {
    if ((this.isPowered && this.#mode === 'station') === (this.#station !== undefined)) return;
    if (this.#station !== undefined) {
      this.#disconnectNow();
      void this.#station.scope.close();
      this.#networks.clear();
      this.#station = undefined;
      return;
    }
    this.#isDeaf = false;
    const scope = this.#scope.child();
    const exported = this.#bus.export(this.#path, stationObject, {
      properties: {
        State: () => this.#state,
        Scanning: () => this.#isScanning,
        ConnectedNetwork: () => (this.#connected === undefined ? undefined : this.#pathOf(this.#connected)),
      },
      methods: {
        Scan: () => this.#scan(),
        Disconnect: () => this.#disconnect(),
        GetOrderedNetworks: () => this.#visible.filter((name) => this.#networks.has(name))
          .map((name) => [this.#pathOf(name), this.#centiDbm(name)] as const),
        GetHiddenAccessPoints: () => [...this.air.keys()].filter((name) => !this.#visible.includes(name))
          .map((name) => ['02:00:00:00:00:01', this.#centiDbm(name), name.split('_')[1] ?? ''] as const),
        RegisterSignalLevelAgent: ({ path }, { caller }) => void (this.#signalAgent = [caller.id, path]),
      },
    }, scope);
    this.#station = { exported, scope };
    this.#bus.export(this.#path, iwdSimpleConfigurationInterface, {
      methods: {
        PushButton: () => this.#joinByWps('PushButton'),
        StartPin: ({ pin }) => this.#joinByWps(`StartPin ${pin}`),
        Cancel: () => undefined,
      },
    }, scope);
  }

  get #visible(): string[] {
    return [...this.air].flatMap(([name, { isHidden }]) =>
      (isHidden !== true || this.#known.get(name)?.isHidden === true ? [name] : []));
  }

  #centiDbm(name: string): number {
    return (this.air.get(name)?.signalDbm ?? -100) * 100;
  }

  #scan(): void {
    this.scans++;
    const error = this.scanError;
    this.scanError = undefined;
    if (error !== undefined) throw error;
    if (this.#isScanning) throw new DBusError(`${NAME}.InProgress`, 'Operation already in progress');
    if (this.#state === 'connecting') throw new DBusError(`${NAME}.Busy`, 'Operation already in progress');
    this.#isScanning = true;
    this.#station?.exported.changed('Scanning');
    setImmediate(() => {
      for (const name of this.#visible) this.#hear(name);
      this.#isScanning = false;
      this.#station?.exported.changed('Scanning');
    });
  }

  #hear(name: string): void {
    if (this.#networks.has(name) || this.#station === undefined) return;
    this.#networks.set(name, this.#bus.export(this.#pathOf(name), networkObject, {
      properties: {
        Connected: () => this.#connected === name,
        KnownNetwork: () => (this.#known.has(name) ? knownPath(name) : undefined),
      },
      methods: { Connect: () => this.#connect(name) },
    }, this.#station.scope));
  }

  async #connect(name: string): Promise<void> {
    this.calls.push(`Connect ${name}`);
    if (this.#connected === name && this.#state === 'connected') return;
    if (name.endsWith('_8021x') && this.#known.get(name) === undefined) {
      throw new DBusError(`${NAME}.NotConfigured`, 'Not configured');
    }
    if (this.#isDeaf) throw new DBusError(`${NAME}.Failed`, 'Operation failed');
    this.#disconnectNow();
    const network = this.air.get(name);
    const kept = this.#known.get(name)?.secret;
    const secret = network?.secret === undefined ? undefined : kept ?? await this.#ask(name);
    if (name.endsWith('_psk') && (secret ?? '').length < 8) {
      throw new DBusError(`${NAME}.InvalidFormat`, 'Argument format is invalid');
    }
    this.#enter('connecting', name);
    await this.onConnecting();
    await new Promise<void>((resolve, reject) => {
      this.#abort = reject;
      if (this.hangs-- <= 0) setImmediate(resolve);
    });
    this.#abort = undefined;
    if (network === undefined || secret !== network.secret || this.#isStuck) {
      this.#enter('disconnected', undefined);
      throw new DBusError(`${NAME}.Failed`, 'Operation failed');
    }
    this.#remember(name, { secret, isHidden: this.#known.get(name)?.isHidden ?? false });
    this.#enter('connected', name);
  }

  async #ask(name: string): Promise<string> {
    const agent = this.#bus.proxy(iwdFullAgentInterface, ...this.#agent);
    const isUser = name.endsWith('_8021x');
    const secret = await (isUser ? agent.RequestUserPassword({ path: this.#pathOf(name), user: 'me' })
      : agent.RequestPassphrase({ path: this.#pathOf(name) }));
    this.calls.push(`${isUser ? 'RequestUserPassword' : 'RequestPassphrase'} ${secret}`);
    return secret;
  }

  async #joinByWps(call: string): Promise<void> {
    this.calls.push(call);
    const [name, network] = [...this.air].find(([, { isPushed }]) => isPushed === true) ?? [];
    if (name === undefined || network === undefined) {
      throw new DBusError(`${NAME}.SimpleConfiguration.WalkTimeExpired`, 'No APs in PushButton mode found');
    }
    this.#hear(name);
    this.#remember(name, { secret: network.secret, isHidden: false });
    this.#enter('connected', name);
    await Promise.resolve();
  }

  // Whose device goes meanwhile hears no handshake from then on.
  async #disconnect(): Promise<void> {
    this.calls.push('Disconnect');
    if (this.#state === 'disconnected') throw new DBusError(`${NAME}.NotConnected`, 'Not connected');
    if (this.#state === 'connecting') {
      this.#isDeaf = true;
      await new Promise(() => undefined);
    }
    const station = this.#station;
    this.#disconnectNow();
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#station === station) return;
    this.#isStuck = true;
    throw new DBusError(`${NAME}.Aborted`, 'Operation aborted');
  }

  #disconnectNow(): void {
    this.#abort?.(new DBusError(`${NAME}.Aborted`, 'Operation aborted'));
    this.#abort = undefined;
    if (this.#state === 'disconnected') return;
    this.#enter('disconnecting', undefined);
    this.#enter('disconnected', undefined);
  }

  // What worked is kept with its secret, in a profile that says nothing of connecting by itself.
  #remember(name: string, { secret, isHidden }: Omit<Known, 'scope'>): void {
    const before = this.#known.get(name);
    if (before !== undefined && before.secret === secret) return;
    const { directory } = this.#options;
    if (directory !== undefined) {
      const isManual = this.autoconnects.get(name) === false;
      const settings = [...(isManual ? ['AutoConnect=false'] : []), ...(isHidden ? ['Hidden=true'] : [])];
      writeFileSync(`${directory}/${fileOf(name)}`, [
        '[Security]', ...(secret === undefined ? [] : [`Passphrase=${secret}`]), '[Settings]', ...settings, '',
      ].join('\n'));
    }
    this.#know(name, { secret, isHidden });
  }

  #know(name: string, { secret, isHidden }: Omit<Known, 'scope'>): void {
    const before = this.#known.get(name);
    const scope = before?.scope ?? createScope();
    this.#known.set(name, { secret, isHidden, scope });
    if (before !== undefined) return;
    this.#scope.defer(() => scope.close());
    if (!this.autoconnects.has(name)) this.autoconnects.set(name, true);
    const exported = this.#bus.export(knownPath(name), knownObject, {
      properties: { Hidden: () => this.#known.get(name)?.isHidden, AutoConnect: () => this.autoconnects.get(name) },
      setters: {
        AutoConnect: (value) => {
          this.autoconnects.set(name, value);
          exported.changed('AutoConnect');
        },
      },
      methods: { Forget: () => this.#forget(name) },
    }, scope);
    this.#networks.get(name)?.changed('KnownNetwork');
  }

  #forget(name: string): void {
    this.calls.push(`Forget ${name}`);
    if (this.#connected === name) this.#disconnectNow();
    const { scope } = this.#known.get(name) ?? {};
    this.#known.delete(name);
    this.autoconnects.delete(name);
    if (this.#options.directory !== undefined) rmSync(`${this.#options.directory}/${fileOf(name)}`, { force: true });
    this.#networks.get(name)?.changed('KnownNetwork');
    setImmediate(() => void scope?.close());
  }

  #readProfiles(): void {
    const { directory } = this.#options;
    if (directory === undefined || !existsSync(directory)) return;
    for (const file of readdirSync(directory)) {
      const [, text = '', type] = /^(.*)\.(psk|open|8021x)$/.exec(file) ?? [];
      if (type === undefined) continue;
      const name = `${text.startsWith('=') ? text.slice(1) : Buffer.from(text).toString('hex')}_${type}`;
      const profile = readFileSync(`${directory}/${file}`, 'utf8');
      if (/AutoConnect=false/.test(profile)) this.autoconnects.set(name, false);
      this.#know(name, { secret: /^Passphrase=(.*)$/m.exec(profile)?.[1], isHidden: /Hidden=true/.test(profile) });
    }
  }

  #enter(state: string, connected: string | undefined): void {
    this.#state = state;
    this.#connected = connected;
    this.#station?.exported.changed('State', 'ConnectedNetwork');
    void this.#diagnostics?.close();
    this.#diagnostics = undefined;
    if (state !== 'connected') return;
    this.#diagnostics = this.#scope.child();
    this.#bus.export(this.#path, iwdDiagnosticInterface, {
      methods: { GetDiagnostics: () => this.#diagnose() },
    }, this.#diagnostics);
  }

  // It asks the kernel, and dies of an answer about a connection that it has left meanwhile.
  async #diagnose(): Promise<Map<string, Variant>> {
    const asked = this.#diagnostics;
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#diagnostics !== asked) {
      this.calls.push('died');
      await this.stop();
    }
    return new Map([
      ['ConnectedBss', variant('s', '02:00:00:00:00:01')], ['Frequency', variant('u', 2412)],
      ['RSSI', variant('n', this.#signalDbm)],
    ]);
  }
}

function fileOf(name: string): string {
  const [hex = '', type = ''] = name.split('_');
  const text = Buffer.from(hex, 'hex').toString();
  return `${/^[A-Za-z0-9 _-]+$/.test(text) ? text : `=${hex}`}.${type}`;
}

function knownPath(name: string): string {
  return `${MANAGER}/${inPath(name)}`;
}

// It takes bytes for signed characters.
function inPath(name: string): string {
  const spelt = (hex: string): string => hex.replace(/../g, (byte) => (byte < '80' ? byte : `ffffff${byte}`));
  return name.replace(/^(?:[0-9a-f]{2})+/, spelt);
}
