/**
 * A test cell: a "server" with DHCP, DNS and a status page behind a bridge, and a "device" with a
 * private system bus and files of its own, joined by cables (veth pairs) whose plug is the server's
 * end going up. Everything is observed from outside into one log. All of it lives in namespaces
 * that go with this program (namespace.ts); the machine's network, bus and files are untouched.
 */

import { existsSync, mkdirSync, readFileSync, watch, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { BUS_SOCKET, BusObserver, startBusDaemon } from './bus-daemon.ts';
import type { Child } from './child.ts';
import { startDnsmasq, type DnsmasqOptions, type Subnet } from './dnsmasq.ts';
import { EventLog } from './event-log.ts';
import { monitorLinks } from './link-monitor.ts';
import { holdNamespace, type Namespace } from './namespace.ts';
import { fetchPeers } from './peers.ts';
import { startStatusServer } from './run-status-server.ts';

/** The server's own address, also the router and name server it announces. */
export const SERVER_ADDRESS = '10.77.0.1';

/** Where connection managers ask by themselves whether they are online. */
export const STATUS_NAMES = { 'ipv4.connman.net': SERVER_ADDRESS } as const;

const SUBNET: Subnet = {
  link: 'bridge',
  router: SERVER_ADDRESS,
  first: '10.77.0.10',
  last: '10.77.15.250',
  netmask: '255.255.240.0',
};

/** What a cell is made of. */
export interface CellOptions {
  /** How many links the device has, `eth0` on; default 1. */
  readonly cables?: number;
  /** Debian packages laid over both sides' file systems (peers.ts). */
  readonly peers?: readonly string[];
  /** Files of the device, by absolute path, readable by root alone. */
  readonly files?: Readonly<Record<string, string>>;
  /** Changes to the DHCP and DNS server, or false for none at all. */
  readonly dnsmasq?: DnsmasqOptions | false;
  /**
   * False: the server fills in the checksums of what it sends, as a wire would have it (needs the
   * peer `ethtool`). Default true: they are left to hardware that is not there, as between veths.
   */
  readonly isChecksumOffloaded?: boolean;
  /** Policy files for the device's bus, as seen inside; default: everybody may do everything. */
  readonly busPolicies?: readonly string[];
}

/** One cable; out of the wall at first. */
export interface Cable {
  /** The device's end. */
  readonly link: string;
  /** Plugs it in and returns the time just before, in milliseconds of `performance.now()`. */
  plug(): number;
  /** Pulls it out; returns as `plug`. */
  unplug(): number;
}

/** Makes a cell, runs `body` in it and takes it down, whatever happens. */
export async function withCell<T>(options: CellOptions, body: (cell: Cell) => Promise<T>): Promise<T> {
  const cell = await Cell.open(options);
  try {
    return await body(cell);
  } finally {
    await cell.close();
  }
}

/** The parts of a running cell. */
export class Cell {
  /** Where the daemon under test lives. */
  readonly device: Namespace;
  /** Where its network ends. */
  readonly server: Namespace;
  /** What has been seen of links, addresses, routes, the bus, DHCP, DNS, status page, resolv.conf. */
  readonly log: EventLog;
  /** This program's connection to the device's bus. */
  readonly bus: BusObserver;
  /** The bus itself, for those who take it away. */
  readonly dbusDaemon: Child;
  /** The DHCP and DNS server; it can be frozen for a while. */
  readonly dnsmasq: Child | undefined;
  readonly #links: Child;
  readonly #stopWatching: () => void;

  private constructor(parts: Parts) {
    this.device = parts.device;
    this.server = parts.server;
    this.log = parts.log;
    this.bus = parts.bus;
    this.dbusDaemon = parts.dbusDaemon;
    this.dnsmasq = parts.dnsmasq;
    this.#links = parts.links;
    this.#stopWatching = parts.stopWatching;
  }

  /** Makes a cell that `close` takes down. */
  static async open(options: CellOptions): Promise<Cell> {
    const { peers = [] } = options;
    const layer = peers.length > 0 ? await fetchPeers(peers) : undefined;
    const server = await holdNamespace();
    try {
      return new Cell(await furnish(server, layer, options));
    } catch (error) {
      await server.close();
      throw error;
    }
  }

  /** Where the device's bus is, as this program reaches it. */
  get busAddress(): string {
    return busAddress(this.device);
  }

  /** The cable of `eth<index>`. */
  cable(index = 0): Cable {
    const set = (state: 'up' | 'down') => (): number => {
      const at = performance.now();
      this.#links.write(`link set cable${index} ${state}\n`);
      return at;
    };
    return { link: `eth${index}`, plug: set('up'), unplug: set('down') };
  }

  /** Starts a program in the device; with `busName`, waits until it owns that name on the bus. */
  async startDaemon(argv: readonly string[], busName?: string): Promise<Child> {
    const since = performance.now();
    const daemon = this.device.spawn(argv);
    if (busName === undefined) return daemon;
    const owned = this.log.wait(
      `${argv.join(' ')} to own ${busName}`,
      (event) => event.kind === 'owner' && event.name === busName && event.owner !== undefined,
      { since },
    );
    // A daemon that detaches ends well and goes on elsewhere.
    const failed = daemon.exited.then((status) => {
      if (status === 0) return owned;
      throw new Error(`${argv.join(' ')} ended with ${status}:\n${daemon.text}`);
    });
    failed.catch(() => undefined);
    owned.catch(() => undefined);
    await Promise.race([owned, failed]);
    return daemon;
  }

  /** Ends everything in the cell at once; resolves when it is gone. */
  async close(): Promise<void> {
    this.#stopWatching();
    this.bus.close();
    await this.server.close();
  }
}

interface Parts {
  readonly device: Namespace;
  readonly server: Namespace;
  readonly log: EventLog;
  readonly bus: BusObserver;
  readonly dbusDaemon: Child;
  readonly dnsmasq: Child | undefined;
  readonly links: Child;
  readonly stopWatching: () => void;
}

async function furnish(server: Namespace, layer: string | undefined, options: CellOptions): Promise<Parts> {
  const { cables = 1, files = {}, dnsmasq = {}, isChecksumOffloaded = true, busPolicies } = options;
  const log = new EventLog();
  await server.script(`${mountScript(layer)}\n${bridgeScript(isChecksumOffloaded)}`);
  const device = await server.nest();
  await device.script(DEVICE_SCRIPT);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(device.path(path)), { recursive: true });
    writeFileSync(device.path(path), text, { mode: 0o600 });
  }
  const links = server.spawn(['ip', '-batch', '-']);
  const dbusDaemon = await startBusDaemon(device, busPolicies);
  const [, bus, dhcp] = await Promise.all([
    monitorLinks(device, log),
    BusObserver.connect(busAddress(device), log),
    dnsmasq === false ? undefined : startDnsmasq(server, SUBNET, log, { names: STATUS_NAMES, ...dnsmasq }),
    startStatusServer(server, SERVER_ADDRESS, log),
    server.script(cableScript(cables, device.innerPid)),
  ]);
  return { device, server, log, bus, dbusDaemon, dnsmasq: dhcp, links, stopWatching: watchResolvConf(device, log) };
}

function busAddress(device: Namespace): string {
  return `unix:path=${device.path(BUS_SOCKET)}`;
}

// Both sides write to memory over the peers' files and, below those, the machine's. Folders made in
// the upper layer are ours to write in, even where the machine's root is not the one we play.
function mountScript(layer: string | undefined): string {
  const over = (folder: string): string => {
    const hasPeers = layer !== undefined && existsSync(`${layer}/${folder}`);
    const lower = hasPeers ? `${layer}/${folder}:/${folder}` : `/${folder}`;
    const own = `/run/over/${folder}`;
    return `mkdir -p ${own}/upper ${own}/work
mount -t overlay overlay -o 'lowerdir=${lower},upperdir=${own}/upper,workdir=${own}/work' /${folder}`;
  };
  return `mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/over/var/upper/lib
${['usr', 'etc', 'var'].map(over).join('\n')}
mount -t tmpfs -o mode=755 tmpfs /run`;
}

// Another port is up always: a bridge whose first port comes up has no carrier itself for a while.
function bridgeScript(isChecksumOffloaded: boolean): string {
  return `ip link set lo up
ip link add bridge type bridge
ip address add ${SERVER_ADDRESS}/20 dev bridge
ip link add uplink master bridge index 998 type veth peer name far index 999
ip link set far up
ip link set uplink up
ip link set bridge up
${isChecksumOffloaded ? '' : 'ethtool -K bridge tx off >/dev/null'}`;
}

// /sys is read-only so that NetworkManager and networkd take links as they are, without udev.
const DEVICE_SCRIPT = `mount -t tmpfs -o mode=755 tmpfs /run
mount -t sysfs -o ro sysfs /sys
mkdir -p /run/dbus /run/lock
for folder in /etc/connman /var/lib/connman /etc/NetworkManager /var/lib/NetworkManager; do
  mkdir -p $folder
  mount -t tmpfs -o mode=755 tmpfs $folder
done
rm -f /etc/machine-id
echo 0123456789abcdef0123456789abcdef >/etc/machine-id
mkdir /run/connman
ln -sf /run/connman/resolv.conf /etc/resolv.conf
hostname device
rm -f /etc/hostname
echo device >/etc/hostname
ip link set lo up`;

// The ends' indices must differ: where a link's index is its peer's, the kernel takes it for a real
// one and may put off its carrier by up to a second (linkwatch), in which what it sends is dropped.
function cableScript(count: number, device: number): string {
  const address = (index: number): string =>
    `02:00:00:00:${(index >> 8).toString(16).padStart(2, '0')}:${(index & 255).toString(16).padStart(2, '0')}`;
  const lines = Array.from({ length: count }, (_, index) => {
    const far = `peer name eth${index} index ${10_000 + index} address ${address(index)} netns ${device}`;
    return `link add cable${index} index ${1000 + index} type veth ${far}\nlink set cable${index} master bridge`;
  });
  return `ip -batch - <<'end'\n${lines.join('\n')}\nend`;
}

// Wherever a manager writes it: /etc/resolv.conf itself, or the file that a system links to it.
function watchResolvConf(device: Namespace, log: EventLog): () => void {
  let last: string | undefined;
  const look = (path: string): void => {
    let text: string;
    try {
      text = readFileSync(device.path(path), 'utf8');
    } catch {
      return;
    }
    if (text !== last) log.add({ kind: 'file', path, text });
    last = text;
  };
  const watchers = ['/etc', '/run/connman'].map((folder) =>
    watch(device.path(folder), (_, file) => {
      if (file === 'resolv.conf') look(`${folder}/resolv.conf`);
    }),
  );
  return () => watchers.forEach((watcher) => watcher.close());
}
