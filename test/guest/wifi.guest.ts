/**
 * Wi-Fi on simulated radios: hostapd behind the cell's bridge, wpa_supplicant and our connmand in its
 * device, and an agent of ours on its bus. One air for all cases, which follow one another in it.
 */

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
import { makeAir, PROTECTIONS, startAccessPoint, startSupplicant } from '../helpers/guest/air.ts';
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
const SECRET = 'rigsecret';
const CONNECT_LIMIT_MS = 60_000;

/** Everything the cases share. */
interface Air {
  readonly cell: Cell;
  readonly bus: Bus;
  readonly agent: { passphrase: string; readonly asked: string[]; readonly errors: string[] };
  readonly daemon: Child;
  accessPoint: Child;
  supplicant: Child;
}

let opened: Promise<Air> | undefined;
const air = (): Promise<Air> => (opened ??= open());

async function open(): Promise<Air> {
  const cell = await Cell.open({
    cables: 0, files: { '/var/lib/connman/settings': '[global]\nOfflineMode=false\n\n[WiFi]\nEnable=true\n' },
  });
  await makeAir(cell);
  const [accessPoint, supplicant] = await Promise.all([startAccessPoint(cell, NETWORKS), startSupplicant(cell)]);
  const scope = createScope();
  const clock = new DeadlineClock(nodeTimeSource());
  const bus = await connectBus(testSystem().unixStream(cell.device.path(BUS_SOCKET), scope), { clock }, scope);
  const { argv, busName } = DAEMONS.causeway;
  const daemon = await cell.startDaemon([...argv, '-d', 'plugins/wifi/*:src/service/*'], busName);
  const agent = { passphrase: SECRET, asked: [] as string[], errors: [] as string[] };
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
        return new Map([['Passphrase', variant('s', agent.passphrase)]]);
      },
    },
  }, scope);
  await manager(bus).RegisterAgent({ path: '/agent' });
  return { cell, bus, agent, daemon, accessPoint, supplicant };
}

airCase('a scan lists every network with what protects it', async () => {
  const { bus } = await air();
  await until(async () => (await scanned(bus)).size === NETWORKS.length);
  const found = [...(await scanned(bus))].map(([name, { properties }]) => [name, properties.get('Security')?.value]);
  assert.equal(found.toSorted(), [
    ['rig-both', ['psk']], ['rig-open', ['none']], ['rig-owe', ['none']], ['rig-psk', ['psk']], ['rig-sae', ['psk']],
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
  agent.passphrase = 'not the one';
  agent.errors.length = 0;
  const failure = await target.Connect({}, { timeoutMs: CONNECT_LIMIT_MS }).catch((error: unknown) => error);
  assert.ok(failure instanceof DBusError);
  assert.equal(agent.errors, ['invalid-key']);
  agent.passphrase = SECRET;
  await target.Connect({}, { timeoutMs: CONNECT_LIMIT_MS });
  await target.Disconnect();
});

await runCases();

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
