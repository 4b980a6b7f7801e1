/**
 * net.connman.Technology: a kind of network, at `/net/connman/technology/TYPE`.
 * Names, signatures and their order are ConnMan's, and so is the order of the dictionary.
 */

import { describeInterface } from '../interface.ts';

/** A kind of network, at `/net/connman/technology/TYPE`. */
export const technologyInterface = describeInterface({
  name: 'net.connman.Technology',
  methods: {
    GetProperties: { out: { properties: 'a{sv}' }, deprecated: true },
    SetProperty: { in: { name: 's', value: 'v' } },
    Scan: {},
  },
  signals: {
    PropertyChanged: { name: 's', value: 'v' },
  },
  properties: {
    Name: 's',
    Type: 's',
    Powered: { type: 'b', access: 'readwrite' },
    Connected: 'b',
    Tethering: { type: 'b', access: 'readwrite' },
    TetheringIdentifier: { type: 's', access: 'readwrite' },
    TetheringPassphrase: { type: 's', access: 'readwrite' },
    TetheringFreq: { type: 'i', access: 'readwrite' },
  },
});
