/**
 * connmand: reads the options, opens kernel and bus side by side, builds the core, and starts the
 * plugins this build selected. Everything belongs to one scope; leaving it is the end.
 */

import { hostname } from 'node:os';
import { serviceAgent } from './agent/dbus.ts';
import { builtin, dnsBackend } from './builtin.ts';
import { auditCalls } from './changes/dbus.ts';
import { EventLog } from './changes/event-log.ts';
import { Checkpoints, replayCheckpoints } from './checkpoint/checkpoints.ts';
import { reportCheckpoints, restoreAll } from './checkpoint/restore.ts';
import { exportClock } from './clock/dbus.ts';
import { openClockSettings, type ClockSettings } from './clock/clock.ts';
import { keepClockFile } from './clock/clock-file.ts';
import { followOfferedTimezone } from './clock/offered-timezone.ts';
import { startTimekeeper } from './clock/timekeeper.ts';
import { createCore, type Core } from './core.ts';
import { createCounterRegistry } from './counter/dbus.ts';
import { createAgentRegistry } from './daemon/agents.ts';
import { checkpointFiles } from './daemon/checkpoint-files.ts';
import { CONNMAND, parseConnmand, type ConnmandOptions } from './daemon/command-line.ts';
import { deviceFiles } from './daemon/device-files.ts';
import { hookScripts } from './daemon/hook-scripts.ts';
import { kernelNameservers } from './daemon/kernel-nameservers.ts';
import { generalOptions, type GeneralOptions } from './daemon/main-conf.ts';
import { startPlugins, type Plugin } from './daemon/plugin-host.ts';
import { watchHostsFile } from './daemon/hosts-file.ts';
import { portHolder } from './daemon/port-holder.ts';
import { commandOf } from './daemon/processes.ts';
import { resolvConfFile } from './daemon/resolv-conf.ts';
import { run, StartError, type Daemon } from './daemon/run.ts';
import { openStorage, type Storage } from './daemon/storage.ts';
import { sysctl } from './daemon/sysctl.ts';
import { openSystemBus } from './daemon/system-bus.ts';
import { readDevtype } from './daemon/sysfs.ts';
import { timezoneFiles } from './daemon/timezone.ts';
import { usageFiles } from './daemon/usage-files.ts';
import { countryOfZone } from './daemon/zone-country.ts';
import type { Bus } from './dbus/bus.ts';
import { agentInterface } from './dbus/interfaces/agent.ts';
import { directories } from './directories.ts';
import type { DnsBackendPlugin } from './dns-backend/backend.ts';
import { exportDns } from './dns-backend/dbus.ts';
import { direct, RESOLV_CONF_HEADER } from './dns-backend/direct.ts';
import { dispatchChanges } from './dispatcher.ts';
import { GlobalSettings } from './global-settings.ts';
import { keepLeaseFiles } from './leases/lease-files.ts';
import { exportManager } from './manager/dbus.ts';
import { openRtnetlink, type Rtnetlink } from './netlink/rtnetlink.ts';
import { peerAgent } from './peer/dbus.ts';
import { portalAgent } from './portal/dbus.ts';
import { createResolver, type Resolver } from './resolver.ts';
import { formatHelp } from './shared/command-line.ts';
import type { Scope } from './shared/scope.ts';
import { openSystem } from './system/node-system.ts';
import { VERSION } from './version.ts';

const BUS_NAME = 'net.connman';
const STORAGE = `${directories.localstatedir}/lib/connman`;

void run<ConnmandOptions>({
  name: 'connmand',
  version: VERSION,
  greeting: 'Connection Manager version',
  directories: [STORAGE, `${directories.runstatedir}/connman`],
  help: formatHelp(CONNMAND, 'connmand'),
  parse: parseConnmand,
  openSystem,
  start,
});

async function start(daemon: Daemon<ConnmandOptions>): Promise<void> {
  const { system, clock, random, scope } = daemon;
  const options = generalOptions(daemon.options.config ?? `${directories.sysconfdir}/connman/main.conf`);
  const isPutBack = replayCheckpoints(checkpointFiles(STORAGE), clock);
  const storage = openStorage(STORAGE);
  // `life` is closed before the bus and the kernel's sockets, so that the last signals still go out.
  const ground = scope.child();
  const life = scope.child();
  const [bus, kernel] = await Promise.all([openSystemBus(daemon, ground), openRtnetlink({ system, clock }, ground)]);
  const clockSettings = openClockSettings({ clock, system, storage, zones: timezoneFiles(options.Localtime) }, life);
  const clockFile = keepClockFile({ clock, system, storage, settings: clockSettings }, life);
  const resolver = startResolver(daemon, options, { bus, kernel, scope: life });
  const agents = createAgentRegistry(agentInterface, { bus, clock }, life);
  const core = createCore(
    {
      system, clock, kernel, bus, storage, options, readDevtype, hostname, sysctl, random,
      zoneCountry: () => (clockSettings.timezone === undefined ? undefined : countryOfZone(clockSettings.timezone)),
      settings: new GlobalSettings(storage),
      filter: {
        allowed: daemon.options.devices,
        denied: daemon.options.noDevices,
        deniedPrefixes: options.NetworkInterfaceBlacklist,
        managed: options.ManagedInterfaces,
      },
      resolver,
      version: VERSION,
      wifiDriver: daemon.options.wifiDriver,
      agent: serviceAgent(agents, options.InputRequestTimeout),
      portalAgent: portalAgent(agents, options),
      peerAgent: peerAgent(agents, options.InputRequestTimeout),
      usage: usageFiles(storage.directory),
      timeservers: () => ({ policy: clockSettings.timeUpdates, global: clockSettings.timeservers }),
    },
    life,
  );
  keepTime(daemon, { core, resolver, settings: clockSettings }, life);
  core.sleep.beginning.observe(life, () => clockFile.write());
  const counters = createCounterRegistry({ bus, counters: core.counters }, life);
  const { technologies, services, tethering, country, peers, providers } = core;
  const beyond = lookAfter(core, { clockSettings, storage }, life);
  const shown = { agents, counters, technologies, services, tethering, country, peers, providers, ...beyond };
  exportManager({ bus, clock, ...shown }, life);
  if (isPutBack) providers.reload();
  daemon.reloadWanted.observe(life, () => {
    services.reload();
    providers.reload();
  });
  scope.defer(async () => {
    core.leisure.finish();
    await takeLeave(core, daemon.options);
    counters.releaseAll();
    agents.releaseAll();
  });
  await open(daemon, core, life);
}

/** Takes the name and begins; plugins that judge callers are there before anybody can call. */
async function open(daemon: Daemon<ConnmandOptions>, core: Core, scope: Scope): Promise<void> {
  const early = startPlugins(builtin.filter(isEarly), core, daemon.options, scope);
  if (!(await core.bus.requestName(BUS_NAME, scope))) {
    throw new StartError(`${BUS_NAME} is owned by another connection manager`);
  }
  daemon.started();
  await early;
  await startPlugins(builtin.filter((plugin) => !isEarly(plugin)), core, daemon.options, scope);
  core.interfaces.start();
}

function isEarly({ priority }: Plugin<Core>): boolean {
  return priority === 'high';
}

/** What those need who look after the machine from afar: checkpoints, log, lease files, scripts. */
function lookAfter(
  core: Core,
  { clockSettings, storage }: { readonly clockSettings: ClockSettings; readonly storage: Storage },
  scope: Scope,
): { eventLog: EventLog; checkpoints: Checkpoints } {
  const { bus, clock, leisure, kernel, services, changes } = core;
  const eventLog = new EventLog(changes, scope);
  auditCalls(bus, changes, commandOf, scope);
  const checkpoints = new Checkpoints({
    files: checkpointFiles(STORAGE), clock,
    flush: () => core.saves.flush(),
    reload: () => restoreAll(core, clockSettings, storage),
  }, scope);
  reportCheckpoints(checkpoints, changes, scope);
  keepLeaseFiles(
    deviceFiles(`${directories.runstatedir}/connman/devices`),
    { services, mirror: kernel.mirror, clock, leisure, timeChanged: clockSettings.changed }, scope,
  );
  dispatchChanges(
    hookScripts(`${directories.sysconfdir}/connman/dispatcher.d`),
    { changes, clock, isLeaving: () => services.isKeepingTraffic }, scope,
  );
  return { eventLog, checkpoints };
}

/** The clock object with all that keeps the time. */
function keepTime(
  { system, clock, random }: Daemon<ConnmandOptions>,
  { core, resolver, settings }: { readonly core: Core; readonly resolver: Resolver; readonly settings: ClockSettings },
  scope: Scope,
): void {
  const { bus, services, country } = core;
  settings.changed.observe(scope, (property) => {
    if (property === 'Timeservers' || property === 'TimeUpdates') services.updateTimeservers();
    if (property === 'Timezone') void country.update();
  });
  exportClock(bus, settings, scope);
  const keeper = startTimekeeper({ system, clock, random, resolver, services, settings }, scope);
  core.sleep.ended.observe(scope, () => keeper.wake());
  followOfferedTimezone(services, settings, scope);
}

/** Signals go out as when everything is disconnected; addresses and routes stay unless told otherwise. */
async function takeLeave({ services, technologies }: Core, { isReleasedOnExit }: ConnmandOptions): Promise<void> {
  await services.takeLeave(isReleasedOnExit ? 'release' : 'keep');
  await technologies.takeLeave();
}

interface Opened {
  readonly bus: Bus;
  readonly kernel: Rtnetlink;
  readonly scope: Scope;
}

function startResolver(daemon: Daemon<ConnmandOptions>, options: GeneralOptions, opened: Opened): Resolver {
  const { system, clock, random } = daemon;
  const { bus, kernel, scope } = opened;
  const resolvConf = resolvConfFile({
    runtime: `${directories.runstatedir}/connman/resolv.conf`,
    system: '/etc/resolv.conf',
    configured: options.ResolvConf,
    header: RESOLV_CONF_HEADER,
  });
  const plugin: DnsBackendPlugin = daemon.options.hasDnsProxy ? dnsBackend : direct;
  const backend = plugin.start({
    resolvConf, system, clock, bus, portHolder,
    random,
    listen: options.DNSProxyListen,
    isRebindingStopped: options.DNSProxyStopRebinding,
    linkName: (ifindex) => kernel.mirror.links.get(ifindex)?.name,
    watchHosts: (within, onText) => watchHostsFile('/etc/hosts', clock, within, onText),
  }, scope);
  if (backend.status !== undefined) exportDns(bus, backend.status, scope);
  // Where the kernel made the network, perhaps for the root file system, no service brings name servers.
  const fallbackNameservers = [...kernelNameservers(), ...options.FallbackNameservers];
  return createResolver({ backend, fallbackNameservers }, { clock }, scope);
}
