/**
 * What is done to a connection manager on one Wi-Fi network to learn how it behaves, in the guest: for
 * the recorder, played with Debian's connmand once and with ours in every run. The air has `rig-psk`
 * alone, and the agent is another client's, so that what is asked of it is not in the transcript.
 */

import type { CellEvent } from '../helpers/event-log.ts';
import type { Player } from './recorder.ts';

const TECHNOLOGY = '/net/connman/technology/wifi';
/** The service of the network, on the first radio of a cell's device. */
export const WIFI_SERVICE =
  `/net/connman/service/wifi_020000000100_${Buffer.from('rig-psk').toString('hex')}_managed_psk`;

/** What the script needs beside the player. */
export interface WifiStage {
  /** Makes the agent known to the daemon. */
  register(): Promise<unknown>;
  /** What the agent answers from now on. */
  answer(passphrase: string): void;
}

/** Plays it from the start of the daemon to its end. */
export async function playWifi(player: Player, stage: WifiStage): Promise<void> {
  const connect = (): Promise<void> => player.call(WIFI_SERVICE, 'Connect');
  await player.step('start', () => player.start(), isTechnology('Powered', true));
  await player.step('found', () => findNetwork(player));
  await player.step('asked', () => dump(player));
  await player.step('Connect without an agent', connect);
  await stage.register();
  stage.answer('not the one');
  await player.step('Connect with a wrong key', connect);
  await player.step('asked after a wrong key', () => dump(player));
  stage.answer('rigsecret');
  await player.step('Connect', connect, isManager('State', 'online'));
  await player.step('asked while online', () => dump(player));
  await player.step('Connect again', connect);
  await player.step('Disconnect', () => player.call(WIFI_SERVICE, 'Disconnect'));
  await player.step('Disconnect again', () => player.call(WIFI_SERVICE, 'Disconnect'));
  await player.step('Connect as known', connect, isManager('State', 'online'));
  await player.step('Remove while online', () => player.call(WIFI_SERVICE, 'Remove'));
  await player.step('asked after Remove', () => dump(player));
  await player.step('power off', () => player.set(TECHNOLOGY, 'Powered', 'b', false));
  await player.step('scan without power', () => player.call(TECHNOLOGY, 'Scan'));
  await player.step('SIGTERM', () => player.stop());
}

// What an emulated radio hears takes it a scan or two.
async function findNetwork(player: Player): Promise<void> {
  for (let scans = 0; scans < 10; scans++) {
    const [list] = await player.cell.bus.call({
      destination: 'net.connman', path: '/', interface: 'net.connman.Manager', member: 'GetServices',
    });
    if (JSON.stringify(list ?? []).includes(WIFI_SERVICE)) return;
    await player.cell.bus.call({
      destination: 'net.connman', path: TECHNOLOGY, interface: 'net.connman.Technology', member: 'Scan',
    }).catch(() => undefined);
  }
}

async function dump(player: Player): Promise<void> {
  await player.call(TECHNOLOGY, 'GetProperties');
  await player.call(WIFI_SERVICE, 'GetProperties');
}

function isTechnology(name: string, value: unknown) {
  return (event: CellEvent): boolean =>
    event.kind === 'signal' && event.name === 'net.connman.Technology.PropertyChanged' &&
    event.path === TECHNOLOGY && event.body[0] === name && event.body[1] === value;
}

function isManager(name: string, value: unknown) {
  return (event: CellEvent): boolean =>
    event.kind === 'signal' && event.name === 'net.connman.Manager.PropertyChanged' &&
    event.body[0] === name && event.body[1] === value;
}
