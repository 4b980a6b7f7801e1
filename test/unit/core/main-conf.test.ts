/** Keys of main.conf at work in a whole core: what connects, in which order, with which time servers. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { serviceInterface } from '../../../src/dbus/interfaces/service.ts';
import { variant } from '../../../src/dbus/signature.ts';
import type { Scope } from '../../../src/shared/scope.ts';
import type { Core } from '../../../src/core.ts';
import type { TechnologyType } from '../../../src/types.ts';
import { coreBench, type CoreBench } from '../../helpers/core-bench.ts';
import { withScope, type TestContext } from '../../helpers/with-scope.ts';

const idOf = (type: string, last: number): string => `${type}_02000000000${last}_cable`;
const WIRED = idOf('ethernet', 1);
const SECOND = idOf('ethernet', 2);
const USB = idOf('gadget', 3);
const WIFI = idOf('wifi', 4);

/** A service with an address of its own, stored as a favorite that connects by itself unless told otherwise. */
function stored(identifier: string, network: number, keys = 'Favorite=true\nAutoConnect=true\n'): [string, string] {
  const address = `IPv4.method=manual\nIPv4.netmask_prefixlen=24\nIPv4.local_address=192.0.${network}.10\n`;
  const gateway = `IPv4.gateway=192.0.${network}.1\n`;
  return [`${identifier}/settings`, `[${identifier}]\n${keys}${address}${gateway}`];
}

const ALL = Object.fromEntries([stored(WIRED, 2), stored(SECOND, 3), stored(USB, 4), stored(WIFI, 5)]);
const FRESH = Object.fromEntries([WIRED, USB, WIFI].map((id, index) => stored(id, 2 + index, '')));

async function bench(context: TestContext, mainConf: string, files: Record<string, string> = ALL): Promise<CoreBench> {
  const devtypes = { usb0: 'gadget', wlan0: 'wlan' };
  const made = await coreBench(context, { mainConf: `OnlineCheckMode=none\n${mainConf}`, files, devtypes });
  for (const type of ['gadget', 'wifi'] as const) registerPlain(made.core, type, context.scope);
  return made;
}

/** Care of a type of device as ethernet has it: a carrier is a network. */
function registerPlain(core: Core, type: TechnologyType, scope: Scope): void {
  core.technologies.register({
    type,
    attach(device, itsScope) {
      let cable: Scope | undefined;
      const update = (): void => {
        const isPlugged = device.isPowered && device.link.hasCarrier;
        if (!isPlugged) void cable?.close();
        if (!isPlugged) cable = undefined;
        if (!isPlugged || cable !== undefined) return;
        cable = itsScope.child();
        const control = { connect: () => undefined, disconnect: () => undefined };
        device.addNetwork({ identifier: 'carrier', group: 'cable', name: type, control }, cable);
      };
      device.linkChanged.observe(itsScope, update);
      device.poweredChanged.observe(itsScope, update);
      return {
        enable: (signal) => core.kernel.link.setUp(device.ifindex, signal),
        disable: (signal) => core.kernel.link.setDown(device.ifindex, signal),
      };
    },
  }, scope);
}

async function plug({ kernel, core, settled }: CoreBench, name: string, last: number): Promise<void> {
  kernel.addLink({ name, hardwareAddress: Uint8Array.of(2, 0, 0, 0, 0, last) });
  await settled();
  for (const technology of core.technologies.list) {
    if (!technology.isPowered) await core.technologies.setPowered(technology, true);
  }
  kernel.setCarrier(name, true);
  await settled();
}

const states = ({ core }: CoreBench): string[] =>
  core.services.list.map(({ identifier, state }) => `${identifier} ${state}`);

const serviceOf = ({ client }: CoreBench, id: string) =>
  client.proxy(serviceInterface, 'net.connman', `/net/connman/service/${id}`);

test('DefaultAutoConnectTechnologies says which new services connect by themselves', withScope(async (context) => {
  const made = await bench(context, 'DefaultAutoConnectTechnologies=wifi', FRESH);
  await plug(made, 'eth0', 1);
  assert.equal(states(made), [`${WIRED} idle`]);
  assert.is(made.core.services.get(WIRED)?.isAutoconnect, false);
  await serviceOf(made, WIRED).SetProperty({ name: 'AutoConnect', value: variant('b', true) });
  await made.settled();
  assert.equal(states(made), [`${WIRED} ready`]);
}));

test('DefaultFavoriteTechnologies says which are favorites', withScope(async (context) => {
  const made = await bench(context, 'DefaultFavoriteTechnologies=gadget', FRESH);
  await plug(made, 'eth0', 1);
  const properties = await serviceOf(made, WIRED).GetProperties();
  assert.equal([properties.get('Favorite')?.value, properties.get('AutoConnect')?.value], [false, false]);
  const refused = serviceOf(made, WIRED).SetProperty({ name: 'AutoConnect', value: variant('b', true) });
  assert.is(await refused.catch((error: Error) => error.name), 'net.connman.Error.InvalidService');
  await serviceOf(made, WIRED).Connect();
  await made.settled();
  const after = await serviceOf(made, WIRED).GetProperties();
  assert.equal([after.get('Favorite')?.value, after.get('AutoConnect')?.value], [true, true], 'connected once');
}));

test('SingleConnectedTechnology disconnects all others', withScope(async (context) => {
  const made = await bench(context, 'SingleConnectedTechnology=true');
  await plug(made, 'eth0', 1);
  await plug(made, 'eth1', 2);
  assert.equal(states(made), [`${SECOND} ready`, `${WIRED} idle`]);
}));

test('PreferredTechnologies goes before the fixed order', withScope(async (context) => {
  const plain = await bench(context, '');
  await plug(plain, 'eth0', 1);
  await plug(plain, 'usb0', 3);
  assert.equal(states(plain), [`${WIRED} ready`, `${USB} ready`]);
  const preferring = await bench(context, 'PreferredTechnologies=gadget,ethernet');
  await plug(preferring, 'eth0', 1);
  await plug(preferring, 'usb0', 3);
  assert.equal(states(preferring), [`${USB} ready`, `${WIRED} ready`]);
  assert.is(preferring.core.services.default?.identifier, USB);
}));

test('AlwaysConnectedTechnologies connect beside what is connected', withScope(async (context) => {
  const plain = await bench(context, '');
  await plug(plain, 'eth0', 1);
  await plug(plain, 'wlan0', 4);
  assert.equal(states(plain), [`${WIRED} ready`, `${WIFI} idle`]);
  const always = await bench(context, 'AlwaysConnectedTechnologies=ethernet,wifi');
  await plug(always, 'eth0', 1);
  await plug(always, 'wlan0', 4);
  assert.equal(states(always), [`${WIRED} ready`, `${WIFI} ready`]);
}));

test('UseGatewaysAsTimeservers and FallbackTimeservers stand behind what was configured', withScope(async (context) => {
  const keys = 'Timeservers=ntp.test;192.0.2.1;\n';
  const files = Object.fromEntries([stored(WIRED, 2, keys)]);
  const made = await bench(context, 'UseGatewaysAsTimeservers=true\nFallbackTimeservers=one.test,ntp.test', files);
  await plug(made, 'eth0', 1);
  assert.equal(made.core.services.get(WIRED)?.inUse.timeservers, ['ntp.test', '192.0.2.1', 'one.test'], 'each once');
  const plain = await bench(context, 'FallbackTimeservers=one.test', Object.fromEntries([stored(WIRED, 2)]));
  await plug(plain, 'eth0', 1);
  assert.equal(plain.core.services.get(WIRED)?.inUse.timeservers, ['one.test']);
}));

test.run();
