/**
 * A whole core on a bench: the project's own objects on a clock in the test's hand, a kernel in
 * memory, a bus in memory and settings in memory. Links appear as `kernel` says; a client hears all
 * signals of net.connman as lines of text.
 */

import { EventLog } from '../../src/changes/event-log.ts';
import { Checkpoints } from '../../src/checkpoint/checkpoints.ts';
import { createCounterRegistry } from '../../src/counter/dbus.ts';
import { serviceAgent } from '../../src/agent/dbus.ts';
import { createCore, type Core } from '../../src/core.ts';
import { checkGeneral, type GeneralOptions } from '../../src/daemon/main-conf.ts';
import { createAgentRegistry } from '../../src/daemon/agents.ts';
import type { Storage } from '../../src/daemon/storage.ts';
import type { UsageFiles } from '../../src/daemon/usage-files.ts';
import type { Bus } from '../../src/dbus/bus.ts';
import { agentInterface } from '../../src/dbus/interfaces/agent.ts';
import { Variant } from '../../src/dbus/signature.ts';
import { GlobalSettings } from '../../src/global-settings.ts';
import type { InterfaceFilter } from '../../src/interfaces.ts';
import { exportManager } from '../../src/manager/dbus.ts';
import { peerAgent } from '../../src/peer/dbus.ts';
import { portalAgent } from '../../src/portal/dbus.ts';
import { createResolver } from '../../src/resolver.ts';
import type { DnsConfiguration } from '../../src/dns-backend/backend.ts';
import { KeyFile, parseKeyFile } from '../../src/shared/keyfile.ts';
import type { Random } from '../../src/shared/random.ts';
import { setLogSink } from '../../src/shared/log.ts';
import type { Scope } from '../../src/shared/scope.ts';
import type { System } from '../../src/system/system.ts';
import { ethernet } from '../../plugins/ethernet.ts';
import type { FakeClock } from './fake-clock.ts';
import { fakeKernel, type FakeKernel } from './fake-kernel.ts';
import { noDevice } from './fake-rfkill.ts';
import { memoryBus } from './memory-bus.ts';
import { testSystem } from './system.ts';

/** What a test has in hand. */
export interface CoreBench {
  readonly core: Core;
  readonly kernel: FakeKernel;
  /** A client's connection. */
  readonly client: Bus;
  readonly files: Map<string, string>;
  /** Writes or, without a text, removes a file that is watched. */
  put(name: string, text?: string): void;
  /** Signals as the client heard them, oldest first: `Service eth0 State "ready"`. */
  readonly signals: string[];
  /** What the DNS backend was told last. */
  readonly dns: { current: DnsConfiguration | undefined };
  /** Host and domain names that were set, in order. */
  readonly host: string[];
  /** Kernel parameters. */
  readonly parameters: Map<string, string>;
  /** Another client's connection. */
  connect(scope: Scope): Promise<Bus>;
  /** Lets requests, messages and turns settle. */
  settled(): Promise<void>;
}

/** How a bench differs from a machine with no files and no radios. */
export interface CoreBenchOptions {
  /** Interfaces that are there before the core. */
  readonly links?: readonly Parameters<FakeKernel['addLink']>[0][];
  /** The text of `[General]`. */
  readonly mainConf?: string;
  readonly files?: Readonly<Record<string, string>>;
  /** Who opens /dev/rfkill. */
  readonly rfkill?: Pick<System, 'device'>;
  /** DEVTYPE by interface name. */
  readonly devtypes?: Readonly<Record<string, string>>;
  /** Where usage outlives the core; nowhere by default. */
  readonly usage?: UsageFiles;
  /** The country of the time zone. */
  readonly zoneCountry?: string;
  /** Whether the DNS backend can do multicast DNS. */
  readonly canMulticastDns?: boolean;
  /** In place of parts of the real system. */
  readonly system?: Partial<System>;
}

/** The service of the cable that `plugCable` plugs in. */
export const CABLE = 'ethernet_020000000001_cable';

/** Its settings, for `CoreBenchOptions.files`: it connects by itself, with a fixed address; `more` lines follow. */
export function staticCable(...more: readonly string[]): Readonly<Record<string, string>> {
  const address = ['IPv4.method=manual', 'IPv4.netmask_prefixlen=24', 'IPv4.local_address=192.0.2.10'];
  return { [`${CABLE}/settings`]: [`[${CABLE}]`, 'AutoConnect=true', ...address, ...more, ''].join('\n') };
}

/** Plugs it into `eth0`. */
export async function plugCable({ kernel, settled }: CoreBench): Promise<void> {
  kernel.addLink({ name: 'eth0', hardwareAddress: Uint8Array.of(2, 0, 0, 0, 0, 1) });
  await settled();
  kernel.setCarrier('eth0', true);
  await settled();
}

/** Builds a core with the ethernet plugin. */
export async function coreBench(
  { clock, scope }: { clock: FakeClock; scope: Scope },
  given: CoreBenchOptions = {},
): Promise<CoreBench> {
  const { links = [], mainConf = '', files = {}, rfkill, devtypes = {}, canMulticastDns, system = {} } = given;
  const { usage, zoneCountry } = given;
  silenceLog(scope);
  const kernel = fakeKernel();
  for (const link of links) kernel.addLink(link);
  const broker = memoryBus(clock);
  const [bus, client] = await Promise.all([broker.connect(scope), broker.connect(scope)]);
  const storage = memoryStorage(files);
  const dns: CoreBench['dns'] = { current: undefined };
  const host: string[] = [];
  const parameters = new Map([['net/ipv4/conf/all/rp_filter', '1']]);
  const options = optionsOf(mainConf);
  const agents = createAgentRegistry(agentInterface, { bus, clock }, scope);
  const core = createCore(
    {
      system: { ...benchSystem(host, rfkill), ...system },
      sysctl: { read: (name) => parameters.get(name), write: (name, value) => void parameters.set(name, value) },
      clock,
      kernel,
      bus,
      storage,
      options,
      random: FIRST,
      version: 'test',
      settings: new GlobalSettings(storage),
      filter: filterOf(options),
      resolver: createResolver({
        backend: { apply: (to) => void (dns.current = to), canMulticastDns: canMulticastDns === true },
        fallbackNameservers: options.FallbackNameservers,
      }, { clock }, scope),
      readDevtype: (name) => devtypes[name],
      hostname: () => 'bench',
      zoneCountry: () => zoneCountry,
      portalAgent: portalAgent(agents, options),
      peerAgent: peerAgent(agents, options.InputRequestTimeout),
      timeservers: () => ({ policy: 'auto', global: [] }),
      usage,
      wifiDriver: 'nl80211',
      agent: serviceAgent(agents, options.InputRequestTimeout),
    },
    scope,
  );
  const signals = await hearSignals(client, scope);
  const { technologies, services, tethering, country, providers, peers } = core;
  const counters = createCounterRegistry({ bus, counters: core.counters }, scope);
  const beyond = { eventLog: new EventLog(core.changes, scope), checkpoints: benchCheckpoints(clock, scope) };
  const shown = { technologies, services, tethering, country, providers, peers, agents, counters, ...beyond };
  exportManager({ bus, clock, ...shown }, scope);
  await bus.requestName('net.connman', scope);
  await ethernet.start(core, scope);
  core.interfaces.start();
  const { files: written, put } = storage;
  const rest = { settled: () => broker.settled(), connect: (own: Scope) => broker.connect(own) };
  return { core, kernel, client, files: written, put, signals, dns, host, parameters, ...rest };
}

function filterOf({ NetworkInterfaceBlacklist, ManagedInterfaces }: GeneralOptions): InterfaceFilter {
  return { allowed: [], denied: [], deniedPrefixes: NetworkInterfaceBlacklist, managed: ManagedInterfaces };
}

function optionsOf(mainConf: string): GeneralOptions {
  return checkGeneral(parseKeyFile(`[General]\n${mainConf}`), (problem) => {
    if (!problem.includes(' is deprecated: ')) throw new Error(problem);
  });
}

function silenceLog(scope: Scope): void {
  const loud = setLogSink(() => undefined);
  scope.defer(() => void setLogSink(loud));
}

async function hearSignals(client: Bus, scope: Scope): Promise<string[]> {
  const signals: string[] = [];
  await client.onSignal({ pathNamespace: '/' }, scope, ({ path = '', interface: name = '', member = '', body }) => {
    if (name.startsWith('net.connman.')) signals.push(describe(path, name, member, body));
  });
  return signals;
}

/** The real system, except for what would be seen of the machine outside the test. */
function benchSystem(host: string[], rfkill: Pick<System, 'device'> | undefined): System {
  return {
    ...testSystem(),
    setHostname: (name) => host.push(name),
    setDomainname: (name) => host.push(name),
    device: rfkill?.device ?? noDevice,
  };
}

/** Settings in memory; no name is special. */
export function memoryStorage(
  files: Readonly<Record<string, string>> = {},
): Storage & Pick<CoreBench, 'files' | 'put'> {
  const kept = new Map(Object.entries(files));
  const watchers: ((name: string) => void)[] = [];
  return {
    files: kept,
    put: (name, text) => {
      if (text === undefined) kept.delete(name);
      else kept.set(name, text);
      for (const tell of watchers) tell(name);
    },
    readText: (name) => kept.get(name),
    directory: '/nowhere',
    read: (name) => (kept.has(name) ? KeyFile.parse(kept.get(name) ?? '') : undefined),
    write: (name, file) => void kept.set(name, file.toString()),
    remove: (directory) => {
      for (const name of kept.keys()) if (name.startsWith(`${directory}/`)) kept.delete(name);
    },
    list: () => [
      ...new Set([...kept.keys()].flatMap((name) => (name.endsWith('/settings') ? [name.slice(0, -9)] : []))),
    ],
    watch: (suffix, _clock, _scope, onChange) => {
      const tell = (name: string): void => {
        if (name.endsWith(suffix)) onChange({ name, isGone: !kept.has(name) });
      };
      watchers.push(tell);
      [...kept.keys()].filter((name) => !name.includes('/')).forEach(tell);
    },
  };
}

function benchCheckpoints(clock: FakeClock, scope: Scope): Checkpoints {
  const nothing = (): void => undefined;
  const files = { list: () => [], create: nothing, restore: nothing, remove: nothing, bootId: () => 'bench' };
  return new Checkpoints({ files, clock, flush: nothing, reload: nothing }, scope);
}

const FIRST: Random = { u32: () => 1, fraction: () => 0 };

/** `Service <id> <property> <value>`, `Manager <signal> …`, values as JSON. */
function describe(path: string, name: string, member: string, body: readonly unknown[]): string {
  const object = `${name.slice('net.connman.'.length)} ${path.split('/').at(-1)}`.trim();
  const [first, ...rest] = member === 'PropertyChanged' ? body : [member, ...body];
  return [object, String(first), ...rest.map((each) => JSON.stringify(plain(each)))].join(' ');
}

function plain(value: unknown): unknown {
  if (value instanceof Variant) return plain(value.value);
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, each]) => [String(key), plain(each)]));
  if (Array.isArray(value)) return value.map(plain);
  return typeof value === 'bigint' ? Number(value) : value;
}
