/**
 * What users choose of Wi-Fi and how they say it: addresses, the console without questions, and a daemon
 * that comes back.
 */

import { resolve } from 'node:path';
import * as assert from 'uvu/assert';
import { DAEMONS } from '../helpers/daemons.ts';
import type { AirNetwork } from '../helpers/guest/air.ts';
import { SECRET, type Station, stationCase, until } from '../helpers/guest/stations.ts';

const CONNMANCTL = resolve('build/bin/connmanctl');
const PERMANENT = '02:00:00:00:01:00';

/** Adds the cases. */
export function choiceCases(open: () => Promise<Station>, networks: readonly AirNetwork[]): void {
  const airCase = (name: string, body: (station: Station) => Promise<void>): void => stationCase(open, name, body);
  const indexOf = (name: string): number => networks.findIndex(({ ssid }) => ssid === name);

  airCase('the console connects without a question, hidden or not, and keeps secrets to itself', async (station) => {
    const { device } = station.cell;
    const connmanctl = (words: readonly string[], input = ''): Promise<string> =>
      device.output([CONNMANCTL, ...words], { input, timeoutMs: 60_000 });
    const join = ['--wait=online', '--passphrase-stdin'];
    assert.is(await connmanctl(['connect', ...join, 'rig-sae'], `${SECRET}\n`), 'Connected rig-sae\n');
    await connmanctl(['disconnect', 'rig-sae']);
    const hidden = await connmanctl(['connect', ...join, '--hidden', 'rig-hidden'], `${SECRET}\n`);
    assert.is(hidden, 'Connected rig-hidden\n');
    assert.not.match(station.daemon.text, SECRET);
    for (const name of ['rig-sae', 'rig-hidden']) await station.remove(name);
  });

  airCase('a network knows us by an address of its own, also after a restart', async (station) => {
    const { device } = station.cell;
    const known = async (): Promise<string | undefined> =>
      /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/m.exec(await station.hostapd(indexOf('rig-both'), 'all_sta'))?.[0];
    const connmanctl = (...words: readonly string[]): Promise<string> => device.output([CONNMANCTL, ...words]);
    await station.connect('rig-both');
    assert.is(await known(), PERMANENT);
    await station.disconnect('rig-both');
    await connmanctl('config', 'rig-both', '--mac-address=random');
    await station.connect('rig-both');
    const own = await known();
    assert.ok(own !== undefined && own !== PERMANENT && /^.[26ae]/.test(own), String(own));
    await station.daemon.stop();
    const { argv, busName } = DAEMONS.causeway;
    const since = performance.now();
    station.daemon = await station.cell.startDaemon([...argv, '-d', 'plugins/wifi/*'], busName);
    await until(async () => (await station.stateOf('rig-both')) === 'up');
    console.log(`known network after a restart: ${Math.round(performance.now() - since)} ms`);
    assert.is(await known(), own);
    assert.match([...(await station.services()).values()].map(({ path }) => path).join(), 'wifi_020000000100_');
    await connmanctl('config', 'rig-both', '--mac-address=permanent');
    // Another favorite may be joined meanwhile, of itself and under our own address.
    await station.disconnect('rig-both');
    await station.connect('rig-both');
    assert.is(await known(), PERMANENT);
    await station.manager.RegisterAgent({ path: '/agent' });
    await station.remove('rig-both');
  });
}

