/**
 * What is played to a console, and how what it did is written down: for every command line what it
 * wrote to standard output, byte for byte, and what it asked the daemon to do.
 */

import type { Cell } from '../helpers/cell.ts';
import type { FakeConnman } from '../helpers/fake-connman.ts';
import type { Child } from '../helpers/child.ts';
import { HIDDEN, ODD_VALUES, SERVICES, WIFI } from '../helpers/fake-connman-objects.ts';

/** Where Debian's and our console are in a cell. */
export const DEBIAN = '/usr/bin/connmanctl';

/** Command lines, by words. */
export const COMMANDS: readonly string[] = [
  'help', '--help', '-h', 'help nonsense', 'nonsense', '--foo',
  'state', 'state x', 'technologies', 'clock', 'tethering_clients', 'tethering_clients x',
  'services', 'services a b', 'services bad-name', 'services nosuch', 'services --foo', 'services --properties',
  `services ${WIFI}`, `services ${HIDDEN}`, `services --properties ${WIFI}`,
  'peers', 'peers peer_0200000000aa_01', 'peers nosuch', 'peers bad-name',
  'vpnconnections', 'vpnconnections example_2', 'vpnconnections nosuch', 'vpnconnections bad-name',
  'enable', 'enable wifi', 'enable bad-name', 'enable a b', 'enable nosuch', 'enable offline',
  'disable wifi', 'disable offline', 'scan', 'scan wifi', 'scan nosuch', 'scan bad-name',
  'connect', `connect ${WIFI}`, 'connect nosuch', 'connect bad-name', 'connect a b', 'connect peer_0200000000aa_01',
  'disconnect', `disconnect ${WIFI}`, 'disconnect nosuch', 'disconnect peer_0200000000aa_01', 'disconnect peer_none',
  `move-before ${WIFI} ${HIDDEN}`, `move-after ${WIFI} ${HIDDEN}`, `move-before ${WIFI}`, 'move-after a b c',
  'tether', 'tether wifi', 'tether wifi on', 'tether wifi OFF', 'tether wifi maybe', 'tether p2p on',
  'tether p2p on x y',
  'tether wifi name password', 'tether wifi on name password', 'tether wifi off name password',
  'tether wifi on name password 2412', 'tether wifi name password 2412', 'tether wifi on name password 2412 x',
  'tether wifi on name', 'tether nosuch on',
  'config', `config ${WIFI}`, 'config bad-name --autoconnect on', 'config nosuch --autoconnect on',
  `config ${WIFI} autoconnect YES`, `config ${WIFI} --autoconnect off --mdns t`, `config ${WIFI} --autoconnect`,
  `config ${WIFI} --mdns maybe`, `config ${WIFI} --foo`, `config ${WIFI} foo`,
  `config ${WIFI} --ipv4 off`, `config ${WIFI} --ipv4 dhcp`,
  `config ${WIFI} --ipv4 manual 192.0.2.8 255.255.255.0 192.0.2.1`,
  `config ${WIFI} --ipv4 manual 192.0.2.8`, `config ${WIFI} --ipv4`,
  `config ${WIFI} --ipv4 manual 192.0.2.8 255.0.0.0 192.0.2.1 --autoconnect on --nameservers 192.0.2.1 192.0.2.2`,
  `config ${WIFI} --ipv6 off`, `config ${WIFI} --ipv6 auto`, `config ${WIFI} --ipv6 auto enable`,
  `config ${WIFI} --ipv6 auto preferred`, `config ${WIFI} --ipv6 auto prefered`, `config ${WIFI} --ipv6 auto no`,
  `config ${WIFI} --ipv6 manual fd00::1 64 fd00::2 --autoconnect on`, `config ${WIFI} --ipv6 manual fd00::1`,
  `config ${WIFI} --nameservers`, `config ${WIFI} nameservers a b`, `config ${WIFI} --timeservers x`,
  `config ${WIFI} --domains a.example b.example`,
  `config ${WIFI} --proxy direct`, `config ${WIFI} --proxy auto`,
  `config ${WIFI} --proxy auto http://p --autoconnect on`,
  `config ${WIFI} --proxy manual http://p http://q --excludes a b`, `config ${WIFI} --proxy manual http://p`,
  `config ${WIFI} --remove`, `config ${WIFI} --mdns yes --remove`,
  'peer_service', 'peer_service register', 'peer_service bogus upnp_service x upnp_version 1',
  'peer_service register upnp_service x upnp_version 1', 'peer_service register upnp_service x upnp_version 1 y',
  'peer_service register upnp_service x upnp_version z', 'peer_service register bjr_query aabb bjr_response CC yes',
  'peer_service register wfd_ies aaBB', 'peer_service register wfd_ies aab', 'peer_service unregister wfd_ies aaBB',
  'session', 'session off', 'session disconnect', 'session config', 'session bogus',
  'agent on', 'vpnagent on', 'monitor bogus', 'monitor services off x', 'monitor services off',
  'exit', 'quit', 'exit x',
];

/** Commands that stay until they are ended. */
export const STAYING: readonly string[] = [
  'monitor', 'monitor services', 'monitor tech', 'monitor --manager', 'monitor vpnmanager', 'monitor vpnconnection',
  'session on', 'session connect', 'session on --bearers wifi ethernet', 'session on --type internet --ifname eth0',
  'session on --ifname', 'session on --srciprule yes',
];

/** Listing commands with nothing to list. */
export const EMPTY: readonly string[] = ['services', 'technologies', 'peers', 'vpnconnections', 'tethering_clients'];

/** Plays everything to `program` and returns the transcript. */
export async function playConsole(cell: Cell, fake: FakeConnman, program: string): Promise<string[]> {
  const steps: string[] = [];
  for (const line of COMMANDS) steps.push(await playCommand(cell, fake, program, line));
  fake.isFurnished = false;
  for (const line of EMPTY) steps.push(`nothing there: ${await playCommand(cell, fake, program, line)}`);
  fake.isFurnished = true;
  for (const line of STAYING) steps.push(await playStaying(cell, fake, program, line));
  return steps;
}

/** One command that ends by itself. */
async function playCommand(cell: Cell, fake: FakeConnman, program: string, line: string): Promise<string> {
  fake.calls.length = 0;
  const { stdout } = await cell.device.run(['timeout', '10', program, ...line.split(' ')]);
  return formatStep(line, stdout, fake.calls);
}

async function playStaying(cell: Cell, fake: FakeConnman, program: string, line: string): Promise<string> {
  fake.calls.length = 0;
  const child = cell.device.spawn(['stdbuf', '-oL', program, ...line.split(' ')]);
  if (line.startsWith('monitor')) {
    const kinds = line === 'monitor' ? ALL_KINDS : [KINDS_BY_WORD.get(line.replace(/^monitor (--)?/, '')) ?? ''];
    await mark(child, fake, 'begin', kinds);
    emitSignals(fake);
    await mark(child, fake, 'end', kinds);
  } else {
    await child.waitForLine((written) => /^Session \S+ disconnected$/.test(written));
    while (line === 'session connect' && !fake.calls.some((call) => call.startsWith('Session.Connect'))) await moment();
  }
  child.kill('SIGKILL');
  await child.exited;
  const lines = child.text.split('\n').filter((written) => !/Mark = (begin|end)|mark_(begin|end)/.test(written));
  return formatStep(line, `${lines.join('\n')}\n`, fake.calls);
}

const KINDS_BY_WORD: ReadonlyMap<string, string> = new Map([
  ['services', 'Service'],
  ['tech', 'Technology'],
  ['manager', 'Manager'],
  ['vpnmanager', 'vpn.Manager'],
  ['vpnconnection', 'Connection'],
]);

const ALL_KINDS = [...KINDS_BY_WORD.values()];

/** Sends a mark on every interface until the console has printed it for each of `kinds`. */
async function mark(child: Child, fake: FakeConnman, which: 'begin' | 'end', kinds: readonly string[]): Promise<void> {
  const hasAll = (): boolean => {
    const lines = child.text.split('\n');
    const marked = lines.filter((line) => line.includes(`Mark = ${which}`) || line.includes(`mark_${which}`));
    return kinds.every((kind) => marked.some((line) => line.startsWith(`${kind} `)));
  };
  for (let tries = 0; !hasAll(); tries++) {
    if (tries === 500) throw new Error(`no mark "${which}" of ${kinds.join(', ')}: ${child.text.slice(-1000)}`);
    fake.mark(which);
    await moment();
  }
}

function moment(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
}

/** Every signal there is. */
function emitSignals(fake: FakeConnman): void {
  const [first] = SERVICES;
  if (first === undefined) return;
  for (const [name, value] of ODD_VALUES) fake.announce(first[0], name, value);
  fake.emitManager();
}

function formatStep(line: string, stdout: string, calls: readonly string[]): string {
  return [`$ connmanctl ${line}`, JSON.stringify(stdout), ...calls].join('\n');
}
