/** Which polkit action a call of connman-vpnd needs. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { variant } from '../../../src/dbus/signature.ts';
import { actionOf } from '../../../vpn/plugins/polkit.ts';

const MODIFY = 'net.connman.vpn.modify';
const SECRET = 'net.connman.vpn.secret';
const CONNECTION = 'net.connman.vpn.Connection';
const MANAGER = 'net.connman.vpn.Manager';

test('what a call needs', () => {
  const set = (name: string, value: unknown = variant('s', 'x')) => ({ name, value });
  const both = variant('a{sv}', new Map([['Name', variant('s', 'n')], ['WireGuard.PrivateKey', variant('s', 'k')]]));
  const cases: [name: string, member: string, args: Record<string, unknown>, wanted: string | undefined][] = [
    [MANAGER, 'GetConnections', {}, MODIFY],
    [MANAGER, 'Create', {}, MODIFY],
    [MANAGER, 'RegisterAgent', {}, MODIFY],
    [MANAGER, 'UnregisterAgent', {}, undefined],
    ['net.causeway.vpn.Manager1', 'Import', {}, MODIFY],
    [CONNECTION, 'GetProperties', {}, MODIFY],
    [CONNECTION, 'Connect2', {}, MODIFY],
    [CONNECTION, 'SetProperty', set('Name'), MODIFY],
    [CONNECTION, 'SetProperty', set('OpenVPN.Password'), SECRET],
    [CONNECTION, 'SetProperty', set('WireGuard.Peer.two.PresharedKey'), SECRET],
    [CONNECTION, 'SetProperty', set('Properties', both), SECRET],
    [CONNECTION, 'SetProperty', set('Properties'), MODIFY],
    ['org.freedesktop.DBus.ObjectManager', 'GetManagedObjects', {}, MODIFY],
    ['org.freedesktop.DBus.Properties', 'GetAll', {}, MODIFY],
    ['org.freedesktop.DBus.Introspectable', 'Introspect', {}, undefined],
    ['org.freedesktop.DBus.Peer', 'Ping', {}, undefined],
    ['net.connman.Task', 'notify', {}, undefined],
  ];
  for (const [name, member, args, wanted] of cases) {
    assert.is(actionOf({ interface: name, member, args }), wanted, `${name}.${member}`);
  }
});

test.run();
