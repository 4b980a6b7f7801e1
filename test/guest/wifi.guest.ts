/**
 * Wi-Fi on simulated radios: hostapd behind the cell's bridge, wpa_supplicant and our connmand in its
 * device, and an agent of ours on its bus. One air for all cases, which follow one another in it.
 */

import { rmSync, writeFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { type Bus, connectBus } from '../../src/dbus/bus.ts';
import { DBusError } from '../../src/dbus/errors.ts';
import { agentInterface } from '../../src/dbus/interfaces/agent.ts';
import { managerInterface } from '../../src/dbus/interfaces/manager.ts';
import { serviceInterface } from '../../src/dbus/interfaces/service.ts';
import { technologyInterface } from '../../src/dbus/interfaces/technology.ts';
import { variant, type Variant } from '../../src/dbus/signature.ts';
import { DeadlineClock, nodeTimeSource } from '../../src/shared/clock.ts';
import { createScope } from '../../src/shared/scope.ts';
import { BUS_SOCKET } from '../helpers/bus-daemon.ts';
import { Cell } from '../helpers/cell.ts';
import type { Child } from '../helpers/child.ts';
import { DAEMONS } from '../helpers/daemons.ts';
import { makeAir, makeCertificates, PROTECTIONS, startAccessPoint, startSupplicant } from '../helpers/guest/air.ts';
import { guestCase, runCases } from '../helpers/guest/cases.ts';
import { testSystem } from '../helpers/system.ts';
import { isProperty } from '../helpers/wired.ts';

const NETWORKS = [
  { ssid: 'rig-psk', settings: PROTECTIONS.psk },
  { ssid: 'rig-sae', settings: PROTECTIONS.sae },
  { ssid: 'rig-both', settings: PROTECTIONS.transition },
  { ssid: 'rig-owe', settings: PROTECTIONS.owe },
  { ssid: 'rig-open', settings: PROTECTIONS.open },
];
/** Those that are not joined like the others. */
const SPECIAL = [
  { ssid: 'rig-hidden', settings: PROTECTIONS.hidden },
  { ssid: 'rig-wps', settings: PROTECTIONS.wps },
  { ssid: 'rig-eap', settings: PROTECTIONS.eap },
];
const SECRET = 'rigsecret';
const CONNECT_LIMIT_MS = 60_000;

/** Everything the cases share. */
interface Air {
  readonly cell: Cell;
  readonly bus: Bus;
  readonly agent: { answer: Record<string, string>; readonly asked: string[]; readonly errors: string[] };
  readonly daemon: Child;
  readonly accessPoint: Child;
}

let opened: Promise<Air> | undefined;
const air = (): Promise<Air> => (opened ??= open());

async function open(): Promise<Air> {
  const cell = await Cell.open({
    cables: 0, files: { '/var/lib/connman/settings': '[global]\nOfflineMode=false\n\n[WiFi]\nEnable=true\n' },
  });
  await makeAir(cell);
  await makeCertificates(cell);
  const networks = [...NETWORKS, ...SPECIAL];
  const [accessPoint] = await Promise.all([startAccessPoint(cell, networks), startSupplicant(cell)]);
  const scope = createScope();
  const clock = new DeadlineClock(nodeTimeSource());
  const bus = await connectBus(testSystem().unixStream(cell.device.path(BUS_SOCKET), scope), { clock }, scope);
  const { argv, busName } = DAEMONS.causeway;
  const daemon = await cell.startDaemon([...argv, '-d', 'plugins/wifi/*:src/service/*'], busName);
  const agent = { answer: { Passphrase: SECRET }, asked: [] as string[], errors: [] as string[] };
  bus.export('/agent', agentInterface, {
    methods: {
      Release: () => undefined,
      Cancel: () => undefined,
      RequestBrowser: () => undefined,
      ReportError: ({ error }) => void agent.errors.push(error),
      ReportPeerError: () => undefined,
      RequestPeerAuthorization: () => new Map(),
      RequestInput: ({ fields }) => {
        agent.asked.push([...fields.keys()].join());
        return new Map(Object.entries(agent.answer).map(([key, value]) => [key, variant('s', value)]));
      },
    },
  }, scope);
  await manager(bus).RegisterAgent({ path: '/agent' });
  return { cell, bus, agent, daemon, accessPoint };
}

airCase('access points, supplicant and daemon come up', async () => {
  assert.ok((await air()).accessPoint.isRunning);
});

airCase('a scan lists every network with what protects it', async () => {
  const { bus } = await air();
  await until(async () => (await scanned(bus)).size === NETWORKS.length + SPECIAL.length);
  const found = [...(await scanned(bus))].map(([name, { properties }]) => [name, properties.get('Security')?.value]);
  assert.equal(found.toSorted(([one], [other]) => (String(one) < String(other) ? -1 : 1)), [
    ['rig-both', ['psk']], ['rig-eap', ['ieee8021x']], ['rig-open', ['none']], ['rig-owe', ['none']],
    ['rig-psk', ['psk']], ['rig-sae', ['psk']], ['rig-wps', ['psk', 'wps']], ['undefined', ['psk']],
  ]);
});

for (const { ssid } of NETWORKS) {
  airCase(`${ssid}: connected for a user and online`, async () => {
    const { cell, bus } = await air();
    const { path } = await find(bus, ssid);
    const since = performance.now();
    await service(bus, path).Connect({}, { timeoutMs: CONNECT_LIMIT_MS });
    await cell.log.wait('online', isProperty('Manager', 'State', 'online'), { since });
    const properties = (await find(bus, ssid)).properties;
    assert.is(properties.get('Favorite')?.value, true);
    assert.ok(Number(properties.get('Strength')?.value) > 50);
    await service(bus, path).Disconnect();
  });
}

airCase('a wrong key is told as one and not kept, then the right one is asked for', async () => {
  const { bus, agent } = await air();
  const { path } = await find(bus, 'rig-psk');
  const target = service(bus, path);
  await target.Remove();
  agent.answer = { Passphrase: 'not the one' };
  agent.errors.length = 0;
  const failure = await target.Connect({}, { timeoutMs: CONNECT_LIMIT_MS }).catch((error: unknown) => error);
  assert.ok(failure instanceof DBusError);
  assert.equal(agent.errors, ['invalid-key']);
  agent.answer = { Passphrase: SECRET };
  await target.Connect({}, { timeoutMs: CONNECT_LIMIT_MS });
});

airCase('connecting to another network leaves the first', async () => {
  const { bus } = await air();
  await connect(bus, 'rig-open');
  assert.equal([await stateOf(bus, 'rig-open'), await stateOf(bus, 'rig-psk')], ['up', 'idle']);
  await service(bus, (await find(bus, 'rig-open')).path).Remove();
});

airCase('a hidden network is joined by the name the user says', async () => {
  const { bus, agent } = await air();
  agent.answer = { Name: 'rig-hidden', Passphrase: SECRET };
  await connect(bus, 'undefined');
  assert.is(await stateOf(bus, 'rig-hidden'), 'up');
  agent.answer = { Passphrase: SECRET };
  await service(bus, (await find(bus, 'rig-hidden')).path).Remove();
});

airCase('WPS by push button, its key kept', async () => {
  const { cell, bus, agent } = await air();
  const radio = `wlan0_${NETWORKS.length + 1}`;
  await cell.server.output(['hostapd_cli', '-p', '/run/hostapd', '-i', radio, 'wps_pbc']);
  agent.answer = { WPS: '' };
  await connect(bus, 'rig-wps');
  agent.answer = {};
  await service(bus, (await find(bus, 'rig-wps')).path).Disconnect();
  await connect(bus, 'rig-wps');
  await service(bus, (await find(bus, 'rig-wps')).path).Remove();
});

const TLS = ['EAP=tls', 'Identity=client', 'ClientCertFile=/run/eap/client.pem', 'PrivateKeyFile=/run/eap/client.key'];
const METHODS = {
  PEAP: ['EAP=peap', 'Phase2=MSCHAPV2', 'AnonymousIdentity=anyone', 'Identity=me', 'CACertFile=/run/eap/ca.pem'],
  TTLS: ['EAP=ttls', 'Phase2=MSCHAPV2', 'AnonymousIdentity=anyone', 'Identity=me', 'CACertFile=/run/eap/ca.pem'],
  TLS: [...TLS, 'CACertFile=/run/eap/ca.pem', 'PrivateKeyPassphrase=none'],
  PWD: ['EAP=pwd', 'Identity=pwd'],
};
for (const [method, lines] of Object.entries(METHODS)) {
  airCase(`802.1X: ${method}`, async () => {
    const { bus } = await air();
    await provision([...lines, `Passphrase=${SECRET}`]);
    await connect(bus, 'rig-eap');
    await service(bus, (await find(bus, 'rig-eap')).path).Disconnect();
  });
}

airCase('802.1X: a server whose authority we do not trust, then a wrong password', async () => {
  const { bus } = await air();
  const peap = ['EAP=peap', 'Phase2=MSCHAPV2', 'Identity=me'];
  await provision([...peap, 'CACertFile=/run/eap/wrong.pem', `Passphrase=${SECRET}`]);
  await assertFails(bus, 'rig-eap');
  await provision([...peap, 'CACertFile=/run/eap/ca.pem', 'Passphrase=wrong one']);
  await assertFails(bus, 'rig-eap');
  await provision(undefined);
});

await runCases();

async function connect(bus: Bus, name: string): Promise<void> {
  const { path } = await find(bus, name);
  await service(bus, path).Connect({}, { timeoutMs: CONNECT_LIMIT_MS });
}

async function assertFails(bus: Bus, name: string): Promise<void> {
  const failure = await connect(bus, name).catch((error: unknown) => error);
  assert.ok(failure instanceof DBusError, 'it was joined');
  assert.is(failure.name, 'net.connman.Error.Failed');
}

/** `up` for ready and online. */
async function stateOf(bus: Bus, name: string): Promise<string | undefined> {
  const state = (await services(bus)).get(name)?.properties.get('State')?.as('s');
  return state === 'ready' || state === 'online' ? 'up' : state;
}

/** Has a file decide of `rig-eap`, or none; returns when the daemon has seen it. */
async function provision(lines: readonly string[] | undefined): Promise<void> {
  const { cell, bus } = await air();
  const file = cell.device.path('/var/lib/connman/eap.config');
  rmSync(file, { force: true });
  const isImmutable = async (): Promise<boolean> =>
    (await services(bus)).get('rig-eap')?.properties.get('Immutable')?.value === true;
  await until(async () => !(await isImmutable()));
  if (lines === undefined) return;
  writeFileSync(file, ['[service_eap]', 'Type=wifi', 'Name=rig-eap', 'AutoConnect=false', ...lines, ''].join('\n'));
  await until(isImmutable);
}

/** A case that says what the daemon said when it fails. */
function airCase(name: string, body: () => Promise<void>): void {
  guestCase(name, async () => {
    const { daemon } = await air();
    const before = daemon.text.length;
    await body().catch((error: unknown) => {
      console.log(daemon.text.slice(before).slice(-8000));
      throw error;
    });
  });
}

function manager(bus: Bus) {
  return bus.proxy(managerInterface, 'net.connman', '/');
}

function service(bus: Bus, path: string) {
  return bus.proxy(serviceInterface, 'net.connman', path);
}

interface Found {
  readonly path: string;
  readonly properties: ReadonlyMap<string, Variant>;
}

/** Services by name after a scan. */
async function scanned(bus: Bus): Promise<Map<string, Found>> {
  const technology = bus.proxy(technologyInterface, 'net.connman', '/net/connman/technology/wifi');
  await technology.Scan({}, { timeoutMs: CONNECT_LIMIT_MS }).catch((error: unknown) => console.log(String(error)));
  return services(bus);
}

async function services(bus: Bus): Promise<Map<string, Found>> {
  const list = await manager(bus).GetServices();
  return new Map(list.map(([path, properties]) => [String(properties.get('Name')?.value), { path, properties }]));
}

async function find(bus: Bus, name: string): Promise<Found> {
  const found = (await services(bus)).get(name) ?? (await scanned(bus)).get(name);
  if (found === undefined) throw new Error(`${name} is not there`);
  return found;
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 500));
}
