/**
 * Radio switches and their technology, on the bench: a driver for Wi-Fi that only notes what it is
 * asked, switches in memory, and what a client on the bus sees of it.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { managerInterface } from '../../../src/dbus/interfaces/manager.ts';
import { technologyInterface } from '../../../src/dbus/interfaces/technology.ts';
import { variant } from '../../../src/dbus/signature.ts';
import { coreBench, type CoreBench, type CoreBenchOptions } from '../../helpers/core-bench.ts';
import { FakeRfkill, RFKILL } from '../../helpers/fake-rfkill.ts';
import { withScope, type TestContext } from '../../helpers/with-scope.ts';

const ENABLED = { settings: '[WiFi]\nEnable=true\n' };
const DISABLED = { settings: '[WiFi]\nEnable=false\n' };
const PATH = '/net/connman/technology/wifi';

interface Bench extends CoreBench {
  readonly rfkill: FakeRfkill;
  /** What the driver was asked. */
  readonly asked: string[];
  /** Lets switches settle. */
  turn(): Promise<void>;
  technologies(): Promise<string[]>;
  power(isPowered: boolean): Promise<string>;
  /** Manager and Technology signals since the last call. */
  told(): string[];
}

async function bench(
  context: TestContext,
  options: CoreBenchOptions & { readonly rfkill?: FakeRfkill; readonly enabling?: Promise<void> } = {},
): Promise<Bench> {
  const rfkill = options.rfkill ?? new FakeRfkill();
  const made = await coreBench(context, { devtypes: { wlan0: 'wlan', wlan1: 'wlan' }, ...options, rfkill });
  const asked: string[] = [];
  made.core.technologies.register({
    type: 'wifi',
    attach: (device) => ({
      enable: async () => {
        asked.push(`enable ${device.interfaceName}`);
        if (options.enabling !== undefined) await options.enabling;
      },
      disable: async () => void asked.push(`disable ${device.interfaceName}`),
    }),
  }, context.scope);
  const turn = async (): Promise<void> => {
    await made.settled();
    await context.clock.advance(600);
    await made.settled();
  };
  await turn();
  const manager = made.client.proxy(managerInterface, 'net.connman', '/');
  const technology = made.client.proxy(technologyInterface, 'net.connman', PATH);
  return {
    ...made,
    rfkill,
    asked,
    turn,
    technologies: async () =>
      (await manager.GetTechnologies()).map(
        ([path, properties]) => `${path.split('/').at(-1)} ${properties.get('Powered')?.value === true ? 'on' : 'off'}`,
      ),
    power: (isPowered) =>
      technology.SetProperty({ name: 'Powered', value: variant('b', isPowered) }).then(
        () => 'success',
        (error: Error) => error.name,
      ),
    told: () => made.signals.splice(0).map((line) => line.replace(/ \{.*/, '')),
  };
}

function plugAdapter({ kernel }: CoreBench, name = 'wlan0'): void {
  kernel.addLink({ name, hardwareAddress: Uint8Array.of(2, 0, 0, 0, 1, Number(name.slice(4))) });
}

test(
  'a switch makes a technology, and the stored wish decides',
  withScope(async (context) => {
    const made = await bench(context, { files: DISABLED });
    assert.equal(await made.technologies(), []);
    const index = made.rfkill.add(RFKILL.wifi);
    await made.turn();
    assert.equal(await made.technologies(), ['wifi off']);
    assert.equal(made.rfkill.commands, ['1 block']);
    made.rfkill.remove(index);
    await made.turn();
    assert.equal(await made.technologies(), []);
    assert.is(made.told().at(-1), `Manager TechnologyRemoved "${PATH}"`);
  }),
);

test(
  'nothing is asked of switches that are as they should be, of other types or without a driver',
  withScope(async (context) => {
    const rfkill = new FakeRfkill();
    rfkill.add(RFKILL.wifi);
    rfkill.add(RFKILL.bluetooth, { soft: true });
    rfkill.add(RFKILL.ultraWideband);
    const made = await bench(context, { files: ENABLED, rfkill });
    assert.equal(await made.technologies(), ['wifi on']);
    assert.equal(rfkill.commands, []);
  }),
);

test(
  'a later switch of free radios stays free while the first device is being enabled',
  withScope(async (context) => {
    const made = await bench(context, { files: ENABLED, enabling: new Promise(() => undefined) });
    plugAdapter(made);
    made.rfkill.add(RFKILL.wifi);
    await made.settled();
    made.rfkill.add(RFKILL.wifi);
    await made.turn();
    assert.equal(made.rfkill.commands, []);
  }),
);

test(
  'a device that is being enabled is not enabled again when its radio is found',
  withScope(async (context) => {
    let end = (): void => undefined;
    const made = await bench(context, { files: ENABLED, enabling: new Promise((resolve) => (end = resolve)) });
    plugAdapter(made);
    made.rfkill.add(RFKILL.wifi);
    await made.settled();
    made.rfkill.add(RFKILL.wifi);
    await made.turn();
    end();
    await made.settled();
    assert.equal(made.asked.filter((each) => each.startsWith('enable')), ['enable wlan0']);
    assert.is(made.core.technologies.get('wifi')?.isPowered, true);
  }),
);

test(
  'a blocked radio is freed before its device is enabled',
  withScope(async (context) => {
    const rfkill = new FakeRfkill();
    const made = await bench(context, { files: ENABLED, rfkill });
    plugAdapter(made);
    const index = rfkill.add(RFKILL.wifi, { soft: true });
    await made.turn();
    assert.is(rfkill.isSoftBlocked(index), false);
    assert.equal(made.asked, ['enable wlan0']);
    assert.equal(await made.technologies(), ['wifi on']);
  }),
);

test(
  'in offline mode radios are blocked, and freed when it ends if they are wanted',
  withScope(async (context) => {
    const rfkill = new FakeRfkill();
    const index = rfkill.add(RFKILL.wifi);
    const made = await bench(context, {
      files: { settings: `[global]\nOfflineMode=true\n${ENABLED.settings}` }, rfkill,
    });
    plugAdapter(made);
    await made.turn();
    assert.is(rfkill.isSoftBlocked(index), true);
    assert.equal([made.asked, await made.technologies()], [[], ['wifi off']]);
    const manager = made.client.proxy(managerInterface, 'net.connman', '/');
    await manager.SetProperty({ name: 'OfflineMode', value: variant('b', false) });
    await made.turn();
    assert.is(rfkill.isSoftBlocked(index), false);
    assert.equal([made.asked, await made.technologies()], [['enable wlan0'], ['wifi on']]);
    await manager.SetProperty({ name: 'OfflineMode', value: variant('b', true) });
    await made.turn();
    assert.is(rfkill.isSoftBlocked(index), true);
    assert.match(made.files.get('settings') ?? '', /\[WiFi\]\nEnable=true/);
  }),
);

test(
  'Powered blocks and frees the radios',
  withScope(async (context) => {
    const rfkill = new FakeRfkill();
    const index = rfkill.add(RFKILL.wifi);
    const made = await bench(context, { files: ENABLED, rfkill });
    plugAdapter(made);
    await made.turn();
    made.told();
    assert.is(await made.power(false), 'success');
    assert.is(rfkill.isSoftBlocked(index), true);
    assert.is(await made.power(true), 'success');
    assert.is(rfkill.isSoftBlocked(index), false);
    await made.turn();
    assert.equal(made.asked, ['enable wlan0', 'disable wlan0', 'enable wlan0']);
    assert.equal(made.told(), ['Technology wifi Powered false', 'Technology wifi Powered true']);
    assert.is(await made.power(true), 'net.connman.Error.AlreadyEnabled');
  }),
);

test(
  'events older than a command turn nothing on or off',
  withScope(async (context) => {
    const rfkill = new FakeRfkill();
    rfkill.add(RFKILL.wifi);
    const made = await bench(context, { files: ENABLED, rfkill });
    plugAdapter(made);
    await made.turn();
    rfkill.hold();
    for (const isPowered of [false, true, false]) await made.power(isPowered);
    rfkill.release();
    await made.turn();
    assert.equal(made.asked, ['enable wlan0', 'disable wlan0', 'enable wlan0', 'disable wlan0']);
    assert.equal(await made.technologies(), ['wifi off']);
  }),
);

test(
  'what others block and free is followed and not remembered',
  withScope(async (context) => {
    const rfkill = new FakeRfkill();
    const index = rfkill.add(RFKILL.wifi);
    const made = await bench(context, { files: ENABLED, rfkill });
    plugAdapter(made);
    await made.turn();
    rfkill.set(index, { soft: true });
    await made.turn();
    assert.equal(await made.technologies(), ['wifi off']);
    assert.match(made.files.get('settings') ?? '', /Enable=true/);
    rfkill.set(index, { soft: false });
    await made.turn();
    assert.equal(await made.technologies(), ['wifi on']);
    assert.equal(made.asked, ['enable wlan0', 'disable wlan0', 'enable wlan0']);
    assert.equal(rfkill.commands, []);
  }),
);

test(
  'a technology that a button has turned off is not there',
  withScope(async (context) => {
    const rfkill = new FakeRfkill();
    const index = rfkill.add(RFKILL.wifi);
    const made = await bench(context, { files: ENABLED, rfkill });
    plugAdapter(made);
    await made.turn();
    const technology = made.core.technologies.get('wifi');
    made.told();
    rfkill.set(index, { hard: true });
    await made.turn();
    assert.equal(await made.technologies(), []);
    assert.equal(made.told().at(-1), `Manager TechnologyRemoved "${PATH}"`);
    assert.is(await made.power(true), 'org.freedesktop.DBus.Error.UnknownObject');
    if (technology === undefined) throw new Error('it is kept');
    const refused = await made.core.technologies.setPowered(technology, true).catch((error: Error) => error.message);
    assert.is(refused, 'Permission denied');
    rfkill.set(index, { hard: false });
    await made.turn();
    assert.equal(made.asked, ['enable wlan0', 'disable wlan0', 'enable wlan0']);
    assert.equal(made.told(), [`Manager TechnologyAdded "${PATH}"`, 'Technology wifi Powered true']);
    assert.equal(await made.technologies(), ['wifi on']);
  }),
);

test(
  'a second adapter does as the first, whatever its switch was',
  withScope(async (context) => {
    const rfkill = new FakeRfkill();
    rfkill.add(RFKILL.wifi);
    const made = await bench(context, { files: ENABLED, rfkill });
    plugAdapter(made);
    await made.turn();
    const second = rfkill.add(RFKILL.wifi, { soft: true });
    plugAdapter(made, 'wlan1');
    await made.turn();
    assert.is(rfkill.isSoftBlocked(second), false);
    assert.equal(made.asked, ['enable wlan0', 'enable wlan1']);
  }),
);

test.run();
