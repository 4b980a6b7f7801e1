/**
 * wpa_supplicant on a bus in memory: the D-Bus objects of fi.w1.wpa_supplicant1 as far as we use
 * them, in front of an air of access points that know their secrets. Scans end and networks are
 * joined, or not, in the states and codes of the real one (2.10).
 */

import type { Bus, Exported } from '../../src/dbus/bus.ts';
import { DBusError } from '../../src/dbus/errors.ts';
import type { Getters, Handlers } from '../../src/dbus/interface.ts';
import { variant, type Variant } from '../../src/dbus/signature.ts';
import type { Scope } from '../../src/shared/scope.ts';
import { bssObject, linkObject, rootObject, wpsObject } from './fake-supplicant-objects.ts';

const NAME = 'fi.w1.wpa_supplicant1';
const ROOT = '/fi/w1/wpa_supplicant1';

/** An access point in the air. */
export interface FakeAccessPoint {
  readonly ssid: string | Uint8Array;
  /** Answers only who calls it by name. */
  readonly isHidden?: boolean;
  readonly keyManagements?: readonly string[];
  readonly isPrivate?: boolean;
  readonly frequencyMhz?: number;
  /** Six bytes; one of its own unless said. */
  readonly bssid?: Uint8Array;
  readonly signalDbm?: number;
  readonly elements?: Uint8Array;
  /** What `psk`, or `password` with 802.1X, must be. */
  readonly secret?: string;
  /** How it refuses whoever knows the secret. */
  readonly refusal?: 'full' | 'silent' | 'blocked' | 'deaf';
  /** What it gives to those who push its button. */
  readonly wpsKey?: string;
}

type Block = ReadonlyMap<string, Variant>;

/** The daemon. `stop` ends it as a crash does. */
export interface FakeSupplicant {
  /** What was asked of it, oldest first: `Scan active home 2437`, `AddNetwork`, `SelectNetwork`. */
  readonly calls: string[];
  /** The network blocks added, oldest first. */
  readonly blocks: Block[];
  readonly air: Map<string, FakeAccessPoint>;
  /** Whether scans end by themselves; else `finishScan` does it. */
  isScanningFast: boolean;
  /** Whether the driver can end a scan before its time. */
  canAbortScans: boolean;
  /** Whether access points of ours come up. */
  canBeAccessPoint: boolean;
  /** A station of our access point came or left. */
  station(address: string, isThere: boolean): void;
  finishScan(isSuccess?: boolean): void;
  /** Begins a scan nobody asked for. */
  beginScan(): void;
  /** The access point is heard no more. */
  vanish(name: string): void;
  /** Sends the station away. */
  kick(reason?: number): void;
  /** Another access point of the network takes over. */
  roam(name: string): void;
  signal(name: string, dbm: number): void;
  /** The kernel's interface goes down, or comes up again. */
  setInterfaceUp(isUp: boolean): void;
  /** Has an interface already, in the network of an access point. */
  inherit(interfaceName: string, name: string): void;
  /** Says anything of its interface, of an access point (with a path), or of a scan's end. */
  say(what: 'link' | 'bss' | 'bssGone' | 'scan', properties: ReadonlyMap<string, Variant>, path: string): void;
  /** How many times it still refuses to take an interface. */
  refusedInterfaces: number;
  /** Why scans are refused, while they are. */
  scanRefusal: string | undefined;
  /** What happens inside 802.1X: `remote certificate verification`, `completion` … */
  tellEap(status: string, parameter: string): void;
  stop(): Promise<void>;
}

/** What is said of a failure. */
interface Codes {
  readonly reason?: number;
  readonly associationStatus?: number;
  readonly authenticationStatus?: number;
}

interface Link {
  readonly path: string;
  readonly exported: Exported<typeof linkObject>;
  readonly scope: Scope;
}

/** How it differs from one that stations alone are tried with. */
export interface FakeSupplicantOptions {
  /** Adds to an interface as it is made: `bus` is the supplicant's, `scope` closes with the interface. */
  readonly onLink?: ((bus: Bus, path: string, scope: Scope) => void) | undefined;
  /** What the driver can do. */
  readonly modes?: readonly string[] | undefined;
  /** How many names a scan takes; four unless said. */
  readonly maxScanSsids?: number | undefined;
}

/** Starts one on a connection of its own. */
export async function fakeSupplicant(
  connect: (scope: Scope) => Promise<Bus>, scope: Scope, air: Readonly<Record<string, FakeAccessPoint>> = {},
  options: FakeSupplicantOptions = {},
): Promise<FakeSupplicant> {
  const own = scope.child();
  const bus = await connect(own);
  const supplicant = new Supplicant(bus, own, new Map(Object.entries(air)), options);
  await bus.requestName(NAME, own);
  return supplicant;
}

class Supplicant implements FakeSupplicant {
  readonly calls: string[] = [];
  readonly blocks: Block[] = [];
  readonly air: Map<string, FakeAccessPoint>;
  isScanningFast = true;
  canAbortScans = true;
  refusedInterfaces = 0;
  scanRefusal: string | undefined;
  canBeAccessPoint = true;
  readonly #bus: Bus;
  readonly #scope: Scope;
  readonly #options: FakeSupplicantOptions;
  readonly #root: Exported<typeof rootObject>;
  /** Paths of access points heard, by their names in the air. */
  readonly #heard = new Map<string, { readonly path: string; readonly scope: Scope }>();
  readonly #exportedBss = new Map<string, Exported<typeof bssObject>>();
  readonly #networks = new Map<string, Block>();
  #wps: Exported<typeof wpsObject> | undefined;
  #link: Link | undefined;
  #count = 0;
  #selected: string | undefined;
  #asked: readonly string[] = [];
  readonly #facts = {
    state: 'inactive', isScanning: false, current: '/', reason: 0, associationStatus: 0, authenticationStatus: 0,
    country: '', apScan: 1, expireAge: 180, methods: '', isProcessing: false,
  };

  constructor(bus: Bus, scope: Scope, air: Map<string, FakeAccessPoint>, options: FakeSupplicantOptions) {
    this.#bus = bus;
    this.#options = options;
    this.#scope = scope;
    this.air = air;
    this.#root = bus.export(ROOT, rootObject, {
      properties: {
        Interfaces: () => (this.#link === undefined ? [] : [this.#link.path]),
        WFDIEs: () => new Uint8Array(),
      },
      setters: { WFDIEs: (value) => void this.calls.push(`WFDIEs ${Buffer.from(value).toString('hex')}`.trim()) },
      methods: {
        GetInterface: () => {
          if (this.#link === undefined) throw new DBusError(`${NAME}.InterfaceUnknown`, 'not managed');
          return this.#link.path;
        },
        CreateInterface: ({ args }) => {
          const bridge = args.get('BridgeIfname')?.as('s');
          this.calls.push(bridge === undefined ? 'CreateInterface' : `CreateInterface ${bridge}`);
          if (this.refusedInterfaces-- > 0) throw new DBusError(`${NAME}.UnknownError`, "couldn't grab this interface");
          return this.#create(args.get('Ifname')?.as('s') ?? '');
        },
        RemoveInterface: ({ path }) => this.#removeInterface(path),
      },
    }, scope);
  }

  stop(): Promise<void> {
    return this.#scope.close();
  }

  finishScan(isSuccess = true): void {
    if (isSuccess) {
      for (const [name, point] of this.air) {
        const isSilent = point.isHidden === true && !this.#asked.includes(Buffer.from(point.ssid).toString());
        if (!this.#heard.has(isSilent ? `${name} unnamed` : name)) this.#hear(name, isSilent);
      }
    }
    this.#endScan(isSuccess);
    if (this.#facts.state === 'scanning' && this.#selected !== undefined) this.#associate();
  }

  #endScan(isSuccess = true): void {
    this.#facts.isScanning = false;
    this.#tell({ Scanning: variant('b', false) });
    this.#link?.exported.emit('ScanDone', { success: isSuccess });
  }

  station(address: string, isThere: boolean): void {
    this.#link?.exported.emit(isThere ? 'StaAuthorized' : 'StaDeauthorized', { address });
  }

  beginScan(): void {
    this.#facts.isScanning = true;
    this.#tell({ Scanning: variant('b', true) });
  }

  vanish(name: string): void {
    this.air.delete(name);
    const heard = this.#heard.get(name);
    this.#heard.delete(name);
    if (heard === undefined) return;
    if (this.#facts.current === heard.path) {
      this.#setCurrent('/');
      this.#enter('disconnected', { reason: -4 });
      this.#enter('scanning');
    }
    void heard.scope.close();
    this.#link?.exported.emit('BSSRemoved', { path: heard.path });
  }

  kick(reason = 2): void {
    this.#setCurrent('/');
    this.#enter('disconnected', { reason });
  }

  roam(name: string): void {
    const path = this.#heard.get(name)?.path ?? this.#hear(name);
    for (const state of ['authenticating', 'associating', 'associated', '4way_handshake']) this.#enter(state);
    this.#setCurrent(path);
    this.#enter('completed');
  }

  signal(name: string, dbm: number): void {
    const heard = this.#heard.get(name);
    const point = this.air.get(name);
    if (heard === undefined || point === undefined) throw new Error(`${name} is not heard`);
    this.air.set(name, { ...point, signalDbm: dbm });
    const properties = new Map([['Signal', variant('n', dbm)]]);
    this.#exportedBss.get(heard.path)?.emit('PropertiesChanged', { properties });
  }

  setInterfaceUp(isUp: boolean): void {
    const { state } = this.#facts;
    if (this.#link === undefined || isUp !== (state === 'interface_disabled')) return;
    if (!isUp) this.#setCurrent('/');
    this.#enter(isUp ? 'disconnected' : 'interface_disabled');
    if (isUp && this.#selected !== undefined) setImmediate(() => this.#associate());
  }

  say(what: 'link' | 'bss' | 'bssGone' | 'scan', properties: ReadonlyMap<string, Variant>, path: string): void {
    const exported = this.#link?.exported;
    if (what === 'link') exported?.emit('PropertiesChanged', { properties });
    else if (what === 'bss') exported?.emit('BSSAdded', { path, properties });
    else if (what === 'bssGone') exported?.emit('BSSRemoved', { path });
    else exported?.emit('ScanDone', { success: properties.size > 0 });
  }

  tellEap(status: string, parameter: string): void {
    this.#link?.exported.emit('EAP', { status, parameter });
  }

  inherit(interfaceName: string, name: string): void {
    const path = this.#create(interfaceName);
    for (const each of this.air.keys()) this.#hear(each);
    const ssid = variant('ay', Buffer.from(this.air.get(name)?.ssid ?? ''));
    this.#selected = this.#addNetwork(path, new Map([['ssid', ssid]]));
    this.calls.length = 0;
    Object.assign(this.#facts, { state: 'completed', current: this.#heard.get(name)?.path ?? '/' });
  }

  #create(interfaceName: string): string {
    const path = `${ROOT}/Interfaces/${this.#count++}`;
    const scope = this.#scope.child();
    const exported = this.#bus.export(path, linkObject, {
      properties: this.#linkProperties(interfaceName),
      setters: {
        BSSExpireAge: (value) => void (this.#facts.expireAge = value),
        Country: (value) => void this.calls.push(`Country ${(this.#facts.country = value)}`),
        ApScan: (value) => void (this.#facts.apScan = value),
      },
      methods: this.#linkMethods(path),
    }, scope);
    this.#wps = this.#exportWps(path, scope);
    this.#link = { path, exported, scope };
    this.#options.onLink?.(this.#bus, path, scope);
    return path;
  }

  #linkProperties(interfaceName: string): Getters<typeof linkObject> {
    const facts = this.#facts;
    return {
      Capabilities: () => new Map([
        ['Modes', variant('as', this.#options.modes ?? ['infrastructure', 'ad-hoc', 'ap', 'p2p'])],
        ['MaxScanSSID', variant('i', this.#options.maxScanSsids ?? 4)],
        ['KeyMgmt', variant('as', ['none', 'wpa-psk', 'sae'])],
      ]),
      State: () => facts.state,
      Scanning: () => facts.isScanning,
      CurrentBSS: () => facts.current,
      CurrentNetwork: () => (facts.current === '/' ? '/' : (this.#selected ?? '/')),
      BSSs: () => [...this.#heard.values()].map((each) => each.path),
      DisconnectReason: () => facts.reason,
      AssocStatusCode: () => facts.associationStatus,
      AuthStatusCode: () => facts.authenticationStatus,
      Ifname: () => interfaceName,
      BSSExpireAge: () => facts.expireAge,
      Country: () => facts.country,
      ApScan: () => facts.apScan,
    };
  }

  #linkMethods(path: string): Handlers<typeof linkObject> {
    return {
      Scan: ({ args }) => this.#scan(args),
      AbortScan: () => {
        this.calls.push('AbortScan');
        if (!this.#facts.isScanning || !this.canAbortScans) throw new DBusError(`${NAME}.UnknownError`, 'no scan');
        this.#endScan();
      },
      AddNetwork: ({ args }) => this.#addNetwork(path, args),
      RemoveNetwork: ({ path: network }) => {
        this.calls.push('RemoveNetwork');
        if (!this.#networks.delete(network)) throw new DBusError(`${NAME}.NetworkUnknown`, 'no such network');
      },
      SelectNetwork: ({ path: network }) => {
        this.calls.push('SelectNetwork');
        this.#selected = network;
        setImmediate(() => this.#associate());
      },
      Disconnect: () => {
        this.calls.push('Disconnect');
        const wasThere = this.#facts.current !== '/';
        this.#selected = undefined;
        this.#setCurrent('/');
        this.#enter('disconnected', { reason: -3 });
        if (!wasThere) throw new DBusError(`${NAME}.NotConnected`, 'not connected');
      },
      Reassociate: () => {
        this.calls.push('Reassociate');
        for (const state of ['authenticating', 'associating', 'completed']) this.#enter(state);
      },
      NetworkReply: () => undefined,
    };
  }

  #addNetwork(path: string, block: Block): string {
    const psk = block.get('psk')?.as('s');
    if (psk !== undefined && psk.length < 8) throw new DBusError(`${NAME}.InvalidArgs`, 'psk: invalid message format');
    const network = `${path}/Networks/${this.#count++}`;
    this.calls.push('AddNetwork');
    this.blocks.push(block);
    this.#networks.set(network, block);
    return network;
  }

  #exportWps(path: string, scope: Scope): Exported<typeof wpsObject> {
    return this.#bus.export(path, wpsObject, {
      properties: { ConfigMethods: () => this.#facts.methods, ProcessCredentials: () => this.#facts.isProcessing },
      setters: {
        ConfigMethods: (value) => void (this.#facts.methods = value),
        ProcessCredentials: (value) => void (this.#facts.isProcessing = value),
      },
      methods: {
        Start: ({ args }) => {
          this.calls.push(`WPS ${args.get('Type')?.as('s')} ${args.get('Pin')?.as('s') ?? ''}`.trim());
          setImmediate(() => this.#protectedSetup());
          return new Map();
        },
        Cancel: () => undefined,
      },
    }, scope);
  }

  #removeInterface(path: string): void {
    this.calls.push('RemoveInterface');
    if (this.#link?.path !== path) throw new DBusError(`${NAME}.InterfaceUnknown`, 'not managed');
    const { scope } = this.#link;
    this.#link = undefined;
    for (const heard of this.#heard.values()) void heard.scope.close();
    this.#heard.clear();
    this.#networks.clear();
    this.#selected = undefined;
    Object.assign(this.#facts, { state: 'inactive', isScanning: false, current: '/', apScan: 1 });
    setImmediate(() => void scope.close());
    this.#root.emit('InterfaceRemoved', { path });
  }

  #scan(args: Block): void {
    const names = (args.get('SSIDs')?.as('aay') ?? []).map((ssid) => Buffer.from(ssid).toString());
    const channels = (args.get('Channels')?.as('a(uu)') ?? []).map(([frequency]) => String(frequency));
    this.calls.push(['Scan', args.get('Type')?.as('s'), ...names, ...channels].join(' '));
    if (this.scanRefusal !== undefined) throw new DBusError(`${NAME}.Interface.ScanError`, this.scanRefusal);
    if (this.#facts.isScanning) throw new DBusError(`${NAME}.Interface.ScanError`, 'Scan request rejected');
    this.#asked = names;
    this.beginScan();
    if (this.isScanningFast) setImmediate(() => this.finishScan());
  }

  #hear(name: string, isUnnamed = false): string {
    const point = this.air.get(name);
    const path = `${this.#link?.path ?? ROOT}/BSSs/${this.#count++}`;
    if (point === undefined) throw new Error(`${name} is not in the air`);
    const bssid = point.bssid ?? Uint8Array.of(2, 0, 0, 0, 1, this.#count);
    const scope = this.#scope.child();
    const get = (): FakeAccessPoint => this.air.get(name) ?? point;
    const exported = this.#bus.export(path, bssObject, {
      properties: {
        SSID: () => Buffer.from(isUnnamed ? '' : get().ssid),
        BSSID: () => bssid,
        Mode: () => 'infrastructure',
        Frequency: () => get().frequencyMhz ?? 2412,
        Signal: () => get().signalDbm ?? -50,
        Privacy: () => get().isPrivate ?? (get().keyManagements ?? []).length > 0,
        RSN: () => new Map([['KeyMgmt', variant('as', get().keyManagements ?? [])]]),
        WPA: () => new Map(),
        IEs: () => get().elements ?? new Uint8Array(),
      },
      methods: {},
    }, scope);
    this.#exportedBss.set(path, exported);
    this.#heard.set(isUnnamed ? `${name} unnamed` : name, { path, scope });
    this.#link?.exported.emit('BSSAdded', { path, properties: exported.dictionary() });
    return path;
  }

  #associate(): void {
    const block = this.#networks.get(this.#selected ?? '');
    if (block === undefined) return;
    if (block.get('mode')?.as('u') === 2) {
      this.#enter('associating');
      return this.#enter(this.canBeAccessPoint ? 'completed' : 'disconnected');
    }
    const ssid = Buffer.from(block.get('ssid')?.as('ay') ?? []).toString('hex');
    const [name, point] = [...this.air].find(([, each]) => Buffer.from(each.ssid).toString('hex') === ssid) ?? [];
    this.#enter('scanning');
    if (name === undefined || point === undefined) return;
    this.#enter('authenticating');
    const isRight = isSecretRight(block, point);
    if (point.refusal === 'deaf') return;
    if (point.refusal === 'silent') return this.#retry({ reason: -4 });
    const usesSae = block.get('key_mgmt')?.as('s')?.includes('SAE') === true && point.keyManagements?.includes('sae');
    if (usesSae === true && !isRight) return this.#enter('disconnected', { authenticationStatus: 15 });
    this.#enter('associating');
    if (point.refusal === 'full') return this.#retry({ associationStatus: 17 });
    if (point.refusal === 'blocked') return this.#enter('disconnected', { reason: 6 });
    this.#enter('associated');
    if ((point.keyManagements ?? []).length > 0) this.#enter('4way_handshake');
    if (!isRight) return this.#retry({ reason: 15 });
    this.#setCurrent(this.#heard.get(name)?.path ?? this.#hear(name));
    this.#enter('completed');
  }

  // wpa_supplicant goes on trying until it is told to leave.
  #retry(codes: Codes): void {
    this.#enter('disconnected', codes);
    if (this.#selected !== undefined) setImmediate(() => this.#associate());
  }

  #protectedSetup(): void {
    const [name, point] = [...this.air].find(([, each]) => each.wpsKey !== undefined) ?? [];
    const link = this.#link;
    if (name === undefined || point === undefined || link === undefined) return;
    this.#enter('associating');
    this.#enter('associated');
    this.#enter('disconnected', { reason: 3 });
    const credentials = new Map([
      ['SSID', variant('ay', Buffer.from(point.ssid))], ['Key', variant('ay', Buffer.from(point.wpsKey ?? ''))],
    ]);
    this.#wps?.emit('Credentials', { credentials });
    this.#wps?.emit('Event', { name: 'success', args: new Map() });
    this.#setCurrent(this.#heard.get(name)?.path ?? this.#hear(name));
    this.#enter('completed');
  }

  #setCurrent(path: string): void {
    if (this.#facts.current === path) return;
    this.#facts.current = path;
    this.#tell({ CurrentBSS: variant('o', path) });
  }

  #enter(state: string, codes: Codes = {}): void {
    Object.assign(this.#facts, codes, { state });
    const { reason, associationStatus, authenticationStatus } = codes;
    this.#tell({
      ...(reason !== undefined && { DisconnectReason: variant('i', reason) }),
      ...(associationStatus !== undefined && { AssocStatusCode: variant('i', associationStatus) }),
      ...(authenticationStatus !== undefined && { AuthStatusCode: variant('i', authenticationStatus) }),
    });
    this.#tell({ State: variant('s', state) });
  }

  #tell(properties: Record<string, Variant>): void {
    if (Object.keys(properties).length === 0) return;
    this.#link?.exported.emit('PropertiesChanged', { properties: new Map(Object.entries(properties)) });
  }
}

function isSecretRight(block: Block, { secret }: FakeAccessPoint): boolean {
  if (secret === undefined) return true;
  return (block.get('psk') ?? block.get('password'))?.as('s') === secret;
}
