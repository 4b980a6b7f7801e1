/**
 * A Wi-Fi Direct device to meet in the guest: a wpa_supplicant of Debian's on the third radio, in the cell's
 * server, led by wpa_cli.
 */

import { writeFileSync } from 'node:fs';
import type { Cell } from '../cell.ts';
import type { Child } from '../child.ts';
import { CONNECT_LIMIT_MS, until as untilWithin } from './stations.ts';

/** Its Wi-Fi Display elements. */
export const ITS_DISPLAY = '00000600111c440032';

const RADIO = 'wlan2';

/** The device. */
export class Other {
  readonly #cell: Cell;
  readonly #child: Child;
  readonly #lines: string[] = [];
  #dnsmasq: Child | undefined;
  #monitor: Child | undefined;

  private constructor(cell: Cell, child: Child) {
    this.#cell = cell;
    this.#child = child;
    child.observe((line) => this.#lines.push(line));
  }

  /** Starts it with more lines of configuration; ready on return. */
  static async start(cell: Cell, lines: readonly string[]): Promise<Other> {
    const path = '/run/other.conf';
    const config = [
      'ctrl_interface=/run/other', 'device_name=Other', 'device_type=7-0050F204-1',
      'config_methods=virtual_push_button physical_display keypad', ...lines, '',
    ];
    writeFileSync(cell.server.path(path), config.join('\n'));
    const child = cell.server.spawn(['wpa_supplicant', '-i', RADIO, '-D', 'nl80211', '-c', path]);
    const other = new Other(cell, child);
    await until(async () => (await other.cli('ping')).includes('PONG'));
    await other.cli('set', 'wifi_display', '1');
    await other.cli('wfd_subelem_set', '0', ITS_DISPLAY.slice(2));
    return other;
  }

  /** How much has been said. */
  get mark(): number {
    return this.#lines.length;
  }

  /** What has been said since. */
  since(mark: number): readonly string[] {
    return this.#lines.slice(mark);
  }

  /** What a command of wpa_cli's says. */
  async cli(...words: readonly string[]): Promise<string> {
    const { stdout } = await this.#cell.server.run(['wpa_cli', '-p', '/run/other', '-i', RADIO, ...words]);
    return stdout;
  }

  /** The first line said after `mark`. */
  async wait(what: string | RegExp, mark: number): Promise<string> {
    const find = (): string | undefined =>
      this.since(mark).find((line) => (typeof what === 'string' ? line.includes(what) : what.test(line)));
    await until(async () => find() !== undefined).catch((error: unknown) => {
      throw new Error(`${what} was not said`, { cause: error });
    });
    return find() ?? '';
  }

  /** Says from now on, too, what it tells programs alone. */
  async tellAll(): Promise<void> {
    const words = ['wpa_cli', '-p', '/run/other', '-i', `p2p-dev-${RADIO}`];
    this.#monitor = this.#cell.server.spawn(['stdbuf', '-oL', ...words]);
    this.#monitor.observe((line) => this.#lines.push(line));
    await this.#monitor.waitForLine((line) => line.includes('Interactive mode'), CONNECT_LIMIT_MS);
  }

  /** Our address, once we have asked for a group with this kind of password. */
  async asked(mark: number, passwordId: number): Promise<string> {
    const line = await this.wait(new RegExp(`P2P-GO-NEG-REQUEST .*dev_passwd_id=${passwordId}`), mark);
    return /P2P-GO-NEG-REQUEST (\S+)/.exec(line)?.[1] ?? '';
  }

  /** Our address, once it has found us. */
  async device(mark = 0): Promise<string> {
    const line = await this.wait(/P2P-DEVICE-FOUND.*name='device'/, mark);
    return /P2P-DEVICE-FOUND (\S+)/.exec(line)?.[1] ?? '';
  }

  /** Ends its groups. */
  async leave(): Promise<void> {
    await this.#dnsmasq?.stop();
    this.#dnsmasq = undefined;
    for (const group of await this.#groups()) await this.cli('p2p_group_remove', group);
    await until(async () => (await this.#groups()).length === 0);
  }

  /** Makes a group of its own. */
  async makeGroup(frequencyMhz: number): Promise<void> {
    const mark = this.mark;
    await this.cli('p2p_group_add', `freq=${frequencyMhz}`);
    await this.wait('P2P-GROUP-STARTED', mark);
  }

  /** Asks the device of an address into its group. */
  async invite(device: string): Promise<void> {
    const [group = ''] = await this.#groups();
    await this.cli('p2p_invite', `group=${group}`, `peer=${device}`);
  }

  /** Lets whoever joins its group in. */
  async pushButton(): Promise<void> {
    const [group = ''] = await this.#groups();
    await this.#cell.server.output(['wpa_cli', '-p', '/run/other', '-i', group, 'wps_pbc']);
  }

  /** Gives its end of the group an address. */
  async address(prefix: string): Promise<void> {
    for (const group of await this.#groups()) {
      await this.#cell.server.output(['ip', 'address', 'add', prefix, 'dev', group]);
    }
  }

  /** Serves addresses to its group. */
  async serve(address: string): Promise<void> {
    await this.address(`${address}/24`);
    const [group = ''] = await this.#groups();
    const range = `${address.replace(/\d+$/, '10')},${address.replace(/\d+$/, '19')},1h`;
    this.#dnsmasq = this.#cell.server.spawn([
      'dnsmasq', '--no-daemon', '--port=0', '--bind-interfaces', '--conf-file=/dev/null', '--leasefile-ro',
      `--interface=${group}`, '--except-interface=lo', `--dhcp-range=${range}`, '--no-ping',
    ]);
  }

  /** Gets an address in our group, and uses it. */
  async lease(): Promise<void> {
    const [group = ''] = await this.#groups();
    const script = '#!/bin/sh\n[ "$1" != bound ] || ip address replace "$ip/$mask" dev "$interface"\n';
    writeFileSync(this.#cell.server.path('/run/leased'), script, { mode: 0o755 });
    await this.#cell.server.output(['busybox', 'udhcpc', '-n', '-q', '-t', '10', '-i', group, '-s', '/run/leased']);
  }

  /** Ends it. */
  async stop(): Promise<void> {
    await this.#dnsmasq?.stop();
    await this.#monitor?.stop();
    await this.#child.stop();
  }

  async #groups(): Promise<string[]> {
    const links = await this.#cell.server.output(['ip', '-o', 'link']);
    return [...links.matchAll(/^\d+: (p2p-[^:@]+)/gm)].map(([, name = '']) => name);
  }
}

/** Waits for what does not announce itself, as long as a connection may take. */
export function until(holds: () => Promise<boolean>): Promise<void> {
  return untilWithin(holds, CONNECT_LIMIT_MS);
}
