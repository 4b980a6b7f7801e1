/**
 * net.connman.vpn.Connection: a VPN, at `/net/connman/vpn/connection/IDENTIFIER` of net.connman.vpn.
 * Names, signatures and their order are ConnMan's, and so is the order of the dictionary.
 */

import { describeInterface } from '../interface.ts';

/** A VPN, at `/net/connman/vpn/connection/IDENTIFIER` of net.connman.vpn. */
export const vpnConnectionInterface = describeInterface({
  name: 'net.connman.vpn.Connection',
  methods: {
    GetProperties: { out: { properties: 'a{sv}' } },
    SetProperty: { in: { name: 's', value: 'v' } },
    ClearProperty: { in: { name: 's' } },
    Connect: {},
    Connect2: { in: { dbus_sender: 's' } },
    Disconnect: {},
  },
  signals: {
    PropertyChanged: { name: 's', value: 'v' },
  },
  properties: {
    State: 's',
    Type: { type: 's', access: 'readwrite' },
    Name: { type: 's', access: 'readwrite' },
    Host: { type: 's', access: 'readwrite' },
    Index: 'i',
    Domain: { type: 's', access: 'readwrite' },
    Immutable: 'b',
    SplitRouting: { type: 'b', access: 'readwrite' },
    IPv4: 'a{sv}',
    IPv6: 'a{sv}',
    Nameservers: 'as',
    UserRoutes: { type: 'a(a{sv})', access: 'readwrite' },
    ServerRoutes: 'a(a{sv})',
  },
});
