/**
 * Boots the guest for the cases that set the clock (test/guest/clock.guest.ts) and reports them.
 */

import { runGuest } from '../helpers/guest/guest.ts';

await runGuest('test/guest/clock.guest.ts');
