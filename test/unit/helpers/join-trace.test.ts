/** What the bench takes for a stumble, and what for a way into a network. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { CellEvent } from '../../helpers/event-log.ts';
import { stumblesOf, timelineOf } from '../../helpers/guest/join-trace.ts';

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

test.run();
