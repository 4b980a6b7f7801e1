/** The bridge for clients, over a kernel in memory: there for the first user, gone after the last. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { TETHER_BRIDGE, TetherBridge } from '../../../src/tethering/bridge.ts';
import { settle } from '../../helpers/fake-clock.ts';
import { fakeKernel, type FakeKernel } from '../../helpers/fake-kernel.ts';
import { withScope, type TestContext } from '../../helpers/with-scope.ts';

interface Setting {
  readonly kernel: FakeKernel;
  readonly bridge: TetherBridge;
  /** What `serve` was called for, and when that ended. */
  readonly served: string[];
}

function setting({ scope }: TestContext): Setting {
  const kernel = fakeKernel();
  const served: string[] = [];
  const bridge = new TetherBridge(kernel, async ({ name }, own) => {
    served.push(`+${name}`);
    own.defer(() => void served.push(`-${name}`));
  }, scope);
  return { kernel, bridge, served };
}

const verbs = ({ kernel }: Setting): string => kernel.requests.splice(0).map(({ verb }) => verb).join(' ');

test('it is made for the first, shared, and removed after the last', withScope(async (context) => {
  const made = setting(context);
  const { kernel, bridge, served } = made;
  const [one, other] = [context.scope.child(), context.scope.child()];
  await Promise.all([bridge.use(one), bridge.use(other)]);
  assert.is(kernel.mirror.linkByName(TETHER_BRIDGE)?.isUp, true);
  await one.close();
  assert.is(verbs(made), 'link.add link.setUp');
  await other.close();
  assert.is(verbs(made), 'link.remove');
  assert.equal(served, [`+${TETHER_BRIDGE}`, `-${TETHER_BRIDGE}`]);
}));

test('the kernel may answer before it tells of the bridge, or of its end', withScope(async (context) => {
  const made = setting(context);
  const { kernel, bridge, served } = made;
  const own = context.scope.child();
  const steps: string[] = [];
  let tell = kernel.holdLinks();
  const using = bridge.use(own);
  await settle();
  steps.push(verbs(made), ...served);
  tell();
  await using;
  steps.push(verbs(made), ...served);

  // Whoever comes before the end was told gets a bridge of his own, not the one that goes.
  tell = kernel.holdLinks();
  const leaving = own.close();
  await settle();
  const again = bridge.use(context.scope.child());
  await settle();
  steps.push(verbs(made));
  tell();
  await Promise.all([leaving, again]);
  steps.push(verbs(made));
  assert.equal(steps, ['link.add', 'link.setUp', `+${TETHER_BRIDGE}`, 'link.remove', 'link.add link.setUp']);
}));

test('one that an earlier daemon left is taken over, or cleared', withScope(async (context) => {
  const made = setting(context);
  made.kernel.addLink({ name: TETHER_BRIDGE, kind: 'bridge', isUp: true });
  const own = context.scope.child();
  await made.bridge.use(own);
  await made.bridge.clear();
  assert.is(verbs(made), '');
  await own.close();
  assert.is(verbs(made), 'link.remove');
  made.kernel.addLink({ name: TETHER_BRIDGE, kind: 'bridge' });
  await made.bridge.clear();
  assert.equal([verbs(made), made.kernel.mirror.linkByName(TETHER_BRIDGE)], ['link.remove', undefined]);
}));

test.run();
