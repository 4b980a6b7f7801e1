/** Which observations make a line of the lab's timeline, and which do not. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { milestone } from '../../../tools/lab/timeline.ts';

const at = 0;
const signal = { at, kind: 'signal', path: '/net/connman/service/ethernet_1_cable' } as const;

test('what the device goes through is told in words', () => {
  assert.equal(milestone({ at, kind: 'carrier', link: 'eth0', isOn: true }), { what: 'carrier', detail: 'eth0' });
  const text = 'DHCPACK(bridge) 10.77.12.209 02:00:00:00:00:00 device';
  const lease = { what: 'DHCP lease', detail: '10.77.12.209' };
  assert.equal(milestone({ at, kind: 'dhcp', message: 'DHCPACK', text }), lease);
  const resolvConf = '# x\nnameserver 10.77.0.1\nsearch a\n';
  const written = milestone({ at, kind: 'file', path: '/etc/resolv.conf', text: resolvConf });
  assert.equal(written, { what: 'DNS', detail: 'resolv.conf: nameserver 10.77.0.1' });
  const manager = { ...signal, path: '/', name: 'net.connman.Manager.PropertyChanged' };
  assert.is(milestone({ ...manager, body: ['State', 'online'] })?.what, 'online');
  const service = { ...signal, name: 'net.connman.Service.PropertyChanged', body: ['State', 'idle'] };
  assert.equal(milestone(service), { what: 'service', detail: 'ethernet_1_cable is idle' });
});

test('the kernel\'s own addresses, other routes and other properties are left out', () => {
  const address = { at, kind: 'address', link: 'eth0', isAdded: true } as const;
  assert.is(milestone({ ...address, address: 'fe80::1/64' }), undefined);
  assert.is(milestone({ at, kind: 'route', link: 'eth0', isAdded: true, route: '10.0.0.0/8 dev eth0' }), undefined);
  assert.is(milestone({ at, kind: 'carrier', link: 'lo', isOn: true }), undefined);
  assert.is(milestone({ ...signal, name: 'net.connman.Service.PropertyChanged', body: ['Name', 'Wired'] }), undefined);
  assert.is(milestone({ ...signal, name: 'net.connman.Manager.ServicesChanged', body: [[], []] }), undefined);
});

test.run();
