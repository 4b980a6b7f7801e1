/**
 * Adapters that are taken out and put in, switches that users and others turn off, over any backend; and
 * what administrators say in files while all runs. `rig-psk` is the favorite.
 */

import { rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import * as assert from 'uvu/assert';
import { variant } from '../../src/dbus/signature.ts';
import { encodeBlock } from '../../src/rfkill.ts';
import { type AirNetwork, PROTECTIONS, startAccessPoint } from '../helpers/guest/air.ts';
import { putInRadio, takeOutRadio } from '../helpers/guest/hwsim.ts';
import { SECRET, type Station, stationCase, until } from '../helpers/guest/stations.ts';
import { AIR_NETWORKS } from './crowd-cases.ts';

const CONNMANCTL = resolve('build/bin/connmanctl');
const ADDRESS = '02:00:00:00:01:00';
const WIFI = 1;

/** Adds the cases of adapters and switches; `networks` are on the air of the first radio. */
export function adapterCases(open: () => Promise<Station>, networks: readonly AirNetwork[]): void {
  const airCase = (name: string, body: (station: Station) => Promise<void>): void => stationCase(open, name, body);
  airCase('the adapter is taken out and put in: networks go and come, the favorite is joined', async (station) => {
    await station.connect('rig-psk');
    await takeOutRadio(station.cell.device);
    await until(async () => (await station.services()).size === 0);
    let failure: readonly unknown[] = [];
    // It takes its leave step by step.
    await until(async () => (failure = await scanFailure(station))[2] === 'no-device');
    await putInRadio(station.cell.device, ADDRESS);
    await until(() => isUp(station, 'rig-psk'));
    assert.equal(failure, [1, 'Not supported', 'no-device']);
    assert.is(station.daemon.isRunning, true);
  });

  airCase('all radios are blocked by others, then freed by the user', async (station) => {
    await station.accessPoint.stop();
    writeFileSync('/dev/rfkill', encodeBlock(WIFI, true));
    await until(async () => (await powered(station)) === false);
    const failure = await scanFailure(station);
    assert.is(await station.cell.device.output([CONNMANCTL, 'enable', 'wifi']), 'Enabled wifi\n');
    station.accessPoint = await startAccessPoint(station.cell, networks);
    await until(() => isUp(station, 'rig-psk'));
    assert.equal(failure, [1, 'No carrier', 'soft-blocked']);
  });
}

/** Adds that of users' switches; `networks` as above. */
export function switchCase(open: () => Promise<Station>, networks: readonly AirNetwork[]): void {
  stationCase(open, 'off and on, then offline for a while, as the access point is: rejoined', async (station) => {
    const { technology, manager } = station;
    const switches = [
      (isOn: boolean) => technology.SetProperty({ name: 'Powered', value: variant('b', isOn) }),
      (isOn: boolean) => manager.SetProperty({ name: 'OfflineMode', value: variant('b', !isOn) }),
    ];
    for (const turn of switches) {
      await turn(false);
      await until(async () => (await station.services()).size === 0);
      await station.accessPoint.stop(); // its radio is blocked as well
      await turn(true);
      station.accessPoint = await startAccessPoint(station.cell, networks);
      await until(() => isUp(station, 'rig-psk'));
    }
  });
}

/** Adds those of what files say, on `AIR_NETWORKS`. */
export function fileCases(open: () => Promise<Station>): void {
  const airCase = (name: string, body: (station: Station) => Promise<void>): void => stationCase(open, name, body);
  airCase('a file names a network: joined without a question, and forgotten with the file', async (station) => {
    await station.disconnect('rig-psk');
    const file = station.cell.device.path('/var/lib/connman/air.config');
    const lines = ['[service_air]', 'Type=wifi', 'Name=rig-file', `Passphrase=${SECRET}`, ''];
    writeFileSync(file, lines.join('\n'));
    await until(() => isUp(station, 'rig-file'));
    assert.is((await station.find('rig-file')).properties.get('Immutable')?.value, true);
    rmSync(file);
    await until(async () => (await station.stateOf('rig-file')) === 'idle');
    assert.is((await station.find('rig-file')).properties.get('Favorite')?.value, false);
    assert.equal(station.agent.asked, []);
  });

  airCase('IgnoreInvalidKey, AutoResetFailureTimeout: a key that is wrong for a while', async (station) => {
    await station.connect('rig-psk');
    await station.accessPoint.stop();
    const [home, ...rest] = AIR_NETWORKS;
    const other = { ssid: home?.ssid ?? '', settings: { ...PROTECTIONS.psk, wpa_passphrase: 'another key' } };
    station.accessPoint = await startAccessPoint(station.cell, [other, ...rest]);
    const mark = station.supplicant.text.length;
    await until(async () => station.supplicant.text.slice(mark).includes('4-Way Handshake failed'));
    await until(async () => (await errorOf(station, 'rig-psk')) === 'connect-failed');
    await station.accessPoint.stop();
    station.accessPoint = await startAccessPoint(station.cell, AIR_NETWORKS);
    await until(() => isUp(station, 'rig-psk'));
    assert.equal([station.agent.asked, station.agent.errors], [[], []]);
  });
}

async function isUp(station: Station, name: string): Promise<boolean> {
  return (await station.stateOf(name)) === 'up';
}

async function errorOf(station: Station, name: string): Promise<unknown> {
  return (await station.services()).get(name)?.properties.get('Error')?.value;
}

async function powered({ technology }: Station): Promise<unknown> {
  return (await technology.GetProperties()).get('Powered')?.value;
}

/** How the console ends for a scan that cannot be, the error, and the word for why. */
async function scanFailure({ cell }: Station): Promise<readonly unknown[]> {
  const { status, stderr } = await cell.device.run([CONNMANCTL, 'scan', 'wifi']);
  return [status, /: (.*)\n/.exec(stderr)?.[1], /\[(.*)\]\n/.exec(stderr)?.[1]];
}
