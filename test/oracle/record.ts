/**
 * `npm run test:oracle`: plays every script with Debian's connmand and writes what it answered to
 * test/oracle/<script>.txt, and the settings it leaves to storage.json, for oracle.test.ts and takeover.test.ts
 * in test/integration, and test/unit/oracle, to hold ours against. Names of scripts (or `storage`) choose some;
 * `wifi`, which boots the guest, only when it is named. With `--causeway FOLDER` ours is played and written to
 * FOLDER instead, to look at. `--part WORDS`, any number of times, plays only the parts of `wifi` with these words
 * in their names, and leaves the rest of what is written as it is.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { DAEMONS } from '../helpers/daemons.ts';
import { AIR_PEERS } from '../helpers/guest/air.ts';
import { runGuest } from '../helpers/guest/guest.ts';
import { play, type Step } from './recorder.ts';
import { SCRIPTS } from './scripts.ts';
import { fillStorage } from './storage.ts';
import { formatTranscript, parseTranscript } from './transcript.ts';
import { BETWEEN } from './wifi-script.ts';

const { values, positionals } = parseArgs({
  options: { causeway: { type: 'string' }, part: { type: 'string', multiple: true, default: [] } },
  allowPositionals: true,
});
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
  const path = `${values.causeway ?? 'test/oracle'}/wifi.txt`;
  const isRest = values.part.length > 0 && existsSync(path);
  const steps = new Map((isRest ? parseTranscript(readFileSync(path, 'utf8')) : []).map((step) => [step.name, step]));
  const onLine = (line: string): void => {
    const text = /^step (\{.*\})$/.exec(line)?.[1];
    if (text === undefined) return console.log(line);
    const step: Step = JSON.parse(text);
    if (step.name === BETWEEN) return;
    steps.set(step.name, step);
    writeFileSync(path, formatTranscript(daemon.title, [...steps.values()]));
  };
  // Ours is held against what the other answered as well.
  const file = values.causeway === undefined ? 'wifi-record' : 'wifi-replay';
  const env = { WIFI_PARTS: values.part.join('|') };
  await runGuest(`test/guest/${file}.guest.ts`, { peers: [...AIR_PEERS, 'connman'], onLine, env });
  console.log(`wifi: ${steps.size} steps`);
}
process.exit();
