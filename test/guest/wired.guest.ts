/**
 * What the wired core asks of a kernel that the machine's own may lack or must not be asked: VLANs,
 * bonds, loss on the wire, radio switches, the wall clock.
 */

import * as assert from 'uvu/assert';
import { guestCase, runCases } from '../helpers/guest/cases.ts';
import { testSystem } from '../helpers/system.ts';

guestCase('the wall clock is set', () => {
  const system = testSystem();
  const wanted = Date.UTC(2031, 4, 5, 6, 7, 8);
  system.setWallClock(wanted);
  assert.ok(Math.abs(Date.now() - wanted) < 5000, String(new Date()));
});

await runCases();
