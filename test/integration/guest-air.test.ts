/**
 * Boots the guest for the cases of a full air and of what comes and goes in it (test/guest/air.guest.ts)
 * and reports them.
 */

import { AIR_PEERS } from '../helpers/guest/air.ts';
import { runGuest } from '../helpers/guest/guest.ts';

await runGuest('test/guest/air.guest.ts', { peers: AIR_PEERS });
