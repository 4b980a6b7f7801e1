/**
 * net.connman.Session: an application's session, at `/sessions/SENDER/NOTIFIER`.
 * Names, signatures and their order are ConnMan's.
 */

import { describeInterface } from '../interface.ts';

/** An application's session, at `/sessions/SENDER/NOTIFIER`. */
export const sessionInterface = describeInterface({
  name: 'net.connman.Session',
  methods: {
    Destroy: {},
    Connect: {},
    Disconnect: {},
    Change: { in: { name: 's', value: 'v' } },
  },
  signals: {},
});
