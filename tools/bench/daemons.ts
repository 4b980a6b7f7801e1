/**
 * The connection managers of the bench: those of the tests with what only measuring needs, and
 * systemd-networkd, which asks nobody whether it is online.
 */

import type { BusCall } from '../../test/helpers/bus-daemon.ts';
import { DAEMONS, type Daemon } from '../../test/helpers/daemons.ts';
import type { CellEvent } from '../../test/helpers/event-log.ts';

/** A connection manager as the bench measures it. */
export interface Benched extends Daemon {
  /** Whether it asks by itself if the network beyond answers. */
  readonly hasOnlineCheck: boolean;
  /** Whether `event` tells a client that the link or service of `eth0` is of use. */
  isServiceReady(event: CellEvent): boolean;
  /** The call that tells a client everything about all links. */
  readonly listing: BusCall;
}

/** Their names. */
export type BenchedName = 'causeway' | 'debian' | 'networkmanager' | 'networkd';

const isConnmanServiceReady = (event: CellEvent): boolean => {
  if (event.kind !== 'signal') return false;
  const isState = event.name === 'net.connman.Service.PropertyChanged' && event.body[0] === 'State';
  if (isState) return event.body[1] === 'ready' || event.body[1] === 'online';
  return event.name === 'net.connman.Manager.ServicesChanged' && /"State":"(ready|online)"/.test(textOf(event.body[0]));
};

const getServices: BusCall = {
  destination: 'net.connman', path: '/', interface: 'net.connman.Manager', member: 'GetServices',
};

const networkdSays = (property: string, ...values: string[]) => (event: CellEvent): boolean =>
  event.kind === 'signal' &&
  event.name === 'org.freedesktop.DBus.Properties.PropertiesChanged' &&
  event.body[0] === 'org.freedesktop.network1.Link' &&
  values.some((value) => textOf(event.body[1]).includes(`"${property}":"${value}"`));

// What its package makes at installation, and its tmpfiles at boot.
const START_NETWORKD = `
grep -q ^systemd-network: /etc/passwd || echo systemd-network:x:998:998::/:/usr/sbin/nologin >>/etc/passwd
grep -q ^systemd-network: /etc/group || echo systemd-network:x:998: >>/etc/group
mkdir -p /run/systemd/netif/links /run/systemd/netif/leases /run/systemd/netif/lldp /run/systemd/network
chown -R systemd-network: /run/systemd/netif
printf '[Match]\\nName=eth*\\n[Network]\\nDHCP=ipv4\\n' >/run/systemd/network/wired.network
chmod 755 /run/systemd /run/systemd/network
chmod 644 /run/systemd/network/wired.network
exec /usr/lib/systemd/systemd-networkd`;

// `configured`, its other state, waits for IPv6 as well.
const isNetworkdReady = networkdSays('OperationalState', 'routable');

/** All of them. */
export const BENCHED: Readonly<Record<BenchedName, Benched>> = {
  causeway: {
    ...DAEMONS.causeway, hasOnlineCheck: true, isServiceReady: isConnmanServiceReady, listing: getServices,
  },
  debian: { ...DAEMONS.debian, hasOnlineCheck: true, isServiceReady: isConnmanServiceReady, listing: getServices },
  networkmanager: {
    ...DAEMONS.networkmanager,
    hasOnlineCheck: true,
    isServiceReady: (event) => DAEMONS.networkmanager.isReady(event),
    listing: {
      destination: 'org.freedesktop.NetworkManager',
      path: '/org/freedesktop',
      interface: 'org.freedesktop.DBus.ObjectManager',
      member: 'GetManagedObjects',
    },
  },
  networkd: {
    title: 'systemd-networkd (Debian)',
    argv: ['sh', '-e', '-c', START_NETWORKD],
    busName: 'org.freedesktop.network1',
    cell: { peers: ['systemd', 'ethtool'] },
    hasOnlineCheck: false,
    isReady: isNetworkdReady,
    isOnline: () => false,
    isGone: networkdSays('OperationalState', 'no-carrier'),
    isServiceReady: isNetworkdReady,
    listing: {
      destination: 'org.freedesktop.network1',
      path: '/org/freedesktop/network1',
      interface: 'org.freedesktop.network1.Manager',
      member: 'Describe',
    },
  },
};

function textOf(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? String(each) : each)) ?? '';
}
