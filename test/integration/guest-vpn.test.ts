/**
 * Boots the guest for the VPNs that need its kernel (test/guest/vpn.guest.ts) and reports its cases.
 */

import { runGuest } from '../helpers/guest/guest.ts';

const peers = ['iputils-ping', 'ppp', 'pptp-linux', 'pptpd', 'wireguard-tools', 'xl2tpd'];
await runGuest('test/guest/vpn.guest.ts', { peers });
