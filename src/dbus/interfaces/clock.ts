/**
 * net.connman.Clock: time, time zone and time servers, at `/` of net.connman.
 * Names, signatures and their order are ConnMan's, and so is the order of the dictionary.
 */

import { describeInterface } from '../interface.ts';

/** Time, time zone and time servers, at `/` of net.connman. */
export const clockInterface = describeInterface({
  name: 'net.connman.Clock',
  methods: {
    GetProperties: { out: { properties: 'a{sv}' } },
    SetProperty: { in: { name: 's', value: 'v' } },
  },
  signals: {
    PropertyChanged: { name: 's', value: 'v' },
  },
  properties: {
    Time: { type: 't', access: 'readwrite' },
    TimeUpdates: { type: 's', access: 'readwrite' },
    Timezone: { type: 's', access: 'readwrite' },
    TimezoneUpdates: { type: 's', access: 'readwrite' },
    Timeservers: { type: 'as', access: 'readwrite' },
    TimeserverSynced: 'b',
  },
});
