/** Which driver has a device: the highest of those that can work with it, as they say now. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { TechnologyDriver } from '../../../src/api.ts';
import { coreBench, type CoreBench } from '../../helpers/core-bench.ts';
import { withScope } from '../../helpers/with-scope.ts';

const RADIOS = { devtypes: { wlan0: 'wlan', wlan1: 'wlan' } };

/** Interfaces by whose they are. */
class Owners {
  readonly names = new Map<string, Set<string>>();

  driver(name: string, more: Partial<TechnologyDriver> = {}): TechnologyDriver {
    const own = new Set<string>();
    this.names.set(name, own);
    return {
      type: 'wifi',
      ...more,
      attach: ({ interfaceName }, scope) => {
        own.add(interfaceName);
        scope.defer(() => void own.delete(interfaceName));
        return { enable: () => Promise.resolve(), disable: () => Promise.resolve() };
      },
    };
  }

  of(name: string): string {
    return [...(this.names.get(name) ?? [])].sort().join();
  }
}

function addRadios({ kernel }: CoreBench): void {
  for (const [index, name] of ['wlan0', 'wlan1'].entries()) {
    kernel.addLink({ name, hardwareAddress: Uint8Array.of(2, 0, 0, 0, 0, index) });
  }
}

test('each device is with the highest driver that has it, and moves when that changes', withScope(async (context) => {
  const bench = await coreBench(context, RADIOS);
  const owners = new Owners();
  const had = new Set(['wlan1']);
  bench.core.technologies.register(owners.driver('low'), context.scope);
  addRadios(bench);
  await bench.settled();
  assert.is(owners.of('low'), 'wlan0,wlan1');
  const life = context.scope.child();
  const reconsider = bench.core.technologies.register(
    owners.driver('high', { rank: 1, has: (name) => had.has(name) }), life,
  );
  await bench.settled();
  assert.equal([owners.of('low'), owners.of('high')], ['wlan0', 'wlan1']);
  had.add('wlan0').delete('wlan1');
  reconsider();
  await bench.settled();
  assert.equal([owners.of('low'), owners.of('high')], ['wlan1', 'wlan0']);
  await life.close();
  await bench.settled();
  assert.equal([owners.of('low'), owners.of('high')], ['wlan0,wlan1', '']);
}));

test.run();
