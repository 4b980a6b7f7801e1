/**
 * net.connman.Task: how VPN helper programs report back, at `/task/N` of connman-vpnd's unique name.
 * Names, signatures and their order are ConnMan's.
 */

import { describeInterface } from '../interface.ts';

/** How VPN helper programs report back, at `/task/N` of connman-vpnd's unique name. */
export const taskInterface = describeInterface({
  name: 'net.connman.Task',
  isUnlisted: true,
  methods: {
    notify: { in: { reason: 's', environment: 'a{ss}' }, noReply: true },
    getsec: { out: { username: 's', password: 's' } },
  },
  signals: {},
});
