/** Whom the core asks for the time: the default service's servers, through its link, as TimeUpdates says. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openClockSettings, type ClockSettings } from '../../../src/clock/clock.ts';
import { startTimekeeper, type Timekeeper } from '../../../src/clock/timekeeper.ts';
import { SystemError } from '../../../src/shared/errors.ts';
import type { MessageSocket, System, UdpOptions, UdpSender } from '../../../src/system/system.ts';
import { coreBench, memoryStorage, type CoreBench } from '../../helpers/core-bench.ts';
import type { FakeClock } from '../../helpers/fake-clock.ts';
import { withScope, type TestContext } from '../../helpers/with-scope.ts';
import { answer } from '../ntp/fake-servers.ts';

const FIRST = 'ethernet_020000000002_cable';
const SECOND = 'ethernet_020000000003_cable';
const OFFSET_MS = 86_400_000;

function stored(identifier: string, network: number, servers: string): [string, string] {
  const address = `IPv4.method=manual\nIPv4.netmask_prefixlen=24\nIPv4.local_address=192.0.${network}.10\n`;
  const text = `[${identifier}]\nAutoConnect=true\n${address}IPv4.gateway=192.0.${network}.1\nTimeservers=${servers}\n`;
  return [`${identifier}/settings`, text];
}

interface Keeping extends CoreBench {
  readonly settings: ClockSettings;
  readonly keeper: Timekeeper;
  /** `eth0 192.0.2.1` for each request. */
  readonly asked: string[];
  /** What the kernel was told: `step +86400000`. */
  readonly told: string[];
  /** Errno name with which the kernel refuses. */
  refusal: string | undefined;
}

async function keeping(context: TestContext, mainConf = ''): Promise<Keeping> {
  const { clock, scope } = context;
  const files = Object.fromEntries([stored(FIRST, 2, '192.0.2.1;'), stored(SECOND, 3, '192.0.3.1;2001:db8::1;')]);
  const bench = await coreBench(context, { files, mainConf: `OnlineCheckMode=none\n${mainConf}` });
  const asked: string[] = [];
  const told: string[] = [];
  const refused: { refusal: string | undefined } = { refusal: undefined };
  const never = (): never => {
    throw new Error('not asked for');
  };
  const wallTime = (): number => clock.wallTime().getTime();
  const baseMs = wallTime() - clock.now() + OFFSET_MS;
  const system: Pick<System, 'udp' | 'tcp' | 'closeFd' | 'wallTime' | 'adjustClock'> = {
    tcp: never, closeFd: never, wallTime,
    udp: (options) => fakeSocket(clock, baseMs, options, asked),
    adjustClock: (offsetMs, how) => {
      if (refused.refusal !== undefined) throw new SystemError(refused.refusal, 1, 'adjtimex', 'refused');
      told.push(`${how} ${Math.round(offsetMs)}`);
      clock.stepWallTime(offsetMs);
    },
  };
  const zones = { detect: () => undefined, has: () => false, install: () => undefined, watch: () => undefined };
  const machine = { clock, storage: memoryStorage(), zones, system: { setWallClock: () => undefined } };
  const settings = openClockSettings(machine, scope);
  const { services } = bench.core;
  const random = { u32: () => 7, fraction: () => 0.5 };
  const resolver = { nameserversOf: () => [] };
  const keeper = startTimekeeper({ system, clock, random, resolver, services, settings }, scope);
  return Object.assign(refused, { ...bench, settings, keeper, asked, told });
}

/** To a server whose time is the clock's and `baseMs`. */
function fakeSocket(
  clock: FakeClock, baseMs: number, { device, peer }: UdpOptions, asked: string[],
): MessageSocket<UdpSender> {
  if (peer === undefined) throw new Error('not connected');
  const socket: MessageSocket<UdpSender> = {
    localPort: 0,
    onMessage: () => undefined,
    onError: () => undefined,
    send(bytes) {
      asked.push(`${device} ${peer.address}`);
      const reply = answer({}, new Uint8Array(bytes), clock.now() + baseMs);
      setImmediate(() => socket.onMessage(reply, { ...peer, ifindex: 0, hopLimit: -1 }));
    },
  };
  return socket;
}

async function plug(bench: Keeping, name: string): Promise<void> {
  if (bench.kernel.mirror.linkByName(name) === undefined) bench.kernel.addLink({ name });
  await bench.settled();
  bench.kernel.setCarrier(name, true);
  await bench.settled();
}

test('the default service\'s servers are asked through its link, and the clock follows', withScope(async (context) => {
  const bench = await keeping(context);
  const changes: string[] = [];
  bench.settings.changed.observe(context.scope, (property) => changes.push(property));
  await plug(bench, 'eth0');
  await context.clock.advance(100);
  assert.equal(bench.asked, ['eth0 192.0.2.1']);
  assert.equal(bench.told, [`step ${OFFSET_MS}`]);
  assert.is(bench.settings.isTimeserverSynced, true);
  assert.equal(changes, ['TimeserverSynced', 'Time']);

  bench.asked.length = 0;
  bench.kernel.setCarrier('eth0', false);
  await plug(bench, 'eth1');
  await context.clock.advance(100);
  assert.ok(bench.asked.length > 0);
  assert.ok(bench.asked.every((line) => line.startsWith('eth1 192.0.3.1')), bench.asked.join());

  bench.asked.length = 0;
  bench.kernel.setCarrier('eth1', false);
  await bench.settled();
  await context.clock.advance(7_200_000);
  assert.equal(bench.asked, [], 'nobody is asked without a service');
}));

test('by hand and by another program: nobody is asked', withScope(async (context) => {
  const bench = await keeping(context);
  bench.settings.setTimeUpdates('external');
  await plug(bench, 'eth0');
  await context.clock.advance(3_600_000);
  bench.settings.setTimeUpdates('manual');
  await context.clock.advance(3_600_000);
  assert.equal([bench.asked, bench.told], [[], []]);
  bench.settings.setTimeUpdates('auto');
  await context.clock.advance(110);
  assert.equal(bench.told, [`step ${OFFSET_MS}`]);
  bench.settings.setTimeUpdates('manual');
  bench.asked.length = 0;
  await context.clock.advance(3_600_000);
  assert.equal(bench.asked, []);
}));

test('gateway, global and fallback servers follow the service\'s own, four at most', withScope(async (context) => {
  const bench = await keeping(context, 'FallbackTimeservers=192.0.9.8,192.0.9.9\nUseGatewaysAsTimeservers=true\n');
  await plug(bench, 'eth0');
  await context.clock.advance(100);
  assert.equal(bench.asked, ['192.0.2.1', '192.0.9.8', '192.0.9.9'].map((server) => `eth0 ${server}`));
}));

test('a kernel that refuses is told of once, and nothing counts as synchronised', withScope(async (context) => {
  const bench = await keeping(context);
  bench.refusal = 'EPERM';
  await plug(bench, 'eth0');
  await context.clock.advance(7_000_000);
  assert.is(bench.settings.isTimeserverSynced, false);
  assert.ok(bench.asked.length <= 4, `${bench.asked.length} requests for nothing`);
  bench.refusal = undefined;
  await context.clock.advance(7_200_000);
  assert.is(bench.settings.isTimeserverSynced, true);
}));

test('after sleep the servers are asked at once', withScope(async (context) => {
  const bench = await keeping(context);
  bench.keeper.wake(); // nothing to ask yet
  await plug(bench, 'eth0');
  await context.clock.advance(3_600_000);
  bench.asked.length = 0;
  bench.keeper.wake();
  await context.clock.advance(0);
  assert.equal(bench.asked, ['eth0 192.0.2.1']);
}));

test.run();
