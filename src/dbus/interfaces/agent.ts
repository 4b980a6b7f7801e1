/**
 * net.connman.Agent: what answers questions for the user, served by clients.
 * Names, signatures and their order are ConnMan's.
 */

import { describeInterface } from '../interface.ts';

/** What answers questions for the user, served by clients. */
export const agentInterface = describeInterface({
  name: 'net.connman.Agent',
  methods: {
    Release: { noReply: true },
    ReportError: { in: { service: 'o', error: 's' } },
    ReportPeerError: { in: { peer: 'o', error: 's' } },
    RequestBrowser: { in: { service: 'o', url: 's' } },
    RequestInput: { in: { service: 'o', fields: 'a{sv}' }, out: { fields: 'a{sv}' } },
    RequestPeerAuthorization: { in: { peer: 'o', fields: 'a{sv}' }, out: { fields: 'a{sv}' } },
    Cancel: {},
  },
  signals: {},
});
