/**
 * An access point that lasts: it follows the station's channel on its one radio, and a daemon that was
 * killed leaves it to the next (PersistentTetheringMode). The client is on the third radio.
 */

import { resolve } from 'node:path';
import * as assert from 'uvu/assert';
import { type Station, until } from '../helpers/guest/stations.ts';
import { addressOf, caseIn, clientsOf, isIn, tether, tetheringOf } from './access-point-cases.ts';

const CONNMANCTL = resolve('build/bin/connmanctl');

/** Adds the cases; the last one starts a daemon of its own. */
export function lastingCases(open: () => Promise<Station>): void {
  const airCase = caseIn(open);
  airCase('its station is led to another channel: it goes there, and its client comes', async (station, run) => {
    await station.connect('rig-psk');
    await tether(station, true);
    await isIn(run('PSK'));
    assert.is(await channelOf(station), 2412);
    await station.hostapd(0, 'chan_switch', '3', '2437');
    await until(async () => (await channelOf(station)) === 2437);
    await until(async () => (await station.stateOf('rig-psk')) === 'up');
    await until(async () => (await clientsOf(station)).length === 1);
    assert.is(await tetheringOf(station), true);
  });

  airCase('the daemon is killed: the next one puts the access point up again', async (station, run) => {
    const { cell, daemon } = station;
    await tether(station, true);
    daemon.kill('SIGKILL');
    await daemon.exited;
    await station.startDaemon();
    await until(async () => (await tetheringOf(station).catch(() => false)) === true);
    await isIn(run('PSK'));
    await until(async () => (await clientsOf(station)).length === 1);
    assert.is(await cell.device.output([CONNMANCTL, 'tethering_clients']), `${await addressOf(station)}\n`);
  });
}

/** Where our access point is, in MHz. */
async function channelOf({ cell }: Station): Promise<number> {
  const found = /Interface tether\d[^]*?channel \d+ \((\d+) MHz\)/.exec(await cell.device.output(['iw', 'dev']));
  return Number(found?.[1]);
}
