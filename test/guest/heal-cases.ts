/**
 * What goes wrong in the air and how a station gets over it: channels and access points change, vanish
 * and return, the supplicant dies, gateways fall silent. All on `rig-psk`, the first network of the
 * first radio, which is connected from the first case on.
 */

import * as assert from 'uvu/assert';
import { causewayServiceInterface } from '../../src/dbus/interfaces/causeway-service.ts';
import { propertiesInterface } from '../../src/dbus/interfaces/freedesktop.ts';
import { SERVER_ADDRESS } from '../helpers/cell.ts';
import { type AirNetwork, startAccessPoint } from '../helpers/guest/air.ts';
import { type Backend, type Station, stationCase, until } from '../helpers/guest/stations.ts';
import { WIFI_SERVICE } from '../oracle/wifi-script.ts';

/** A second place of `rig-psk`, on the third radio, and its address. */
export const SECOND = { radio: 'wlan2', channel: 11 };
export const SECOND_BSSID = '02:00:00:00:02:00';

type Body = (station: Station) => Promise<void>;

/** What the cases take. */
export interface HealEnv {
  readonly backend: Backend;
  /** On the air of the first radio. */
  readonly networks: readonly AirNetwork[];
  /** Has the station go to `SECOND_BSSID`, which it may not have heard yet; resolves at the latest when it is there. */
  readonly roam: Body;
}

/** Adds the cases in which access points move and gateways fall silent; `rig-psk` is connected then. */
export function moveCases(open: () => Promise<Station>, env: HealEnv): void {
  const cases: Readonly<Record<string, Body>> = {
    'the access point changes its channel: the connection stays': changeChannel,
    'roaming to another access point and, when that dies, back': (station) => roam(station, env),
    'no gateway answers: joined anew': loseGateway,
  };
  for (const [name, body] of Object.entries(cases)) stationCase(open, name, body);
}

/** Adds those in which what `rig-psk` needs is gone for a while. */
export function lossCases(open: () => Promise<Station>, env: HealEnv): void {
  const cases: Readonly<Record<string, Body>> = {
    'the access point vanishes and returns: connected again': (station) => loseAccessPoint(station, env),
    'the supplicant is killed and started again: connected again': (station) => loseSupplicant(station, env),
  };
  for (const [name, body] of Object.entries(cases)) stationCase(open, name, body);
}

async function changeChannel(station: Station): Promise<void> {
  // Only this one is to be joined again by itself.
  for (const name of ['rig-sae', 'rig-both', 'rig-owe']) await station.remove(name);
  await station.connect('rig-psk');
  const before = ends(station);
  await station.hostapd(0, 'chan_switch', '3', '2437');
  await until(async () => (await accessPointOf(station)).frequencyMhz === 2437);
  assert.is(ends(station), before, 'the connection stays');
}

async function roam(station: Station, env: HealEnv): Promise<void> {
  const home = env.networks.filter(({ ssid }) => ssid === 'rig-psk');
  const second = await startAccessPoint(station.cell, home, SECOND);
  const before = ends(station);
  await env.roam(station);
  await until(async () => (await accessPointOf(station)).bssid === SECOND_BSSID);
  assert.is(ends(station), before, 'the connection stays');
  second.kill('SIGKILL');
  await second.exited;
  await station.cell.server.output(['ip', 'link', 'set', 'wlan2', 'down']);
  await until(async () => (await isUp(station)) && (await accessPointOf(station)).bssid !== SECOND_BSSID);
}

async function loseGateway(station: Station): Promise<void> {
  const { server, device } = station.cell;
  const joins = (): number => station.daemon.text.split('joining anew').length;
  const before = joins();
  // The kernel answers for an address on every link it is asked on, and `far` hears what the bridge does.
  const answer = async (how: 'on' | 'off'): Promise<void> => {
    for (const link of ['bridge', 'far']) await server.output(['ip', 'link', 'set', link, 'arp', how]);
  };
  await answer('off');
  await device.output(['ip', 'neigh', 'flush', 'dev', 'wlan1']);
  await until(async () => {
    await device.output(['bash', '-c', `echo > /dev/udp/${SERVER_ADDRESS}/9 || true`]);
    return joins() > before;
  });
  await answer('on');
  await until(() => isUp(station));
}

async function loseAccessPoint(station: Station, { networks }: HealEnv): Promise<void> {
  await station.accessPoint.stop();
  await until(async () => !(await isUp(station)));
  station.accessPoint = await startAccessPoint(station.cell, networks);
  await until(() => isUp(station));
}

async function loseSupplicant(station: Station, { backend }: HealEnv): Promise<void> {
  station.supplicant.kill('SIGKILL');
  await station.supplicant.exited;
  await until(async () => !(await isUp(station)));
  station.supplicant = await backend.start(station.cell);
  await until(() => isUp(station));
}

/** How often a connection has ended, as the daemon says. */
export function ends({ daemon }: Station): number {
  return daemon.text.split('\n').filter((line) => line.includes(' state is disconnect')).length;
}

async function isUp(station: Station): Promise<boolean> {
  return (await station.stateOf('rig-psk')) === 'up';
}

/** The access point in use of a network, `rig-psk` unless said; nothing while that is not heard. */
export async function accessPointOf(
  { bus }: Station, path = WIFI_SERVICE,
): Promise<{ bssid: unknown; frequencyMhz: unknown }> {
  const properties = bus.proxy(propertiesInterface, 'net.connman', path);
  const property = { interface_name: causewayServiceInterface.name, property_name: 'AccessPoint' };
  const told = (await properties.Get(property).catch(() => undefined))?.as('a{sv}');
  return { bssid: told?.get('BSSID')?.value, frequencyMhz: told?.get('Frequency')?.value };
}
