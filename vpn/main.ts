/**
 * connman-vpnd: VPN connections as objects on the bus name net.connman.vpn, with drivers chosen at
 * build time. connmand reaches it over D-Bus alone. Everything belongs to one scope.
 */

import { chownSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createAgentRegistry } from '../src/daemon/agents.ts';
import { parseVpnd, VPND, type DaemonOptions } from '../src/daemon/command-line.ts';
import { readSmallFile, writeFileAtomically } from '../src/daemon/files.ts';
import { startPlugins } from '../src/daemon/plugin-host.ts';
import { run, StartError, type Daemon } from '../src/daemon/run.ts';
import { Leftovers } from '../src/daemon/leftovers.ts';
import { openStorage } from '../src/daemon/storage.ts';
import { openSystemBus } from '../src/daemon/system-bus.ts';
import { vpnAgentInterface } from '../src/dbus/interfaces/vpn-agent.ts';
import { directories } from '../src/directories.ts';
import { openGenl, type Genl } from '../src/netlink/genl/genl.ts';
import { openRtnetlink, type Rtnetlink } from '../src/netlink/rtnetlink.ts';
import { formatHelp } from '../src/shared/command-line.ts';
import { messageOf } from '../src/shared/errors.ts';
import { logger } from '../src/shared/log.ts';
import type { Scope } from '../src/shared/scope.ts';
import { openSystem } from '../src/system/node-system.ts';
import type { System } from '../src/system/system.ts';
import { VERSION } from '../src/version.ts';
import { ask } from './agent.ts';
import { builtin } from './builtin.ts';
import { Connectivity } from './connectivity.ts';
import { connectionPath } from './connection-dbus.ts';
import { Drivers, type VpnCore } from './core.ts';
import { exportVpnManager } from './dbus.ts';
import { vpnOptions, type VpnOptions } from './options.ts';
import type { ProviderEnv } from './provider.ts';
import { Providers } from './providers.ts';
import type { Privileges } from './privileges.ts';
import { watchProvisioning } from './provisioning.ts';
import { hostResolver } from './resolve-host.ts';
import { Tasks } from './task.ts';
import { makeTunnelDevice } from './tun.ts';
import { removeWith } from './tunnel.ts';

const log = logger('vpn/main.ts');

const BUS_NAME = 'net.connman.vpn';
const RUNTIME = `${directories.runstatedir}/connman-vpn`;
const STORAGE = `${directories.localstatedir}/lib/connman`;
const VPN_STORAGE = `${directories.localstatedir}/lib/connman-vpn`;
const HELPER_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

void run<DaemonOptions>({
  name: 'connman-vpnd',
  version: VERSION,
  greeting: 'Connection Manager VPN daemon version',
  directories: [STORAGE, VPN_STORAGE, RUNTIME],
  help: formatHelp(VPND, 'connman-vpnd'),
  parse: parseVpnd,
  openSystem,
  start,
});

async function start(daemon: Daemon<DaemonOptions>): Promise<void> {
  const { system, clock, random, scope } = daemon;
  const options = vpnOptions(daemon.options.config ?? `${directories.sysconfdir}/connman/connman-vpn.conf`);
  // `life` is closed before the bus and the kernel's sockets, so that the last signals still go out.
  const ground = scope.child();
  const life = scope.child();
  const [bus, kernel] = await Promise.all([
    openSystemBus(daemon, ground), openRtnetlink({ system, clock, follows: 'links' }, ground),
  ]);
  const agents = createAgentRegistry(vpnAgentInterface, { bus, clock }, life);
  const drivers = new Drivers();
  const leftovers = new Leftovers(`${RUNTIME}/running`);
  let genl: Genl | undefined;
  const env: ProviderEnv = {
    clock,
    kernel,
    genl: () => (genl ??= openGenl({ system }, ground)),
    runtimeDirectory: RUNTIME,
    ownDevice(name, within) {
      leftovers.noteDevice(name, within);
      removeWith({ kernel, clock }, name, within);
    },
    ...forHelpers(system, options),
    scriptDirectory: `${directories.libdir}/connman/scripts`,
    resolveHost: hostResolver(
      { resolvConf: '/etc/resolv.conf', outside: (signal) => connectivity.outside(signal) },
      { system, clock, random },
    ),
    ...files(),
    driver: (type) => drivers.get(type),
    makeDevice: (kind, type) => makeTunnelDevice({ system, kernel }, kind, privilegesOf(options, type)?.uid ?? 0),
    startTask: (type, task, within) => {
      const privileges = privilegesOf(options, type);
      return tasks.start(task, privileges, within);
    },
    ask: (provider, preferred, fields, signal) => ask(agents, {
      path: connectionPath(provider.ident), fields, preferred, signal, timeoutMs: options.InputRequestTimeout * 1000,
    }),
  };
  const tasks = new Tasks({
    bus, clock, path: HELPER_PATH, noteProcess: (pid, within) => leftovers.noteProcess(pid, within),
  });
  const storage = openStorage(STORAGE);
  const providers = new Providers(env, storage, life);
  const connectivity = new Connectivity(bus, life);
  const vpnStorage = openStorage(VPN_STORAGE);
  const reload = (): Promise<void> => providers.reload([storage, vpnStorage]);
  exportVpnManager({ bus, clock, providers, agents, connectivity, reload }, life);
  daemon.reloadWanted.observe(life, () => void reload());
  connectivity.splitRouting.observe(life, ({ ident, isSplitRouting }) => {
    providers.get(ident)?.setSplitRouting(isSplitRouting);
  });
  scope.defer(() => agents.releaseAll());
  await startPlugins<VpnCore>(builtin, { drivers, bus }, daemon.options, life);
  await watchProvisioning(providers, [storage, vpnStorage], clock, life);
  if (!(await bus.requestName(BUS_NAME, life))) throw new StartError(`${BUS_NAME} is owned by another VPN daemon`);
  await removeDevices(kernel, leftovers.takeOver());
  daemon.started();
}

// Those of an earlier daemon that was killed; its name is ours now, so it is gone.
async function removeDevices(kernel: Rtnetlink, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const link = kernel.mirror.linkByName(name);
    if (link === undefined) continue;
    log.info('%s of an earlier daemon is removed', name);
    await kernel.link.remove(link.ifindex).catch((error: unknown) => log.warn('%s: %s', name, error));
  }
}

function privilegesOf(options: VpnOptions, type: string) {
  const configured = `${directories.sysconfdir}/connman/vpn-plugin/${type}.conf`;
  return options.privileges(configured, { passwd: read('/etc/passwd'), group: read('/etc/group') });
}

// Files and sockets where a helper reaches them as whoever it runs.
function forHelpers(
  system: System, options: VpnOptions,
): Pick<ProviderEnv, 'isSystemHelper' | 'helperDirectory' | 'awaitHelper'> {
  return {
    isSystemHelper: (type) => privilegesOf(options, type)?.isSystem ?? true,
    helperDirectory: (type) => helperDirectory(privilegesOf(options, type)),
    awaitHelper(type, name, scope, onStream) {
      const privileges = privilegesOf(options, type);
      const path = `${helperDirectory(privileges)}/${name}`.slice(0, MAX_SOCKET_PATH);
      const remove = (): void => rmSync(path, { force: true });
      remove();
      scope.defer(remove);
      system.unixClient(path, scope, onStream);
      if (privileges !== undefined) chownSync(path, privileges.uid, privileges.gid);
      return path;
    },
  };
}

const MAX_SOCKET_PATH = 107; // sun_path

// A helper with other rights has a directory of its own.
function helperDirectory(privileges: Privileges | undefined): string {
  if (privileges === undefined) return RUNTIME;
  const { uid, gid } = privileges;
  const path = `${RUNTIME}/${uid}`;
  mkdirSync(path, { recursive: true, mode: 0o700 });
  chownSync(path, uid, gid);
  return path;
}

function read(path: string): string {
  try {
    return readSmallFile(path) ?? '';
  } catch (error) {
    log.warn('%s: %s', path, messageOf(error));
    return '';
  }
}

// Files of a running tunnel: secrets, so for the helper's user alone, and gone with the tunnel.
function files(): Pick<ProviderEnv, 'writeFile' | 'readFile' | 'removeFile' | 'keepFile'> {
  return {
    keepFile(directory, name, content) {
      mkdirSync(`${STORAGE}/${directory}`, { recursive: true, mode: 0o700 });
      writeFileAtomically(`${STORAGE}/${directory}/${name}`, content);
      return `${STORAGE}/${directory}/${name}`;
    },
    writeFile(name: string, content: string, scope: Scope) {
      const path = `${RUNTIME}/${name}`;
      mkdirSync(RUNTIME, { recursive: true, mode: 0o755 });
      rmSync(path, { force: true });
      scope.defer(() => rmSync(path, { force: true }));
      writeFileSync(path, content, { mode: 0o600, flag: 'wx' });
      return path;
    },
    removeFile: (path) => rmSync(path, { force: true }),
    readFile(path) {
      try {
        return readFileSync(path, 'latin1');
      } catch {
        return undefined;
      }
    },
  };
}
