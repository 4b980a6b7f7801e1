/**
 * The proxy at full load for ten minutes, with 100,000 names and a server that falls silent, comes
 * back, dies and is started anew: what is lost, and whether memory grows. Not part of `npm test`,
 * which has some seconds of it. `npm run bench -- dns-load [--seconds 600] [--names 100000] [--no-build]`.
 */

import { parseArgs } from 'node:util';
import { loadProxy } from '../../test/helpers/dns-load.ts';
import { becomeRoot } from '../lab/become-root.ts';
import { build, load, machine } from './setting.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '600' },
    names: { type: 'string', default: '100000' },
    'no-build': { type: 'boolean', default: false },
  },
});
becomeRoot();
if (!values['no-build']) build();
const progress = (line: string): void => void process.stderr.write(`${line}\n`);
const figures = await loadProxy({ seconds: Number(values.seconds), names: Number(values.names), progress });
console.log(JSON.stringify(figures, undefined, 1));
console.log(`${machine()}; load at the end ${load()}.`);
