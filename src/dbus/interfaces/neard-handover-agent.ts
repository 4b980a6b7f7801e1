/**
 * org.neard.HandoverAgent: what neard asks for out-of-band data, served at `/net/connman/neard_handover_agent`.
 * Names, signatures and their order are ConnMan's.
 */

import { describeInterface } from '../interface.ts';

/** What neard asks for out-of-band data, served at `/net/connman/neard_handover_agent`. */
export const neardHandoverAgentInterface = describeInterface({
  name: 'org.neard.HandoverAgent',
  methods: {
    RequestOOB: { in: { data: 'a{sv}' }, out: { data: 'a{sv}' } },
    PushOOB: { in: { data: 'a{sv}' } },
    Release: {},
  },
  signals: {},
});
