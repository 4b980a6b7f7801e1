/** Who sets the host name: systemd-hostnamed where it does, else the kernel. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { hostname1Interface } from '../../../src/dbus/interfaces/hostname1.ts';
import { hostnameSetter } from '../../../src/hostname/dbus.ts';
import { ConnmanError } from '../../../src/shared/errors.ts';
import { memoryBus } from '../../helpers/memory-bus.ts';
import { withScope, type TestContext } from '../../helpers/with-scope.ts';

/** What hostnamed does with a name: sets it, keeps the static one, refuses; or it is not there. */
type Manner = 'sets' | 'keeps' | 'refuses' | 'absent';

async function set(name: string, manner: Manner, { clock, scope }: TestContext): Promise<string> {
  const broker = memoryBus(clock);
  const [bus, other] = await Promise.all([broker.connect(scope), broker.connect(scope)]);
  let current = 'old';
  const log: string[] = [];
  if (manner !== 'absent') {
    await other.requestName('org.freedesktop.hostname1', scope);
    other.export('/org/freedesktop/hostname1', hostname1Interface, {
      methods: {
        SetHostname: ({ hostname }) => {
          log.push('asked');
          if (manner === 'refuses') throw new ConnmanError('PermissionDenied');
          if (manner === 'sets') current = hostname;
        },
      },
    }, scope);
  }
  const setHostname = (to: string): void => {
    log.push('kernel');
    current = to;
  };
  await hostnameSetter(bus, { setHostname }, () => current)(name);
  assert.is(current, name);
  return log.join(' ');
}

test('in the end the kernel has the name, whatever hostnamed does', withScope(async (context) => {
  assert.is(await set('new', 'sets', context), 'asked');
  assert.is(await set('new', 'keeps', context), 'asked kernel');
  assert.is(await set('new', 'refuses', context), 'asked kernel');
  assert.is(await set('new', 'absent', context), 'kernel');
  assert.is(await set('old', 'sets', context), '', 'it has that name');
}));

test.run();
