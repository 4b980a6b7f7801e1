/**
 * Plays the Wi-Fi script (test/oracle/wifi-script.ts) with Debian's connmand and prints what it answered,
 * a step a line, for test/oracle/record.ts. No test: nothing is asserted.
 */

import { DAEMONS } from '../helpers/daemons.ts';
import { guestCase, runCases } from '../helpers/guest/cases.ts';
import { WifiAir } from '../oracle/wifi-air.ts';
import { wifiParts } from '../oracle/wifi-script.ts';

let opened: Promise<WifiAir> | undefined;

for (const { name, play } of wifiParts(process.env['WIFI_PARTS'])) {
  guestCase(name, async () => {
    const air = await (opened ??= WifiAir.open(DAEMONS.debian));
    const before = air.player.steps.length;
    try {
      await play(air);
    } catch (error) {
      console.log(air.supplicant.text.slice(-4000));
      console.log(air.player.text.slice(-8000));
      throw error;
    } finally {
      for (const step of air.player.steps.slice(before)) console.log(`step ${JSON.stringify(step)}`);
    }
  });
}

await runCases();
