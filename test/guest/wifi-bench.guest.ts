/**
 * Wi-Fi beside Debian's ConnMan: rounds of `measureJoin` and many networks at once, one line of JSON each
 * for tools/bench/wifi.ts, which boots the guest for it. No test: nothing is asserted but that both get online.
 */

import { type Beside, measureCrowd, measureJoin, openBeside } from '../helpers/guest/beside.ts';
import { guestCase, runCases } from '../helpers/guest/cases.ts';

const ROUNDS = 3;
const CROWD = 50;

let opened: Promise<Beside> | undefined;

for (let round = 0; round < ROUNDS; round++) {
  const names = ['causeway', 'debian'] as const;
  for (const name of round % 2 === 0 ? names : names.toReversed()) {
    guestCase(`round ${round + 1}: ${name}`, async () => {
      const times = await measureJoin(await (opened ??= openBeside()), name);
      console.log(`measured ${JSON.stringify({ name, times })}`);
    });
  }
}

guestCase(`${CROWD} networks in the air`, async () => {
  const figures = await measureCrowd(await (opened ??= openBeside()), 'causeway', CROWD);
  console.log(`crowd ${JSON.stringify(figures)}`);
});

await runCases();
