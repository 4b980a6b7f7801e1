/**
 * Drives the D-Bus library by hand, on the bus at --address or DBUS_SYSTEM_BUS_ADDRESS:
 *   npx tsx tools/dbus-test.ts call DESTINATION PATH INTERFACE MEMBER [SIGNATURE [JSON-ARRAY]]
 *   npx tsx tools/dbus-test.ts listen [SENDER]
 *   npx tsx tools/dbus-test.ts serve NAME [SERVICES]   (Ctrl-C prints calls served and CPU for each)
 * With --addon over the addon's socket, as the daemons; without over Node's.
 */

import { parseArgs } from 'node:util';
import { type Bus, connectBus, type Exported } from '../src/dbus/bus.ts';
import type { Getters } from '../src/dbus/interface.ts';
import { managerInterface } from '../src/dbus/interfaces/manager.ts';
import { serviceInterface } from '../src/dbus/interfaces/service.ts';
import { Variant, variant } from '../src/dbus/signature.ts';
import { parseBusAddress, systemBusAddress } from '../src/dbus/address.ts';
import { nodeTransport } from '../src/dbus/transport.ts';
import { DeadlineClock, nodeTimeSource } from '../src/shared/clock.ts';
import { ConnmanError } from '../src/shared/errors.ts';
import { createScope, type Scope } from '../src/shared/scope.ts';
import { openSystem } from '../src/system/node-system.ts';
import { ADDON_PATH, buildAddon } from './build-addon.ts';

const { values, positionals } = parseArgs({
  options: { address: { type: 'string' }, addon: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const [command, ...rest] = positionals;
const scope = createScope();
const bus = await connect(values.address ?? systemBusAddress(process.env), scope);
bus.lost.observe(scope, (error) => {
  console.error('the bus is lost: %s', error?.message ?? 'closed');
  process.exit(1);
});

switch (command) {
  case 'call':
    await call(rest);
    await scope.close();
    break;
  case 'listen':
    await listen(rest[0]);
    break;
  case 'serve':
    await serve(rest[0] ?? 'net.connman', Number(rest[1] ?? 100));
    break;
  default:
    console.error('usage: dbus-test.ts [--address A] [--addon] call|listen|serve …');
    process.exit(1);
}

function connect(address: string, scope: Scope): Promise<Bus> {
  if (!values.addon) {
    return connectBus(nodeTransport(address, scope), { clock: new DeadlineClock(nodeTimeSource()) }, scope);
  }
  if (process.env['CAUSEWAY_ADDON'] === undefined) {
    buildAddon(ADDON_PATH);
    process.env['CAUSEWAY_ADDON'] = ADDON_PATH;
  }
  const system = openSystem();
  const clock = new DeadlineClock(system.bootTimeSource(scope));
  const transport = system.unixStream(parseBusAddress(address)[0] ?? '', scope);
  return connectBus(transport, { clock, closeFd: (fd) => system.closeFd(fd) }, scope);
}

async function call([destination = '', path = '', name = '', member = '', signature = '', json = '[]']: string[]) {
  const body: unknown = JSON.parse(json);
  if (!Array.isArray(body)) throw new Error('the body is not a JSON array');
  const reply = await bus.call({ destination, path, interface: name, member, signature, body });
  console.log(JSON.stringify(reply.body, plain, 2));
}

async function listen(sender: string | undefined): Promise<void> {
  await bus.onSignal(sender === undefined ? {} : { sender }, scope, (message) => {
    console.log('%s %s %s.%s', message.sender, message.path, message.interface, message.member);
    console.log('  %s', JSON.stringify(message.body, plain));
  });
}

async function serve(name: string, count: number): Promise<void> {
  const services = Array.from({ length: count }, (_, index) => exportService(index));
  const start = process.cpuUsage();
  let calls = 0;
  const noted = <T>(result: T): T => {
    calls++;
    return result;
  };
  const unsupported = (): never => {
    throw new ConnmanError('NotSupported');
  };
  const refusals = Object.fromEntries(Object.keys(managerInterface.methods).map((method) => [method, unsupported]));
  const manager: Exported<typeof managerInterface> = bus.export(
    '/',
    managerInterface,
    {
      methods: {
        // Made from the keys themselves, which the compiler does not follow.
        ...(refusals as Record<keyof typeof managerInterface.methods, () => never>),
        GetProperties: () => noted(manager.dictionary()),
        GetServices: () => noted(services.map(({ path, exported }) => [path, exported.dictionary()] as const)),
        SetProperty: () => noted(undefined),
      },
      properties: { State: () => 'ready', OfflineMode: () => false, SessionMode: () => false },
    },
    scope,
  );
  if (!(await bus.requestName(name, scope))) throw new Error(`${name} is taken`);
  console.log('serving %d services as %s (%s)', count, name, bus.uniqueName);
  process.once('SIGINT', () => {
    const { user, system } = process.cpuUsage(start);
    console.log('%d calls, %s µs CPU each', calls, ((user + system) / Math.max(1, calls)).toFixed(1));
    process.exit(0);
  });
}

function exportService(index: number) {
  const path = `/net/connman/service/wifi_001122334455_${index.toString(16).padStart(8, '0')}_managed_psk`;
  const done = (): void => undefined;
  const methods = {
    GetProperties: () => exported.dictionary(),
    SetProperty: done,
    ClearProperty: done,
    Connect: done,
    Disconnect: done,
    Remove: done,
    MoveBefore: done,
    MoveAfter: done,
    ResetCounters: done,
  };
  const properties = sampleProperties(`network ${index}`);
  const implementation = { methods, properties };
  const exported: Exported<typeof serviceInterface> = bus.export(path, serviceInterface, implementation, scope);
  return { path, exported };
}

function sampleProperties(name: string): Getters<typeof serviceInterface> {
  const texts = (values: Readonly<Record<string, string>>) =>
    new Map(Object.entries(values).map(([key, value]) => [key, variant('s', value)]));
  const empty = texts({});
  const ipv4 = { Address: '192.168.77.94', Netmask: '255.255.255.0', Gateway: '192.168.77.1' };
  const ethernet = { Method: 'auto', Interface: 'wlan0', Address: '00:11:22:33:44:55' };
  return {
    Type: () => 'wifi',
    Security: () => ['psk'],
    State: () => 'ready',
    Error: () => undefined,
    Strength: () => 70,
    Favorite: () => true,
    Immutable: () => false,
    AutoConnect: () => true,
    Name: () => name,
    Roaming: () => undefined,
    Ethernet: () => texts(ethernet).set('MTU', variant('q', 1500)),
    IPv4: () => texts({ Method: 'dhcp', ...ipv4 }),
    'IPv4.Configuration': () => texts({ Method: 'dhcp' }),
    IPv6: () => empty,
    'IPv6.Configuration': () => texts({ Method: 'auto', Privacy: 'disabled' }),
    Nameservers: () => ['192.168.77.1'],
    'Nameservers.Configuration': () => [],
    Timeservers: () => ['192.168.77.1'],
    'Timeservers.Configuration': () => [],
    Domains: () => ['lan.test'],
    'Domains.Configuration': () => [],
    Proxy: () => texts({ Method: 'direct' }),
    'Proxy.Configuration': () => empty,
    mDNS: () => false,
    'mDNS.Configuration': () => false,
    Provider: () => empty,
    LastAddressConflict: () => undefined,
  };
}

/** For JSON: dictionaries as objects, variants as their values, 64-bit numbers as text. */
function plain(_key: string, value: unknown): unknown {
  if (value instanceof Variant) return value.value;
  if (value instanceof Map) return Object.fromEntries(value);
  if (value instanceof Uint8Array) return [...value];
  return typeof value === 'bigint' ? String(value) : value;
}
