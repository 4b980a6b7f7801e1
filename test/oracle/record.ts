/**
 * `npm run test:oracle`: plays every script with Debian's connmand and writes what it answered to
 * test/oracle/<script>.txt, and the settings it leaves to storage.json, for oracle.test.ts and takeover.test.ts
 * in test/integration, and test/unit/oracle, to hold ours against. Names of scripts (or `storage`) choose some;
 * `wifi`, which boots the guest, only when it is named. With `--causeway FOLDER` ours is played and written to
 * FOLDER instead, to look at.
 */

import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { DAEMONS } from '../helpers/daemons.ts';
import { AIR_PEERS } from '../helpers/guest/air.ts';
import { runGuest } from '../helpers/guest/guest.ts';
import { play, type Step } from './recorder.ts';
import { SCRIPTS } from './scripts.ts';
import { fillStorage } from './storage.ts';
import { formatTranscript } from './transcript.ts';

const { values, positionals } = parseArgs({ options: { causeway: { type: 'string' } }, allowPositionals: true });
const daemon = values.causeway === undefined ? DAEMONS.debian : DAEMONS.causeway;
for (const script of SCRIPTS.filter(({ name }) => positionals.length === 0 || positionals.includes(name))) {
  const steps = await play(script, daemon);
  writeFileSync(`${values.causeway ?? 'test/oracle'}/${script.name}.txt`, formatTranscript(daemon.title, steps));
  console.log(`${script.name}: ${steps.length} steps, ${steps.flatMap(({ lines }) => lines).length} lines`);
}
if (positionals.length === 0 || positionals.includes('storage')) {
  const files = await fillStorage(daemon);
  writeFileSync(`${values.causeway ?? 'test/oracle'}/storage.json`, `${JSON.stringify(files, undefined, 2)}\n`);
  console.log(`storage: ${Object.keys(files).length} files`);
}
if (positionals.includes('wifi')) {
  const steps: Step[] = [];
  const onLine = (line: string): void => {
    const text = /^step (\{.*\})$/.exec(line)?.[1];
    if (text === undefined) return console.log(line);
    steps.push(JSON.parse(text));
    writeFileSync(`${values.causeway ?? 'test/oracle'}/wifi.txt`, formatTranscript(daemon.title, steps));
  };
  // Ours is held against what the other answered as well.
  const file = values.causeway === undefined ? 'wifi-record' : 'wifi-replay';
  await runGuest(`test/guest/${file}.guest.ts`, { peers: [...AIR_PEERS, 'connman'], onLine });
  console.log(`wifi: ${steps.length} steps`);
}
process.exit();
