/**
 * Ours on Wi-Fi as ConnMan: the script that Debian's connmand was recorded with (test/oracle/wifi-script.ts),
 * played with our connmand, part by part. The air is never twice the same: what differs must differ twice.
 */

import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { DAEMONS } from '../helpers/daemons.ts';
import { guestCase } from '../helpers/guest/cases.ts';
import { type Explanation, WIFI_EXPLANATIONS } from '../oracle/differences.ts';
import { parseTranscript } from '../oracle/transcript.ts';
import { WifiAir } from '../oracle/wifi-air.ts';
import { unexplainedOnWifi } from '../oracle/wifi-compare.ts';
import { BETWEEN, type WifiPart, wifiParts } from '../oracle/wifi-script.ts';

/** Adds the cases, on the first two of `radios`; the last gives the radios back. */
export function oracleCases(radios: Parameters<typeof WifiAir.open>[1]): void {
  const used = new Set<Explanation>();
  const oracle = parseTranscript(readFileSync('test/oracle/wifi.txt', 'utf8'));
  let opened: Promise<WifiAir> | undefined;
  for (const part of wifiParts(process.env['WIFI_PARTS'])) {
    guestCase(`as ConnMan: ${part.name}`, async () => {
      const air = await (opened ??= WifiAir.open(DAEMONS.causeway, radios));
      const differences = async (): Promise<readonly string[]> =>
        unexplainedOnWifi(oracle, await played(air, part), used);
      const first = await differences().catch((error: unknown) => String(error));
      if (first.length === 0) return;
      console.log(`once more, for:\n${typeof first === 'string' ? first : first.join('\n')}`);
      const second = await differences();
      assert.equal(typeof first === 'string' ? second : second.filter((each) => first.includes(each)), []);
    });
  }
  guestCase('as ConnMan: there is something to compare', async () => {
    assert.ok(oracle.flatMap(({ lines }) => lines).length > 300);
    // Some are a matter of time; one that is never needed has to go.
    for (const { why } of WIFI_EXPLANATIONS.filter((each) => !used.has(each))) console.log(`not needed: ${why}`);
    const recorded = new Set(oracle.map(({ name }) => name));
    const player = (await opened)?.player;
    const played = new Set(player?.steps.map(({ name }) => name));
    for (const name of played) if (name !== BETWEEN && !recorded.has(name)) console.log(`not recorded: ${name}`);
    await player?.cell.close();
  });
}

async function played(air: WifiAir, part: WifiPart) {
  const before = air.player.steps.length;
  try {
    await part.play(air);
    return air.player.steps.slice(before);
  } catch (error) {
    console.log(air.supplicant.text.slice(-4000));
    console.log(air.player.text.slice(-8000));
    throw error;
  } finally {
    for (const step of air.player.steps.slice(before)) console.log(`step ${JSON.stringify(step)}`);
  }
}
