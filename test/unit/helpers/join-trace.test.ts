/** What the bench takes for a stumble, and what for a way into a network. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { CellEvent } from '../../helpers/event-log.ts';
import { outage, stumblesOf, timelineOf } from '../../helpers/guest/join-trace.ts';

const says = (at: number, changed: object): CellEvent => ({
  at, kind: 'signal', path: '/fi/w1/wpa_supplicant1/Interfaces/0', body: [changed],
  name: 'fi.w1.wpa_supplicant1.Interface.PropertiesChanged',
});

const states = (...all: readonly string[]): CellEvent[] => all.map((State, index) => says(index, { State }));

test('one that comes straight into a network', () => {
  assert.equal(stumblesOf(states('scanning', 'authenticating', 'associating', '4way_handshake', 'completed')), []);
  assert.equal(stumblesOf(states('completed', 'disconnected', 'scanning', 'associated', 'completed')), []);
});

test('handshakes that fail, access points that do not answer', () => {
  const once = ['authenticating', 'associating', '4way_handshake', 'disconnected', 'scanning'];
  assert.equal(stumblesOf(states(...once, 'authenticating', 'completed')), ['4way_handshake → disconnected']);
  assert.equal(stumblesOf(states('authenticating', 'scanning', 'associating', 'inactive')), [
    'authenticating → scanning', 'associating → inactive',
  ]);
});

test('a timeline', () => {
  const events: CellEvent[] = [
    says(10, { Scanning: true, State: 'scanning' }),
    { at: 30, kind: 'signal', path: '/x', name: 'fi.w1.wpa_supplicant1.Interface.ScanDone', body: [true] },
    says(31, { Scanning: false }),
    { at: 40, kind: 'carrier', link: 'wlan1', isOn: true },
    { at: 42.4, kind: 'dhcp', message: 'DHCPACK', text: 'DHCPACK(bridge) …' },
    { at: 50, kind: 'signal', path: '/', name: 'net.connman.Manager.PropertyChanged', body: ['State', 'online'] },
  ];
  const supplicant = '5 w:scanning w:scans, 25 w:ScanDone';
  assert.is(timelineOf(events, 5), `${supplicant}, 35 carrier wlan1 on, 37 DHCPACK, 45 manager:online`);
});

test('how long a link is of no use: from the first that is missing to the last that is there again', () => {
  const carrier = (at: number, isOn: boolean): CellEvent => ({ at, kind: 'carrier', link: 'wlan1', isOn });
  const address = (at: number, isAdded: boolean, what = '192.0.2.2/24', link = 'wlan1'): CellEvent =>
    ({ at, kind: 'address', link, address: what, isAdded });
  const route = (at: number, isAdded: boolean, metric = ''): CellEvent =>
    ({ at, kind: 'route', link: 'wlan1', route: `default via 192.0.2.1 dev wlan1${metric}`, isAdded });
  const up = [carrier(1, true), address(2, true), route(3, true)];
  assert.is(outage([...up, address(20, true), route(21, true)], 'wlan1', 10), 0, 'said once more');
  assert.is(outage([...up, route(20, true, ' metric 9'), route(25, false)], 'wlan1', 10), 0, 'one for another');
  const again = [carrier(40, true), address(50, true), route(55, true)];
  assert.is(outage([...up, carrier(20, false), carrier(24, true)], 'wlan1', 10), 4);
  assert.is(outage([...up, carrier(20, false), address(21, false), ...again], 'wlan1', 10), 35);
  assert.is(outage([...up, route(20, false), route(30, true), address(35, false), ...again], 'wlan1', 10), 30);
  assert.is(outage([...up, address(20, false, 'fe80::1/64')], 'wlan1', 10), 0);
  assert.is(outage([...up, address(20, false, '192.0.2.2/24', 'eth0')], 'wlan1', 10), 0);
});

test.run();
