/**
 * Wi-Fi Direct over wpa_supplicant: our connmand on the second radio with another wpa_supplicant, by
 * wpa_cli, on the third. Both roles, push button and PIN, both sides asking, invitations, beside a
 * station, display elements, and the ends that either makes.
 */

import * as assert from 'uvu/assert';
import { DBusError } from '../../src/dbus/errors.ts';
import { agentInterface } from '../../src/dbus/interfaces/agent.ts';
import { peerInterface } from '../../src/dbus/interfaces/peer.ts';
import { technologyInterface } from '../../src/dbus/interfaces/technology.ts';
import { variant, type Variant } from '../../src/dbus/signature.ts';
import { createScope } from '../../src/shared/scope.ts';
import { SERVER_ADDRESS } from '../helpers/cell.ts';
import { ITS_DISPLAY, Other, until } from '../helpers/guest/direct-device.ts';
import { CONNECT_LIMIT_MS, SECRET, type Station, stationCase } from '../helpers/guest/stations.ts';

const PIN = '12345670';
const OUR_DISPLAY = '00000600101c440032';
/** A Bonjour query and its answer as wpa_supplicant's documentation has them: AFP over TCP. */
const BONJOUR = { query: '0b5f6166706f766572746370c00c000c01', response: '074578616d706c65c027' };
const UPNP = { version: '10', service: 'uuid:6859dede-8574-59ab-9332-123456789012::upnp:rootdevice' };
const ANYBODY = '00:00:00:00:00:00';
/** A query of any protocol (Wi-Fi Direct 1.1, table E.3): length, protocol, transaction. */
const ALL_SERVICES = '02000001';
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
  meetingCases(p2pCase);
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
    await pair.connectByButton(15);
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

  p2pCase('our services are told to whoever asks', async (pair) => {
    const mark = pair.other.mark;
    await pair.other.tellAll();
    await pair.other.cli('p2p_serv_disc_req', ANYBODY, ALL_SERVICES);
    await pair.other.cli('p2p_find', 'type=social');
    const answer = await pair.other.wait('P2P-SERV-DISC-RESP', mark);
    assert.ok(answer.includes(BONJOUR.query + BONJOUR.response), answer);
    assert.ok(answer.includes(Buffer.from(UPNP.service).toString('hex')), answer);
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

/** By other ways to each other. */
function meetingCases(p2pCase: P2pCase): void {
  p2pCase('it asks with a PIN that it shows and a user types', async (pair) => {
    pair.agent.asked.length = 0;
    pair.agent.answer = {};
    const mark = pair.other.mark;
    const shown = await pair.other.cli('p2p_connect', await pair.other.device(), 'pin', 'display', 'go_intent=0');
    assert.match(shown, /^\d{8}$/m);
    pair.agent.answer = { WPS: shown.trim() };
    await pair.other.wait('P2P-GROUP-STARTED', mark);
    await until(async () => (await pair.state()) === 'ready');
    assert.equal(pair.agent.asked, ['WPS']);
    await (await pair.peer()).Disconnect();
    await pair.other.leave();
    await pair.noGroupIsLeft();
  });

  p2pCase('it invites us into the group it has and a user agrees', async (pair) => {
    pair.agent.answer = {};
    const mark = pair.other.mark;
    await pair.other.cli('p2p_find');
    const me = await pair.other.device(mark);
    await pair.other.makeGroup(2437);
    await pair.other.serve('192.168.44.1');
    await beInvited(pair, me);
    assert.equal(pair.agent.asked, [''], 'nothing to type');
    const { remote } = await pair.addresses();
    assert.is(remote, '192.168.44.1');
    await pair.ping(remote);
    await (await pair.peer()).Disconnect();
    await pair.other.leave();
  });

  p2pCase('beside a station, which stays connected', async (pair) => {
    const { station } = pair;
    await station.connect('rig-psk');
    await pair.find();
    await pair.connectByButton(0);
    assert.is(await station.stateOf('rig-psk'), 'up');
    await pair.other.lease();
    await until(async () => (await pair.addresses()).remote !== '');
    await pair.ping((await pair.addresses()).remote);
    await pair.ping(SERVER_ADDRESS);
    await (await pair.peer()).Disconnect();
    assert.is(await station.stateOf('rig-psk'), 'up');
    await station.remove('rig-psk');
    await pair.other.leave();
  });
}

// Where a busy machine's radios have missed too many frames of the exchange, it invites again, as a user would.
async function beInvited(pair: Pair, me: string, left = 2): Promise<void> {
  pair.agent.asked.length = 0;
  await pair.other.invite(me);
  await until(async () => pair.agent.asked.length > 0);
  await pair.other.pushButton();
  const isIn = async (...states: string[]): Promise<boolean> => states.includes((await pair.state()) ?? '');
  await until(() => isIn('association', 'configuration', 'ready'));
  await until(() => isIn('ready', 'failure', 'idle'));
  if (await isIn('ready')) return;
  assert.ok(left > 0, 'joined after so many invitations');
  return beInvited(pair, me, left - 1);
}

function failureCases(p2pCase: P2pCase): void {
  p2pCase('that both want to be the owner is reported, and what a user refuses is not done', async (pair) => {
    await pair.find();
    pair.agent.errors.length = 0;
    pair.agent.answer = { WPS: PIN };
    const { outcome, device } = await pair.connectHeard(5);
    await pair.other.cli('p2p_connect', device, PIN, 'keypad', 'go_intent=15');
    assert.is(await outcome, 'net.connman.Error.NotConnected');
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
  new Map([
    ['UpnpService', variant('s', UPNP.service)], ['UpnpVersion', variant('i', Number.parseInt(UPNP.version, 16))],
  ]),
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
        RequestInput: () => new Map([['Passphrase', variant('s', SECRET)]]),
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

  /** As `connect`, and once more if the other was not listening; where it goes, and whom the other saw ask. */
  async connectHeard(passwordId: number, mayFail = true): Promise<{ outcome: Promise<string>; device: string }> {
    const mark = this.other.mark;
    const outcome = this.connect().then(() => 'success', nameOf);
    const device = await this.other.asked(mark, passwordId).catch((error: unknown) => {
      if (!mayFail) throw error;
    });
    if (device !== undefined) return { outcome, device };
    await (await this.peer()).Disconnect().catch(() => undefined);
    await outcome;
    await this.find();
    return this.connectHeard(passwordId, false);
  }

  /** By push button, to which it agrees: its group with 15, ours with 0. */
  async connectByButton(ownerIntent: 0 | 15): Promise<void> {
    this.agent.answer = { WPS: '' };
    const { outcome, device } = await this.connectHeard(4);
    await this.other.cli('p2p_connect', device, 'pbc', `go_intent=${ownerIntent}`);
    assert.is(await outcome, 'success');
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

function bytes(hex: string): Variant {
  return variant('ay', Buffer.from(hex, 'hex'));
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : String(error);
}
