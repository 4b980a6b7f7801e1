/**
 * Who talks to the radio comes when it likes: after connmand, again after its death, or started by the bus
 * (D-Bus Specification, "Message Bus Starting Services"). `rig-psk` is there; over any backend.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { type Backend, type Station, stationCase, until } from '../helpers/guest/stations.ts';

const SERVICES = '/run/bus-services';
const BUS_CONFIGURATION = '/run/dbus/cell.conf';

/** How the bus starts it. */
export interface Startable {
  readonly backend: Backend;
  /** Of the service on the bus. */
  readonly name: string;
  readonly command: string;
}

/** Adds the case, after which it runs by itself: no case can end it. */
export function startCase(open: () => Promise<Station>, { backend, name, command }: Startable): void {
  stationCase(open, 'the supplicant starts after the daemon, is killed and started by the bus', async (station) => {
    const { cell } = station;
    await station.connect('rig-psk');
    await station.daemon.stop();
    await end(station);
    await station.startDaemon();
    station.supplicant = await backend.start(cell);
    await until(() => isUp(station));
    await makeStartable(station, `[D-BUS Service]\nName=${name}\nExec=${command}\nUser=root\n`);
    await end(station);
    await until(async () => !(await isUp(station)));
    await until(() => isUp(station));
  });
}

async function end({ supplicant }: Station): Promise<void> {
  supplicant.kill('SIGKILL');
  await supplicant.exited;
}

async function makeStartable({ cell: { bus, device } }: Station, service: string): Promise<void> {
  mkdirSync(device.path(SERVICES));
  writeFileSync(device.path(`${SERVICES}/supplicant.service`), service);
  const configuration = device.read(BUS_CONFIGURATION);
  writeFileSync(device.path(BUS_CONFIGURATION),
    configuration.replace('<auth>', `<servicedir>${SERVICES}</servicedir><auth>`));
  const driver = 'org.freedesktop.DBus';
  await bus.call({ destination: driver, path: '/org/freedesktop/DBus', interface: driver, member: 'ReloadConfig' });
}

async function isUp(station: Station): Promise<boolean> {
  return (await station.stateOf('rig-psk')) === 'up';
}
