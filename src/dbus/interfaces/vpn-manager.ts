/**
 * net.connman.vpn.Manager: the VPN daemon itself, at `/` of net.connman.vpn.
 * Names, signatures and their order are ConnMan's.
 */

import { describeInterface } from '../interface.ts';

/** The VPN daemon itself, at `/` of net.connman.vpn. */
export const vpnManagerInterface = describeInterface({
  name: 'net.connman.vpn.Manager',
  methods: {
    Create: { in: { properties: 'a{sv}' }, out: { path: 'o' } },
    Remove: { in: { identifier: 'o' } },
    GetConnections: { out: { connections: 'a(oa{sv})' } },
    RegisterAgent: { in: { path: 'o' } },
    UnregisterAgent: { in: { path: 'o' } },
  },
  signals: {
    ConnectionAdded: { identifier: 'o', properties: 'a{sv}' },
    ConnectionRemoved: { identifier: 'o' },
  },
});
