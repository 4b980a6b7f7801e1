/**
 * net.causeway.vpn.Manager1: what connman-vpnd does beside ConnMan's interface, at `/` of net.connman.vpn.
 */

import { describeInterface } from '../interface.ts';

/** What connman-vpnd does beside ConnMan's interface. */
export const causewayVpnManagerInterface = describeInterface({
  name: 'net.causeway.vpn.Manager1',
  methods: {
    /** Makes a connection of a wg-quick or .ovpn file's text; `remarks` is what was passed over. */
    Import: { in: { name: 's', text: 's' }, out: { path: 'o', remarks: 'as' } },
    /** Takes over what others have put on disk. */
    Reload: {},
  },
  signals: {},
});
