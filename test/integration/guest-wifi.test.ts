/**
 * Boots the guest for the Wi-Fi cases (test/guest/wifi.guest.ts) and reports them.
 */

import { AIR_PEERS } from '../helpers/guest/air.ts';
import { runGuest } from '../helpers/guest/guest.ts';

await runGuest('test/guest/wifi.guest.ts', { peers: AIR_PEERS });
