/** The order of services: every criterion alone, and that the order is total and stable. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { compareServices, type Ranked } from '../../../src/service/order.ts';

const plain: Ranked = {
  type: 'wifi',
  state: 'idle',
  error: undefined,
  isFavorite: false,
  order: 0,
  strength: 50,
  name: 'm',
};

/** Each row: the better one, the worse one, PreferredTechnologies. */
const ROWS: readonly [string, Partial<Ranked>, Partial<Ranked>, Ranked['type'][]?][] = [
  ['checks that failed come later', { state: 'ready' }, { state: 'online', error: 'online-check-failed' }],
  [
    'preferred type before online',
    { type: 'cellular', state: 'ready' },
    { type: 'wifi', state: 'online' },
    ['cellular'],
  ],
  ['online before ready', { state: 'online', strength: 1 }, { state: 'ready', strength: 99 }],
  ['ready before configuration', { state: 'ready' }, { state: 'configuration' }],
  ['association before idle', { state: 'association' }, { state: 'idle', isFavorite: true }],
  ['idle is what clients see', { isFavorite: true }, { state: 'association', shownState: 'idle' }],
  ['failure is as idle', { state: 'failure', isFavorite: true }, { state: 'idle' }],
  ['favorite before type', { isFavorite: true, type: 'gadget' }, { type: 'ethernet' }],
  ['preferred type', { type: 'bluetooth' }, { type: 'ethernet' }, ['bluetooth']],
  ['ethernet before wifi', { type: 'ethernet', strength: 0 }, { type: 'wifi' }],
  ['wifi before cellular', { type: 'wifi' }, { type: 'cellular' }],
  ['vpn before gadget', { type: 'vpn' }, { type: 'gadget' }],
  ['strength', { strength: 60, name: 'z' }, { strength: 50, name: 'a' }],
  ['name by bytes', { name: 'B' }, { name: 'a' }],
  ['no name first', { name: undefined }, { name: 'a' }],
];

for (const [what, better, worse, preferred = []] of ROWS) {
  test(what, () => {
    const [one, other] = [
      { ...plain, ...better },
      { ...plain, ...worse },
    ];
    assert.ok(compareServices(one, other, preferred) < 0);
    assert.ok(compareServices(other, one, preferred) > 0);
  });
}

test('equal services tie, so that a stable sort keeps the order of a user', () => {
  assert.is(compareServices(plain, { ...plain }, ['wifi']), 0);
});

test.run();
