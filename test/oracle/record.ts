/**
 * `npm run test:oracle`: plays every script with Debian's connmand and writes what it answered to
 * test/oracle/<script>.txt, for test/integration/oracle.test.ts to hold ours against. With
 * `--causeway FOLDER` ours is played and written to FOLDER instead, to look at.
 */

import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { DAEMONS } from '../helpers/daemons.ts';
import { play } from './recorder.ts';
import { SCRIPTS } from './scripts.ts';
import { formatTranscript } from './transcript.ts';

const { values, positionals } = parseArgs({ options: { causeway: { type: 'string' } }, allowPositionals: true });
const daemon = values.causeway === undefined ? DAEMONS.debian : DAEMONS.causeway;
for (const script of SCRIPTS.filter(({ name }) => positionals.length === 0 || positionals.includes(name))) {
  const steps = await play(script, daemon);
  writeFileSync(`${values.causeway ?? 'test/oracle'}/${script.name}.txt`, formatTranscript(daemon.title, steps));
  console.log(`${script.name}: ${steps.length} steps, ${steps.flatMap(({ lines }) => lines).length} lines`);
}
process.exit(0);
