/**
 * Boots the guest for the cases with three radios (test/guest/radios.guest.ts) and reports them.
 */

import { AIR_PEERS } from '../helpers/guest/air.ts';
import { runGuest } from '../helpers/guest/guest.ts';

await runGuest('test/guest/radios.guest.ts', { peers: AIR_PEERS });
