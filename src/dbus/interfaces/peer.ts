/**
 * net.connman.Peer: a Wi-Fi Direct peer, at `/net/connman/peer/peer_DEVICE_IDENTIFIER`.
 * Names, signatures and their order are ConnMan's, and so is the order of the dictionary.
 */

import { describeInterface } from '../interface.ts';

/** A Wi-Fi Direct peer, at `/net/connman/peer/peer_DEVICE_IDENTIFIER`. */
export const peerInterface = describeInterface({
  name: 'net.connman.Peer',
  methods: {
    GetProperties: { out: { properties: 'a{sv}' } },
    Connect: {},
    Disconnect: {},
  },
  signals: {
    PropertyChanged: { name: 's', value: 'v' },
  },
  properties: {
    State: 's',
    Name: 's',
    IPv4: 'a{sv}',
    Services: 'a(a{sv})',
  },
});
