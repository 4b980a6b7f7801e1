/**
 * net.connman.Counter: what is told of traffic, served by clients.
 * Names, signatures and their order are ConnMan's.
 */

import { describeInterface } from '../interface.ts';

/** What is told of traffic, served by clients. */
export const counterInterface = describeInterface({
  name: 'net.connman.Counter',
  methods: {
    Release: { noReply: true },
    Usage: { in: { service: 'o', home: 'a{sv}', roaming: 'a{sv}' }, noReply: true },
  },
  signals: {},
});
