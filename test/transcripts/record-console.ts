/**
 * `npx tsx test/transcripts/record-console.ts`: plays everything in console.ts to Debian's
 * connmanctl and writes what it did to test/transcripts/console.txt. With `--ours FILE` our console
 * is played and written to FILE, to be looked at.
 */

import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Cell } from '../helpers/cell.ts';
import { FakeConnman } from '../helpers/fake-connman.ts';
import { DEBIAN, playConsole } from './console.ts';

const { values } = parseArgs({ options: { ours: { type: 'string' } } });
const cell = await Cell.open({ peers: ['connman'], dnsmasq: false });
try {
  const fake = await FakeConnman.start(cell.busAddress);
  const version = (await cell.device.output(['/usr/sbin/connmand', '--version'])).trim();
  const steps = await playConsole(cell, fake, values.ours === undefined ? DEBIAN : resolve('build/bin/connmanctl'));
  const head = `# npx tsx test/transcripts/record-console.ts, Debian's connmanctl ${version}`;
  writeFileSync(values.ours ?? 'test/transcripts/console.txt', `${[head, ...steps].join('\n\n')}\n`);
  await fake.close();
} finally {
  await cell.close();
}
