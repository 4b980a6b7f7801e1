/**
 * The connection managers that tests, lab and bench run in a cell: ours, Debian's connmand and
 * NetworkManager; for each, how it is started in the foreground, what it needs of the cell, and
 * which observations say that the device is ready or online.
 */

import { resolve } from 'node:path';
import { SERVER_ADDRESS, type CellOptions } from './cell.ts';
import type { CellEvent } from './event-log.ts';

/** A connection manager as a cell runs it. */
export interface Daemon {
  readonly title: string;
  readonly argv: readonly string[];
  readonly busName: string;
  /** What it needs of its cell. */
  readonly cell: CellOptions;
  /** Whether `event` says that the device has just got an address and route of use. */
  isReady(event: CellEvent): boolean;
  /** Whether `event` says that the network beyond has just been found to answer. */
  isOnline(event: CellEvent): boolean;
  /** Whether `event` says that a pulled cable has been dealt with. */
  isGone(event: CellEvent): boolean;
}

/** Their names. */
export type DaemonName = 'causeway' | 'debian' | 'networkmanager';

/** The status page by address, so that a check's time holds no DNS. */
export const STATUS_URL = `http://${SERVER_ADDRESS}/online/status.html`;

const connmanSays = (state: string) => (event: CellEvent) =>
  event.kind === 'signal' &&
  event.name === 'net.connman.Manager.PropertyChanged' &&
  event.body[0] === 'State' &&
  event.body[1] === state;

const isServiceRemoved = (event: CellEvent): boolean =>
  event.kind === 'signal' &&
  event.name === 'org.freedesktop.DBus.ObjectManager.InterfacesRemoved' &&
  String(event.body[0]).startsWith('/net/connman/service/');

const networkManagerSays = (member: string, state: number) => (event: CellEvent) =>
  event.kind === 'signal' && event.name === `org.freedesktop.NetworkManager.${member}` && event.body[0] === state;

const isConnmanReady = connmanSays('ready');
const isConnmanOnline = connmanSays('online');

const networkManagerConfiguration = `[main]
plugins=keyfile
auth-polkit=false
dhcp=internal
no-auto-default=*
rc-manager=file

[connectivity]
uri=http://${SERVER_ADDRESS}/nm
response=NetworkManager is online
interval=300
`;

const networkManagerProfile = `[connection]
id=wired
uuid=6f0e4b0c-5c1c-4f0a-9d2b-0a7f6c9d1e01
type=ethernet
multi-connect=3
autoconnect=true

[match]
interface-name=eth*;

[ipv4]
method=auto

[ipv6]
method=auto
addr-gen-mode=eui64
`;

/** All of them. Debian's connmand 1.41 drops offers whose checksum hardware was to fill in. */
export const DAEMONS: Readonly<Record<DaemonName, Daemon>> = {
  causeway: {
    title: 'Causeway',
    // As a default build has it: tests build all plugins, and polkit is not there to be asked.
    argv: [resolve('build/bin/connmand'), '-n', '-P', 'polkit,nmcompat'],
    busName: 'net.connman',
    cell: {},
    isReady: isConnmanReady,
    isOnline: isConnmanOnline,
    isGone: isServiceRemoved,
  },
  debian: {
    title: 'ConnMan (Debian)',
    argv: ['/usr/sbin/connmand', '-n'],
    busName: 'net.connman',
    // Without a main.conf it knows no status page.
    cell: {
      peers: ['connman', 'ethtool'],
      isChecksumOffloaded: false,
      files: { '/etc/connman/main.conf': '[General]\n' },
    },
    isReady: isConnmanReady,
    isOnline: isConnmanOnline,
    isGone: isServiceRemoved,
  },
  networkmanager: {
    title: 'NetworkManager (Debian)',
    argv: ['/usr/sbin/NetworkManager', '--no-daemon'],
    busName: 'org.freedesktop.NetworkManager',
    cell: {
      peers: ['network-manager', 'ethtool'],
      files: {
        '/etc/NetworkManager/NetworkManager.conf': networkManagerConfiguration,
        '/etc/NetworkManager/system-connections/wired.nmconnection': networkManagerProfile,
      },
    },
    // NMDeviceState: 100 activated, 20 unavailable. NMState 70: connected to the global network.
    isReady: networkManagerSays('Device.StateChanged', 100),
    isOnline: networkManagerSays('StateChanged', 70),
    isGone: networkManagerSays('Device.StateChanged', 20),
  },
};
