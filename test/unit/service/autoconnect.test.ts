/** Which services connect by themselves. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { chooseAutoconnect, type AutoconnectOptions, type Candidate } from '../../../src/service/autoconnect.ts';

interface Named extends Candidate {
  readonly id: string;
}

const service = (id: string, change: Partial<Candidate> = {}): Named => ({
  id,
  type: 'wifi',
  state: 'idle',
  isFavorite: true,
  isAutoconnect: true,
  isIgnored: false,
  isConfigurable: true,
  isReachable: true,
  ...change,
});
const options = (change: Partial<AutoconnectOptions> = {}): AutoconnectOptions => ({
  preferredTechnologies: [],
  alwaysConnectedTechnologies: [],
  ...change,
});
const chosen = (services: Named[], given = options()): string[] =>
  chooseAutoconnect(services, given).map(({ id }) => id);

test('the first that can is connected, and only it', () => {
  assert.equal(chosen([service('a'), service('b')]), ['a']);
});

test('nothing while one is up or coming up', () => {
  for (const state of ['association', 'configuration', 'ready', 'online'] as const) {
    assert.equal(chosen([service('a', { state }), service('b')]), []);
  }
});

test('what the user left, what failed, what cannot and VPNs are passed over', () => {
  const services = [
    service('ignored', { isIgnored: true }),
    service('failed', { state: 'failure' }),
    service('off', { isConfigurable: false }),
    service('manual', { isAutoconnect: false }),
    service('tunnel', { type: 'vpn' }),
    service('good'),
  ];
  assert.equal(chosen(services), ['good']);
});

test('the walk ends at the first that is no favorite', () => {
  assert.equal(chosen([service('new', { isFavorite: false }), service('old')]), []);
});

test('preferred technologies come first, in their order', () => {
  const services = [service('w'), service('c', { type: 'cellular' }), service('e', { type: 'ethernet' })];
  assert.equal(chosen(services, options({ preferredTechnologies: ['cellular', 'ethernet'] })), ['c']);
});

test('always connected technologies get one service each beside what is up', () => {
  const services = [
    service('e', { type: 'ethernet', state: 'ready' }),
    service('w1'),
    service('w2'),
    service('c', { type: 'cellular' }),
  ];
  const always = options({ alwaysConnectedTechnologies: ['ethernet', 'wifi', 'cellular'] });
  assert.equal(chosen(services, always), ['w1', 'c']);
});

test.run();
