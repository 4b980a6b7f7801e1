/**
 * Ours beside Debian's connmand: the scripts of test/oracle are played with ours, and what a client
 * sees is held against what connmand showed when `npm run test:oracle` last recorded it.
 */

import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DAEMONS } from '../helpers/daemons.ts';
import { compareTranscripts, disorder } from '../oracle/compare.ts';
import { EXPLANATIONS, explain, type Explanation } from '../oracle/differences.ts';
import { play } from '../oracle/recorder.ts';
import { SCRIPTS } from '../oracle/scripts.ts';
import { parseTranscript } from '../oracle/transcript.ts';

const used = new Set<Explanation>();

for (const script of SCRIPTS) {
  test(`${script.name}: as ConnMan`, async () => {
    const oracle = parseTranscript(readFileSync(`test/oracle/${script.name}.txt`, 'utf8'));
    const ours = await play(script, DAEMONS.causeway);
    const unexplained = compareTranscripts(oracle, ours).filter((difference) => {
      const explanation = explain(difference);
      if (explanation !== undefined) used.add(explanation);
      return explanation === undefined;
    });
    assert.equal(unexplained.map(({ side, step, line }) => `${step}: ${side} ${line}`), []);
    assert.equal(disorder(ours), []);
    assert.ok(oracle.flatMap(({ lines }) => lines).length > 50, 'there is something to compare');
  });
}

test('every explanation is needed', () => {
  assert.equal(EXPLANATIONS.filter((each) => !used.has(each)).map(({ why }) => why), []);
});

test.run();
