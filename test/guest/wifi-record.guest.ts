/**
 * Plays the Wi-Fi script (test/oracle/wifi-script.ts) with Debian's connmand and prints what it answered,
 * a step a line, for test/oracle/record.ts. No test: nothing is asserted.
 */

import { DAEMONS } from '../helpers/daemons.ts';
import { guestCase, runCases } from '../helpers/guest/cases.ts';
import { WifiAir } from '../oracle/wifi-air.ts';
import { WIFI_PARTS } from '../oracle/wifi-script.ts';

let opened: Promise<WifiAir> | undefined;

for (const { name, play } of WIFI_PARTS) {
  guestCase(name, async () => {
    const air = await (opened ??= WifiAir.open(DAEMONS.debian));
    const before = air.player.steps.length;
    try {
      await play(air);
    } finally {
      for (const step of air.player.steps.slice(before)) console.log(`step ${JSON.stringify(step)}`);
    }
  });
}

await runCases();
