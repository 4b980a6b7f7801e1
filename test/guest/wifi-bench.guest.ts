/**
 * Wi-Fi beside Debian's ConnMan: rounds of `JoinRound`, one line of JSON for each step, for
 * tools/bench/wifi.ts, which boots the guest for it. No test: nothing is asserted but that both get online.
 * A step on whose way the station stumbled (a lost frame, a slow access point) is told and made once more.
 */

import { type Beside, openBeside } from '../helpers/guest/beside.ts';
import { guestCase, runCases } from '../helpers/guest/cases.ts';
import { becomeLogind, JOIN_STEPS, JoinRound, measureCrowd, nodeStartMs } from '../helpers/guest/join-times.ts';

const { BENCH_ROUNDS = '3', BENCH_BUDGET_MS = '390000', BENCH_CROWD, BENCH_TRACE } = process.env;
const CROWD = 50;

const NAMES = ['causeway', 'debian'] as const;

let opened: Promise<Beside> | undefined;
const open = (): Promise<Beside> => (opened ??= openBeside().then(async (beside) => {
  await becomeLogind(beside);
  await settleAir(beside);
  return beside;
}));

// Scans take twice as long, whoever makes them, until the access point has been off for the first time.
async function settleAir({ cell }: Beside): Promise<void> {
  for (const word of ['disable', 'enable']) {
    await cell.server.output(['hostapd_cli', '-p', '/run/hostapd', '-i', 'wlan0', word]);
  }
}

/** What the longest round took so far; one more is begun where it ends in time. */
let longestMs = 0;
let roundAt = 0;
let isOver = false;

for (let round = 0; round < Number(BENCH_ROUNDS); round++) {
  guestCase(`round ${round + 1} begins`, async () => {
    await open();
    if (round > 0) longestMs = Math.max(longestMs, performance.now() - roundAt);
    roundAt = performance.now();
    isOver = round > 0 && roundAt + longestMs > Number(BENCH_BUDGET_MS);
    if (isOver) console.log(`no time for round ${round + 1}: ${(longestMs / 1000).toFixed(0)} s each`);
  });
  for (const name of round % 2 === 0 ? NAMES : NAMES.toReversed()) defineRound(round, name);
}

function defineRound(round: number, name: (typeof NAMES)[number]): void {
  let running: JoinRound | undefined;
  let hasFailed = false;
  for (const step of JOIN_STEPS) {
    guestCase(`round ${round + 1}: ${name}: ${step}`, async () => {
      if (isOver || hasFailed) return;
      running ??= new JoinRound(await open(), name);
      await measure(running, name, step).catch((error: unknown) => {
        hasFailed = true;
        console.log(running?.daemon.text.slice(-9000));
        throw error;
      });
    });
  }
  guestCase(`round ${round + 1}: ${name}: end`, async () => running?.end());
}

// oxlint-disable-next-line max-params -- whose step
async function measure(
  running: JoinRound, name: (typeof NAMES)[number], step: (typeof JOIN_STEPS)[number],
): Promise<void> {
  for (let tries = 0; tries < 2; tries++) {
    const { times, stumbles, timeline } = await running.step(step);
    if (BENCH_TRACE !== undefined) console.log(`timeline ${timeline}`);
    if (stumbles.length === 0) return console.log(`measured ${JSON.stringify({ name, times })}`);
    console.log(`stumbled ${JSON.stringify({ name, step, stumbles })}`);
  }
}

guestCase('how slow Node is here', async () => {
  console.log(`emulation ${await nodeStartMs()}`);
});

if (BENCH_CROWD !== undefined) {
  guestCase(`${CROWD} networks in the air`, async () => {
    console.log(`crowd ${JSON.stringify(await measureCrowd(await open(), 'causeway', CROWD))}`);
  });
}

await runCases();
