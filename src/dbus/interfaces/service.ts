/**
 * net.connman.Service: a network to connect to, at `/net/connman/service/IDENTIFIER`.
 * Names, signatures and their order are ConnMan's, and so is the order of the dictionary.
 */

import { describeInterface } from '../interface.ts';

/** A network to connect to, at `/net/connman/service/IDENTIFIER`. */
export const serviceInterface = describeInterface({
  name: 'net.connman.Service',
  methods: {
    GetProperties: { out: { properties: 'a{sv}' }, deprecated: true },
    SetProperty: { in: { name: 's', value: 'v' } },
    ClearProperty: { in: { name: 's' } },
    Connect: {},
    Disconnect: {},
    Remove: {},
    MoveBefore: { in: { service: 'o' } },
    MoveAfter: { in: { service: 'o' } },
    ResetCounters: {},
  },
  signals: {
    PropertyChanged: { name: 's', value: 'v' },
  },
  properties: {
    Type: 's',
    Security: 'as',
    State: 's',
    Error: 's',
    Strength: 'y',
    Favorite: 'b',
    Immutable: 'b',
    AutoConnect: { type: 'b', access: 'readwrite' },
    Name: 's',
    Roaming: 'b',
    Ethernet: 'a{sv}',
    IPv4: 'a{sv}',
    'IPv4.Configuration': { type: 'a{sv}', access: 'readwrite' },
    IPv6: 'a{sv}',
    'IPv6.Configuration': { type: 'a{sv}', access: 'readwrite' },
    Nameservers: 'as',
    'Nameservers.Configuration': { type: 'as', access: 'readwrite' },
    Timeservers: 'as',
    'Timeservers.Configuration': { type: 'as', access: 'readwrite' },
    Domains: 'as',
    'Domains.Configuration': { type: 'as', access: 'readwrite' },
    Proxy: 'a{sv}',
    'Proxy.Configuration': { type: 'a{sv}', access: 'readwrite' },
    mDNS: 'b',
    'mDNS.Configuration': { type: 'b', access: 'readwrite' },
    Provider: 'a{sv}',
    LastAddressConflict: 'a{sv}',
  },
});
