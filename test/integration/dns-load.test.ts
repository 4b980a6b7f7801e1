/**
 * The proxy at full load while its first server falls silent, comes back, dies and is started anew:
 * every question is answered in the time programs wait, and memory does not grow.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadProxy } from '../helpers/dns-load.ts';

test('nothing is lost but time, and memory stays', async () => {
  const { completed, lost, refused, earlyMb, lateMb, askedAgain } = await loadProxy({ seconds: 15, names: 20_000 });
  assert.ok(completed > 20_000, `${completed} answers`);
  // The client drops what does not fit into its own buffer; to ask again is what programs do.
  assert.ok(lost <= completed / 10_000, `${lost} of ${completed} lost`);
  assert.is(refused, 0);
  assert.equal(askedAgain, { completed: 20_000, lost: 0, refused: 0 });
  // Also while the first server is silent, which is early.
  assert.ok(earlyMb < 160 && lateMb < 160, `${earlyMb} MB, then ${lateMb} MB`);
});

test.run();
