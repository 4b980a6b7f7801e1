/**
 * net.connman.vpn.Agent: what answers questions about VPNs for the user, served by clients.
 * Names, signatures and their order are ConnMan's.
 */

import { describeInterface } from '../interface.ts';

/** What answers questions about VPNs for the user, served by clients. */
export const vpnAgentInterface = describeInterface({
  name: 'net.connman.vpn.Agent',
  methods: {
    Release: { noReply: true },
    ReportError: { in: { service: 'o', error: 's' } },
    RequestInput: { in: { service: 'o', fields: 'a{sv}' }, out: { fields: 'a{sv}' } },
    Cancel: {},
  },
  signals: {},
});
