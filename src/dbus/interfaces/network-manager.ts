/**
 * org.freedesktop.NetworkManager: as much of NetworkManager as tells other programs whether there
 * is a network, at `/org/freedesktop/NetworkManager`. Names, numbers and order are NetworkManager's.
 */

import { describeInterface } from '../interface.ts';

/** Whether there is a network, at `/org/freedesktop/NetworkManager`. */
export const networkManagerInterface = describeInterface({
  name: 'org.freedesktop.NetworkManager',
  methods: {},
  signals: {
    PropertiesChanged: { properties: 'a{sv}' },
    StateChanged: { state: 'u' },
  },
  properties: {
    State: 'u',
  },
});
