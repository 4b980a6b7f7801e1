/**
 * net.connman.iwd.Agent: what iwd asks for secrets, served by connmand at `/net/connman/iwd_agent`.
 * ConnMan serves a part of it; the rest is iwd's documentation, "Agent" and "SignalLevelAgent".
 */

import { describeInterface } from '../interface.ts';

/** As far as ConnMan serves it; names, signatures and their order are ConnMan's. */
export const iwdAgentInterface = describeInterface({
  name: 'net.connman.iwd.Agent',
  methods: {
    Release: {},
    RequestPassphrase: { in: { path: 'o' }, out: { passphrase: 's' } },
    Cancel: { in: { reason: 's' } },
  },
  signals: {},
});

/** All that iwd may ask, 802.1X included. */
export const iwdFullAgentInterface = describeInterface({
  ...iwdAgentInterface,
  methods: {
    ...iwdAgentInterface.methods,
    RequestPrivateKeyPassphrase: { in: { path: 'o' }, out: { passphrase: 's' } },
    RequestUserNameAndPassword: { in: { path: 'o' }, out: { user: 's', password: 's' } },
    RequestUserPassword: { in: { path: 'o', user: 's' }, out: { password: 's' } },
  },
});

/** Hears how well a station is heard, in levels it has asked for. */
export const iwdSignalAgentInterface = describeInterface({
  name: 'net.connman.iwd.SignalLevelAgent',
  methods: { Release: { in: { device: 'o' } }, Changed: { in: { device: 'o', level: 'y' } } },
  signals: {},
});
