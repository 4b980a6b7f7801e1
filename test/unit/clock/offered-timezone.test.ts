/** DHCP option 101 of the default service as the time zone. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openClockSettings } from '../../../src/clock/clock.ts';
import { followOfferedTimezone } from '../../../src/clock/offered-timezone.ts';
import type { ServiceAspect } from '../../../src/service/aspects.ts';
import type { InUse } from '../../../src/service/in-use.ts';
import type { Service } from '../../../src/service/service.ts';
import { Emitter } from '../../../src/shared/emitter.ts';
import { memoryStorage } from '../../helpers/core-bench.ts';
import { withScope } from '../../helpers/with-scope.ts';

/** What is looked at of a service. */
interface Offering extends Pick<Service, 'changed'> {
  readonly inUse: Pick<InUse, 'lease'>;
  renew(other: string): void;
}

function offering(zone: string | undefined): Offering {
  const changed = new Emitter<readonly ServiceAspect[]>();
  const options = new Map(zone === undefined ? [] : [[101, Buffer.from(zone, 'latin1')]]);
  const lease = { options } as unknown as NonNullable<InUse['lease']>; // a lease is more than its options
  return {
    inUse: { lease },
    changed,
    renew(other) {
      options.set(101, Buffer.from(other, 'latin1'));
      changed.emit(['timeservers']);
    },
  };
}

test('a zone that the machine knows is installed, then and at renewal', withScope(({ clock, scope }) => {
  const installed: string[] = [];
  const known = ['Europe/Berlin', 'Asia/Tokyo'];
  const zones = {
    detect: () => installed.at(-1) ?? 'Etc/UTC',
    has: (zone: string) => known.includes(zone),
    install: (zone: string) => void installed.push(zone),
    watch: () => undefined,
  };
  const system = { setWallClock: () => undefined };
  const settings = openClockSettings({ clock, zones, system, storage: memoryStorage() }, scope);
  const defaultChanged = new Emitter<Service | undefined>();
  followOfferedTimezone({ defaultChanged }, settings, scope);
  const become = (service: ReturnType<typeof offering> | undefined): void =>
    defaultChanged.emit(service as unknown as Service | undefined); // only what `offering` has is looked at
  const first = offering('Europe/Berlin');
  become(first);
  assert.equal(installed, ['Europe/Berlin']);
  first.renew('Nowhere/Land');
  first.renew('../../../etc/shadow');
  assert.equal(installed, ['Europe/Berlin']);
  first.renew('Asia/Tokyo');
  assert.equal(installed, ['Europe/Berlin', 'Asia/Tokyo']);
  become(offering(undefined));
  become(undefined);
  first.renew('Europe/Berlin');
  assert.equal(installed, ['Europe/Berlin', 'Asia/Tokyo'], 'it is not the default any more');
  settings.setTimezoneUpdates('manual');
  become(offering('Europe/Berlin'));
  assert.equal(installed.length, 2);
}));

test.run();
