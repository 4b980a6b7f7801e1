/**
 * The proxy at full load for ten minutes, with 100,000 names and a server that falls silent, comes
 * back, dies and is started anew: what is lost, and whether memory grows. Not part of `npm test`,
 * which has a minute's share of it. `npx tsx tools/bench/dns-load.ts [--seconds 600] [--names 100000]`.
 */

import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { loadProxy } from '../../test/helpers/dns-load.ts';
import { becomeRoot } from '../lab/become-root.ts';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '600' }, names: { type: 'string', default: '100000' } },
});
becomeRoot();
const progress = (line: string): void => void process.stderr.write(`${line}\n`);
const figures = await loadProxy({ seconds: Number(values.seconds), names: Number(values.names), progress });
console.log(JSON.stringify(figures, undefined, 1));
console.log(`load at the end ${loadavg().map((value) => value.toFixed(2)).join(' ')}`);
