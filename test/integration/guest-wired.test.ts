/**
 * Boots the guest for the wired core's cases (test/guest/wired.guest.ts) and reports them.
 */

import { runGuest } from '../helpers/guest/guest.ts';

await runGuest('test/guest/wired.guest.ts', { peers: ['nftables'] });
