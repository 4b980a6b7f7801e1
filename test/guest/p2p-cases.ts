/**
 * Wi-Fi Direct over wpa_supplicant: our connmand on the second radio with another wpa_supplicant, by
 * wpa_cli, on the third. Both roles, push button and PIN, both sides asking, display elements, and
 * the ends that either makes.
 */

import { writeFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { DBusError } from '../../src/dbus/errors.ts';
import { agentInterface } from '../../src/dbus/interfaces/agent.ts';
import { peerInterface } from '../../src/dbus/interfaces/peer.ts';
import { technologyInterface } from '../../src/dbus/interfaces/technology.ts';
import { variant, type Variant } from '../../src/dbus/signature.ts';
import { createScope } from '../../src/shared/scope.ts';
import type { Cell } from '../helpers/cell.ts';
import type { Child } from '../helpers/child.ts';
import { CONNECT_LIMIT_MS, type Station, stationCase } from '../helpers/guest/stations.ts';

const RADIO = 'wlan2';
const PIN = '12345670';
const OUR_DISPLAY = '00000600101c440032';
const ITS_DISPLAY = '00000600111c440032';
/** A Bonjour query and its answer as wpa_supplicant's documentation has them: AFP over TCP. */
const BONJOUR = { query: '0b5f6166706f766572746370c00c000c01', response: '074578616d706c65c027' };
/** What its clients are given with the key. */
const GIVEN = [
  'ip_addr_go=192.168.42.1', 'ip_addr_mask=255.255.255.0', 'ip_addr_start=192.168.42.10', 'ip_addr_end=192.168.42.20',
];

/** Adds the cases, in the air that `open` opens: hostapd's radio, ours, and one more of the server's. */
export function p2pCases(open: () => Promise<Station>): void {
  let opened: Promise<Pair> | undefined;
  const p2pCase = (name: string, body: (pair: Pair) => Promise<void>): void => {
    stationCase(open, `Wi-Fi Direct: ${name}`, async (station) => {
      const pair = await (opened ??= Pair.open(station));
      const before = pair.other.mark;
      await body(pair).catch(async (error: unknown) => {
        console.log(pair.other.since(before).join('\n'));
        await pair.reset();
        throw error;
      });
    });
  };
  outgoingCases(p2pCase);
  incomingCases(p2pCase);
  failureCases(p2pCase);
}

type P2pCase = (name: string, body: (pair: Pair) => Promise<void>) => void;

function outgoingCases(p2pCase: P2pCase): void {
  p2pCase('turned on, peers are found, with what they display', async (pair) => {
    const isThere = async (): Promise<boolean> =>
      (await pair.station.manager.GetTechnologies()).some(([path]) => path.endsWith('/p2p'));
    await until(isThere);
    await pair.technology.SetProperty({ name: 'Powered', value: variant('b', true) }, LIMIT);
    await pair.find();
    await until(async () => (await pair.display()) === ITS_DISPLAY);
  });

  p2pCase('by push button into its group, the address with the key, left by us', async (pair) => {
    pair.agent.answer = { WPS: '' };
    const mark = pair.other.mark;
    const connecting = pair.connect();
    const me = await pair.other.asked(mark, 4);
    await pair.other.cli('p2p_connect', me, 'pbc', 'go_intent=15');
    await connecting;
    assert.equal(pair.agent.asked, ['WPS']);
    const { local, remote } = await pair.addresses();
    assert.match(local, /^192\.168\.42\.1\d$/);
    assert.is(remote, '192.168.42.1');
    await pair.other.address('192.168.42.1/24');
    await pair.ping(remote);
    assert.is((await pair.technology.GetProperties()).get('Connected')?.value, true);
    const left = pair.other.mark;
    await (await pair.peer()).Disconnect();
    await pair.other.wait('AP-STA-DISCONNECTED', left);
    assert.is(await pair.state(), 'idle');
    await pair.other.leave();
  });

  p2pCase('by PIN into its group, with DHCP, ended by it', async (pair) => {
    await pair.restartOther([]);
    await pair.find();
    pair.agent.answer = { WPS: PIN };
    const mark = pair.other.mark;
    const connecting = pair.connect();
    const me = await pair.other.asked(mark, 5);
    await pair.other.cli('p2p_connect', me, PIN, 'keypad', 'go_intent=15');
    await pair.other.wait('P2P-GROUP-STARTED', mark);
    await pair.other.serve('192.168.43.1');
    await connecting;
    const { local, remote } = await pair.addresses();
    assert.match(local, /^192\.168\.43\.1\d$/);
    assert.is(remote, '192.168.43.1');
    await pair.ping(remote);
    await pair.other.leave();
    await until(async () => (await pair.state()) === 'idle');
  });
}

function incomingCases(p2pCase: P2pCase): void {
  p2pCase('our services are taken, our display elements found by others', async (pair) => {
    for (const specification of SERVICES) {
      await pair.station.manager.RegisterPeerService({ specification, master: true });
    }
    const mark = pair.other.mark;
    await pair.other.cli('p2p_find');
    await pair.other.wait(/P2P-DEVICE-FOUND.*name='device'.*wfd_dev_info=0x00101c440032/, mark);
  });

  p2pCase('it asks by push button and a user agrees: our group, our addresses, left by it', async (pair) => {
    pair.agent.asked.length = 0;
    const mark = pair.other.mark;
    await pair.other.cli('p2p_connect', await pair.other.device(), 'pbc', 'go_intent=0');
    await until(async () => (await pair.state()) === 'ready');
    assert.equal(pair.agent.asked, [''], 'nothing to type');
    await pair.other.wait('P2P-GROUP-STARTED', mark);
    const { local } = await pair.addresses();
    await pair.other.lease();
    await until(async () => (await pair.addresses()).remote !== '');
    const { remote } = await pair.addresses();
    assert.is(remote.replace(/\d+$/, '1'), local);
    await pair.ping(remote);
    await pair.other.leave();
    await until(async () => (await pair.state()) === 'idle');
    await pair.noGroupIsLeft();
  });
}

function failureCases(p2pCase: P2pCase): void {
  p2pCase('that both want to be the owner is reported, and what a user refuses is not done', async (pair) => {
    await pair.find();
    pair.agent.errors.length = 0;
    pair.agent.answer = { WPS: PIN };
    const mark = pair.other.mark;
    const connecting = pair.connect().then(() => 'success', nameOf);
    const me = await pair.other.asked(mark, 5);
    await pair.other.cli('p2p_connect', me, PIN, 'keypad', 'go_intent=15');
    assert.is(await connecting, 'net.connman.Error.NotConnected');
    assert.equal(pair.agent.errors, ['connect-failed']);
    pair.agent.answer = new DBusError('net.connman.Agent.Error.Rejected', 'no');
    assert.is(await pair.connect().then(() => 'success', nameOf), 'net.connman.Error.Failed');
    assert.is(await pair.state(), 'idle');
  });

  p2pCase('turned off while connected: the group is left', async (pair) => {
    pair.agent.answer = {};
    await pair.other.cli('p2p_connect', await pair.other.device(), 'pbc', 'go_intent=0');
    await until(async () => (await pair.state()) === 'ready');
    const off = pair.other.mark;
    await pair.technology.SetProperty({ name: 'Powered', value: variant('b', false) }, LIMIT);
    await pair.other.wait('P2P-GROUP-REMOVED', off);
    assert.equal(await pair.station.manager.GetPeers(), []);
    await pair.noGroupIsLeft();
    for (const specification of SERVICES) await pair.station.manager.UnregisterPeerService({ specification });
    await pair.close();
  });
}

const SERVICES: readonly ReadonlyMap<string, Variant>[] = [
  new Map([['BonjourQuery', bytes(BONJOUR.query)], ['BonjourResponse', bytes(BONJOUR.response)]]),
  new Map([['WiFiDisplayIEs', bytes(OUR_DISPLAY)]]),
];

const LIMIT = { timeoutMs: CONNECT_LIMIT_MS } as const;

interface PeerAgentOfCases {
  answer: Record<string, string> | Error;
  readonly asked: string[];
  readonly errors: string[];
}

/** Our device and the other one. */
class Pair {
  readonly station: Station;
  readonly agent: PeerAgentOfCases;
  other: Other;
  readonly #close: () => Promise<void>;

  private constructor(station: Station, agent: PeerAgentOfCases, other: Other, close: () => Promise<void>) {
    this.station = station;
    this.agent = agent;
    this.other = other;
    this.#close = close;
  }

  static async open(station: Station): Promise<Pair> {
    const { bus, manager } = station;
    const scope = createScope();
    const agent: PeerAgentOfCases = { answer: {}, asked: [], errors: [] };
    bus.export('/peers', agentInterface, {
      methods: {
        Release: () => undefined,
        Cancel: () => undefined,
        RequestBrowser: () => undefined,
        ReportError: () => undefined,
        RequestInput: () => new Map(),
        ReportPeerError: ({ error }) => void agent.errors.push(error),
        RequestPeerAuthorization: async ({ fields }) => {
          agent.asked.push([...fields.keys()].join());
          // The user needs a moment to see the PIN.
          await until(async () => !fields.has('WPS') || agent.answer instanceof Error || 'WPS' in agent.answer);
          const { answer } = agent;
          if (answer instanceof Error) throw answer;
          return new Map(Object.entries(answer).map(([key, value]): [string, Variant] => [key, variant('s', value)]));
        },
      },
    }, scope);
    await manager.UnregisterAgent({ path: '/agent' });
    await manager.RegisterAgent({ path: '/peers' });
    const other = await Other.start(station.cell, GIVEN);
    return new Pair(station, agent, other, async () => {
      await manager.UnregisterAgent({ path: '/peers' });
      await manager.RegisterAgent({ path: '/agent' });
      await scope.close();
    });
  }

  get technology() {
    return this.station.bus.proxy(technologyInterface, 'net.connman', '/net/connman/technology/p2p');
  }

  async restartOther(lines: readonly string[]): Promise<void> {
    await this.other.stop();
    this.other = await Other.start(this.station.cell, lines);
  }

  /** After a case that went wrong, so that the next can begin. */
  async reset(): Promise<void> {
    const ignore = (error: unknown): void => console.log(String(error));
    await (await this.peer()).Disconnect().catch(ignore);
    await this.other.cli('p2p_cancel');
    await this.other.leave().catch(ignore);
  }

  /** Gives the station back its agent. */
  async close(): Promise<void> {
    await this.other.stop();
    await this.#close();
  }

  /** Has the other look, and looks until it is found. */
  async find(): Promise<void> {
    const mark = this.other.mark;
    await this.other.cli('p2p_find');
    // It goes on for half a minute; connecting ends it.
    this.technology.Scan({}, LIMIT).catch((error: unknown) => console.log(String(error)));
    await until(async () => (await this.#path()) !== undefined);
    await this.other.device(mark);
  }

  async peer() {
    return this.station.bus.proxy(peerInterface, 'net.connman', (await this.#path()) ?? '/');
  }

  /** What it comes to may be asked later. */
  connect(): Promise<void> {
    const connecting = this.peer().then((peer) => peer.Connect({}, LIMIT));
    connecting.catch(() => undefined);
    return connecting;
  }

  async properties(): Promise<ReadonlyMap<string, Variant>> {
    return (await this.peer()).GetProperties();
  }

  /** Its Wi-Fi Display elements in hex digits. */
  async display(): Promise<string> {
    const [[service] = []] = (await this.properties()).get('Services')?.as('a(a{sv})') ?? [];
    return Buffer.from(service?.get('WiFiDisplayIEs')?.as('ay') ?? []).toString('hex');
  }

  async state(): Promise<string | undefined> {
    const path = await this.#path();
    return path === undefined ? 'idle' : (await this.properties()).get('State')?.as('s');
  }

  async addresses(): Promise<{ readonly local: string; readonly remote: string }> {
    const dictionary = (await this.properties()).get('IPv4')?.as('a{sv}');
    return { local: dictionary?.get('Local')?.as('s') ?? '', remote: dictionary?.get('Remote')?.as('s') ?? '' };
  }

  async ping(address: string): Promise<void> {
    await this.station.cell.device.output(['busybox', 'ping', '-c', '1', '-W', '10', address]);
  }

  async noGroupIsLeft(): Promise<void> {
    await until(async () => !(await this.station.cell.device.output(['ip', '-o', 'link'])).includes('p2p-'));
  }

  async #path(): Promise<string | undefined> {
    const peers = await this.station.manager.GetPeers();
    return peers.find(([, properties]) => properties.get('Name')?.value === 'Other')?.[0];
  }
}

/** The other wpa_supplicant. */
class Other {
  readonly #cell: Cell;
  readonly #child: Child;
  readonly #lines: string[] = [];
  #dnsmasq: Child | undefined;

  private constructor(cell: Cell, child: Child) {
    this.#cell = cell;
    this.#child = child;
    child.observe((line) => this.#lines.push(line));
  }

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

  since(mark: number): readonly string[] {
    return this.#lines.slice(mark);
  }

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

  async stop(): Promise<void> {
    await this.#dnsmasq?.stop();
    await this.#child.stop();
  }

  async #groups(): Promise<string[]> {
    const links = await this.#cell.server.output(['ip', '-o', 'link']);
    return [...links.matchAll(/^\d+: (p2p-[^:@]+)/gm)].map(([, name = '']) => name);
  }
}

/** Waits for what does not announce itself, as long as a connection may take. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  const limit = performance.now() + CONNECT_LIMIT_MS;
  while (!(await holds())) {
    if (performance.now() > limit) throw new Error(`in vain: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

function bytes(hex: string): Variant {
  return variant('ay', Buffer.from(hex, 'hex'));
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : String(error);
}
