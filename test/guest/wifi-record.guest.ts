/**
 * Plays the Wi-Fi script (test/oracle/wifi-script.ts) with Debian's connmand and prints what it answered,
 * a step a line, and the settings it leaves, for test/oracle/record.ts. No test: nothing is asserted.
 */

import { managerInterface } from '../../src/dbus/interfaces/manager.ts';
import { DAEMONS } from '../helpers/daemons.ts';
import { forgetAll, openBeside, storedFiles } from '../helpers/guest/beside.ts';
import { guestCase, runCases } from '../helpers/guest/cases.ts';
import { Player } from '../oracle/recorder.ts';
import { playWifi } from '../oracle/wifi-script.ts';

guestCase('the script with ConnMan', async () => {
  const beside = await openBeside();
  forgetAll(beside);
  const player = new Player(beside.cell, DAEMONS.debian);
  await playWifi(player, {
    register: () => beside.bus.proxy(managerInterface, 'net.connman', '/').RegisterAgent({ path: '/agent' }),
    answer: (passphrase) => {
      beside.agent.answer = { Passphrase: passphrase };
    },
  });
  for (const step of player.steps) console.log(`step ${JSON.stringify(step)}`);
  console.log(`stored ${JSON.stringify(storedFiles(beside))}`);
});

await runCases();
