/**
 * The air of the Wi-Fi script (wifi-script.ts), in the guest: one access point with a network of every
 * kind, and a device whose daemon is the one under test, with nothing stored. Its agent is the player's
 * own connection, so that what is asked of it stands in the transcript between the signals.
 */

import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { busVariant } from '../helpers/bus-daemon.ts';
import { Cell } from '../helpers/cell.ts';
import type { Child } from '../helpers/child.ts';
import type { Daemon } from '../helpers/daemons.ts';
import { type AirNetwork, makeAir, PROTECTIONS, startAccessPoint, startSupplicant } from '../helpers/guest/air.ts';
import { Player } from './recorder.ts';

/** The networks by the names that transcripts give them. */
export const WIFI_NETWORKS = {
  psk: { ssid: 'rig-psk', settings: PROTECTIONS.psk },
  open: { ssid: 'rig-open', settings: PROTECTIONS.open },
  hidden: { ssid: 'rig-hidden', settings: PROTECTIONS.hidden },
  wps: { ssid: 'rig-wps', settings: PROTECTIONS.wps },
  sae: { ssid: 'rig-sae', settings: PROTECTIONS.sae },
  both: { ssid: 'rig-both', settings: PROTECTIONS.transition },
  owe: { ssid: 'rig-owe', settings: PROTECTIONS.owe },
  // Never joined: no certificate is needed.
  eap: {
    ssid: 'rig-eap',
    settings: { wpa: 2, wpa_key_mgmt: 'WPA-EAP', rsn_pairwise: 'CCMP', ieee8021x: 1, eap_server: 1 },
  },
} as const satisfies Record<string, AirNetwork>;

/** One of them. */
export type WifiName = keyof typeof WIFI_NETWORKS;

/** What the agent answers to RequestInput: entries of the dictionary, or the name of an error. */
export type AgentAnswer = Readonly<Record<string, string>> | string;

/** In emulation a second may lie between two signals that belong together. */
const QUIET_MS = 1500;

const STORAGE = '/var/lib/connman';
const FILES = {
  '/etc/connman/main.conf': '[General]\nBackgroundScanning=false\n',
  [`${STORAGE}/settings`]: '[global]\nOfflineMode=false\n\n[WiFi]\nEnable=true\nTethering=false\n',
};

/** The access point, the device, and who plays. */
export class WifiAir {
  readonly player: Player;
  answer: AgentAnswer = 'net.connman.Agent.Error.Canceled';
  readonly supplicant: Child;
  #accessPoint: Child;

  private constructor(player: Player, supplicant: Child, accessPoint: Child) {
    this.player = player;
    this.supplicant = supplicant;
    this.#accessPoint = accessPoint;
    player.cell.bus.answer(player.cell.log, 'RequestInput', () => this.#answered());
  }

  /** Brings it up; no daemon runs. */
  static async open(daemon: Daemon, radios?: Parameters<typeof makeAir>[1]): Promise<WifiAir> {
    const cell = await Cell.open({ cables: 0, files: FILES });
    await makeAir(cell, radios);
    // ConnMan writes there how its bridge is to be, or gives it up.
    await cell.device.output(['mount', '-o', 'remount,rw', '/sys']);
    const networks = Object.values(WIFI_NETWORKS);
    const [accessPoint, supplicant] = await Promise.all([startAccessPoint(cell, networks), startSupplicant(cell)]);
    return new WifiAir(new Player(cell, daemon, QUIET_MS), supplicant, accessPoint);
  }

  /** What hostapd_cli says on one of the networks. */
  hostapd(name: WifiName, ...words: readonly string[]): Promise<string> {
    const index = Object.keys(WIFI_NETWORKS).indexOf(name);
    const radio = index === 0 ? 'wlan0' : `wlan0_${index}`;
    return this.player.cell.server.output(['hostapd_cli', '-p', '/run/hostapd', '-i', radio, ...words]);
  }

  /** Falls silent without a word. */
  async vanish(): Promise<void> {
    this.#accessPoint.kill('SIGKILL');
    await this.#accessPoint.exited;
    const { server } = this.player.cell;
    const links = await server.output(['ip', '-o', 'link']);
    for (const [, link = ''] of links.matchAll(/^\d+: (wlan0\w*):/gm)) {
      await server.output(['ip', 'link', 'set', link, 'down']);
    }
  }

  /** Is there again, wherever it was. */
  async comeBack(): Promise<void> {
    await this.#accessPoint.stop();
    this.#accessPoint = await startAccessPoint(this.player.cell, Object.values(WIFI_NETWORKS));
  }

  /** As on the first day; no daemon runs. */
  forget(): void {
    const { device } = this.player.cell;
    const folder = device.path(STORAGE);
    for (const name of readdirSync(folder)) rmSync(`${folder}/${name}`, { recursive: true });
    for (const [path, text] of Object.entries(FILES)) writeFileSync(device.path(path), text, { mode: 0o600 });
  }

  /** What the daemon has written of a service, sorted by key. */
  stored(service: string): readonly string[] {
    const text = this.player.cell.device.read(`${STORAGE}/${service.split('/').at(-1)}/settings`);
    return text.split('\n').filter((line) => line.includes('=')).toSorted();
  }

  #answered() {
    if (typeof this.answer === 'string') return this.answer;
    const entries = Object.entries(this.answer).map(([key, value]) => [key, busVariant('s', value)]);
    return { signature: 'a{sv}', body: [Object.fromEntries(entries)] };
  }
}
