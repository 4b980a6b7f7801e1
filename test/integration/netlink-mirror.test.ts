/**
 * The mirror against the real kernel: after whatever happens, also after what the kernel does not
 * tell and after events were lost, it equals a mirror that was filled this moment.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { setLogSink } from '../../src/shared/log.ts';
import { createScope } from '../../src/shared/scope.ts';
import { openReal, quietIpv6, runIpBatch, until, untilTrue } from '../helpers/netlink-lab.ts';
import { enterNamespaces } from '../helpers/unshare.ts';

enterNamespaces('--net');
quietIpv6();
setLogSink(() => undefined);

const SEED = 20250101;
const ROUNDS = 12;
const STEPS = 60;
const TINY_BUFFER_BYTES = 8192;

/** The same numbers every time (Numerical Recipes' linear congruential generator). */
function chances(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % below;
  };
}

/** Commands of ip(8) that mostly succeed, on two veth pairs and a bridge. */
function anyStep(chance: (below: number) => number): string {
  const one = (...texts: readonly string[]): string => texts[chance(texts.length)] ?? '';
  const link = one('a0', 'a1', 'b0', 'b1');
  const address = `10.0.${chance(2)}.${1 + chance(3)}`;
  const address6 = `2001:db8:${chance(2)}::${1 + chance(3)}`;
  const gateway = `10.0.${chance(2)}.${8 + chance(2)}`;
  const destination = `10.${1 + chance(3)}.0.0/16`;
  const destination6 = `2001:db8:${7 + chance(2)}::/48`;
  const gateway6 = `fe80::${8 + chance(2)} dev ${link}`;
  return one(
    `link set ${link} up`, `link set ${link} up`, `link set ${link} down`, `link set ${link} mtu ${1400 + chance(20)}`,
    `link set ${link} master br0`, `link set ${link} nomaster`,
    'link del a0', 'link add a0 type veth peer name a1', 'link set a0 name x0', 'link set x0 name a0',
    `addr add ${address}/24 dev ${link}`, `addr add ${address}/24 dev ${link}`, `addr del ${address}/24 dev ${link}`,
    `addr add ${address} peer 10.0.9.${chance(3)} dev ${link}`, `addr flush dev ${link}`,
    `-6 addr add ${address6}/64 dev ${link}`, `-6 addr del ${address6}/64 dev ${link}`,
    `route add ${destination} via ${gateway} metric ${chance(2)}`,
    `route replace ${destination} via ${gateway} metric ${chance(2)}`,
    `route append ${destination} via ${gateway} metric ${chance(2)}`, `route del ${destination}`,
    `route replace default via ${gateway} src ${address}`, `route add default dev ${link} metric ${chance(3)}`,
    'route del default', `route add blackhole 10.${chance(3)}.7.0/24`,
    'route replace 10.4.0.0/16 nexthop via 10.0.0.9 nexthop via 10.0.1.9', 'route del 10.4.0.0/16',
    `-6 route add ${destination6} via 2001:db8:${chance(2)}::9`, `-6 route append ${destination6} via ${gateway6}`,
    `-6 route replace ${destination6} via ${gateway6}`, `-6 route del ${destination6}`,
    `-6 route replace default via ${gateway6} src ${address6}`, '-6 route del default',
    `-6 route add ${destination6} nexthop via fe80::1 dev ${link} nexthop via fe80::2 dev ${link}`,
  );
}

test('whatever ip(8) does, the mirror is true', async () => {
  const scope = createScope();
  const rtnetlink = await openReal(scope);
  const seen = { link: 0, address: 0, route: 0 };
  rtnetlink.mirror.linkChanged.observe(scope, () => void seen.link++);
  rtnetlink.mirror.addressChanged.observe(scope, () => void seen.address++);
  rtnetlink.mirror.routeChanged.observe(scope, () => void seen.route++);
  const pairs = ['a', 'b'].map((name) => `link add ${name}0 type veth peer name ${name}1`);
  runIpBatch([...pairs, 'link add br0 type bridge', 'link set lo up']);
  const chance = chances(SEED);
  for (let round = 0; round < ROUNDS; round++) {
    const steps = Array.from({ length: STEPS }, () => anyStep(chance));
    runIpBatch(steps);
    try {
      await untilTrue(rtnetlink);
    } catch (error) {
      throw new Error(`seed ${SEED}, round ${round}:\n${steps.join('\n')}`, { cause: error });
    }
  }
  assert.ok(seen.link > 50 && seen.address > 50 && seen.route > 100, JSON.stringify(seen));
  await scope.close();
  runIpBatch(['link del a0', 'link del x0', 'link del b0', 'link del br0']);
});

test('two hundred links that flap past a tiny buffer leave it true', async () => {
  const scope = createScope();
  const rtnetlink = await openReal(scope, TINY_BUFFER_BYTES);
  let readings = 0;
  rtnetlink.mirror.resynchronised.observe(scope, () => void readings++);
  const numbers = Array.from({ length: 200 }, (_, index) => index);
  runIpBatch(numbers.map((number) => `link add v${number} type veth peer name w${number}`));
  for (const state of ['up', 'down', 'up']) {
    runIpBatch(numbers.flatMap((number) => [`link set v${number} ${state}`, `link set w${number} ${state}`]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  runIpBatch(numbers.slice(100).map((number) => `link del v${number}`));
  await until(rtnetlink, () => readings > 0, 'the first reading anew');
  await untilTrue(rtnetlink);
  assert.is(rtnetlink.mirror.links.size, 201);
  assert.ok([...rtnetlink.mirror.links.values()].every(({ name, hasCarrier }) => name === 'lo' || hasCarrier));
  await scope.close();
});

test.run();
