/**
 * Wi-Fi beside Debian's ConnMan: rounds of `JoinRound` and many networks at once, one line of JSON each
 * for tools/bench/wifi.ts, which boots the guest for it. No test: nothing is asserted but that both get online.
 */

import { type Beside, openBeside } from '../helpers/guest/beside.ts';
import { guestCase, runCases } from '../helpers/guest/cases.ts';
import { becomeLogind, JoinRound, measureCrowd, nodeStartMs } from '../helpers/guest/join-times.ts';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 3);
const CROWD = 50;

let opened: Promise<Beside> | undefined;
const open = (): Promise<Beside> => (opened ??= openBeside().then(async (beside) => {
  await becomeLogind(beside);
  return beside;
}));

const STEPS = ['first', 'later', 'sleep', 'absence', 'restart', 'boot'] as const;

for (let round = 0; round < ROUNDS; round++) {
  const names = ['causeway', 'debian'] as const;
  for (const name of round % 2 === 0 ? names : names.toReversed()) {
    let running: JoinRound | undefined;
    for (const step of STEPS) {
      guestCase(`round ${round + 1}: ${name}: ${step}`, async () => {
        running ??= new JoinRound(await open(), name);
        const round = running;
        const times = await round[step]().catch((error: unknown) => {
          console.log(round.daemon.text.slice(-9000));
          throw error;
        });
        console.log(`measured ${JSON.stringify({ name, times })}`);
      });
    }
    guestCase(`round ${round + 1}: ${name}: end`, async () => running?.end());
  }
}

guestCase('how slow Node is here', async () => {
  console.log(`emulation ${await nodeStartMs()}`);
});

guestCase(`${CROWD} networks in the air`, async () => {
  console.log(`crowd ${JSON.stringify(await measureCrowd(await open(), 'causeway', CROWD))}`);
});

await runCases();
