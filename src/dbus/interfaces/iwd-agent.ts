/**
 * net.connman.iwd.Agent: what iwd asks for passphrases, served by connmand at `/net/connman/iwd_agent`.
 * Names, signatures and their order are ConnMan's.
 */

import { describeInterface } from '../interface.ts';

/** What iwd asks for passphrases, served by connmand at `/net/connman/iwd_agent`. */
export const iwdAgentInterface = describeInterface({
  name: 'net.connman.iwd.Agent',
  methods: {
    Release: {},
    RequestPassphrase: { in: { path: 'o' }, out: { passphrase: 's' } },
    Cancel: { in: { reason: 's' } },
  },
  signals: {},
});
