/**
 * net.connman.Notification: what a session's owner serves, at the path it gave to CreateSession.
 * Names, signatures and their order are ConnMan's.
 */

import { describeInterface } from '../interface.ts';

/** What a session's owner serves, at the path it gave to CreateSession. */
export const notificationInterface = describeInterface({
  name: 'net.connman.Notification',
  methods: {
    Release: { noReply: true },
    Update: { in: { settings: 'a{sv}' } },
  },
  signals: {},
});
