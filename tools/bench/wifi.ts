/**
 * How long it takes to be online over Wi-Fi, ours beside Debian's ConnMan on the same access point, in
 * one boot of the guest (simulated radios, emulated processor): new and known networks, sleep, an access
 * point that was gone, restarts. As many rounds as begin in time, so that it ends within eight minutes.
 * `npm run bench -- wifi [--rounds N] [--crowd] [--trace] [--no-build]`: fifty networks as well; what
 * happened when.
 */

import { parseArgs } from 'node:util';
import { AIR_PEERS } from '../../test/helpers/guest/air.ts';
import { runGuest } from '../../test/helpers/guest/guest.ts';
import { type JoinTimes, nodeStartMs } from '../../test/helpers/guest/join-times.ts';
import { becomeRoot } from '../lab/become-root.ts';
import { build, load, machine } from './setting.ts';
import { formatTable } from './table.ts';

/** More than eight minutes are those of `--crowd`. */
const LIMIT_MS = 470_000;
const CROWD_MS = 180_000;

let crowd = 'not measured (--crowd)';
let emulated = 'an unknown time';
const rounds: Record<string, JoinTimes[]> = { causeway: [], debian: [] };
const stumbles: string[] = [];

function take(line: string): void {
  const text = /^measured (\{.*\})$/.exec(line)?.[1];
  crowd = /^crowd (\{.*\})$/.exec(line)?.[1] ?? crowd;
  emulated = /^emulation (\d+)$/.exec(line)?.[1] ?? emulated;
  stumbles.push(...(/^stumbled (\{.*\})$/.exec(line)?.slice(1) ?? []));
  process.stderr.write(/^(passed|FAILED) /.test(line) ? `${line}, load ${load()}\n` : `${line}\n`);
  if (text === undefined) return;
  const { name, times }: { name: string; times: JoinTimes } = JSON.parse(text);
  rounds[name]?.push(times);
}

const { values } = parseArgs({
  options: {
    'no-build': { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    crowd: { type: 'boolean', default: false },
    trace: { type: 'boolean', default: false },
  },
});
becomeRoot();
if (!values['no-build']) build();
await runGuest('test/guest/wifi-bench.guest.ts', {
  peers: [...AIR_PEERS, 'connman'],
  limitMs: LIMIT_MS + (values.crowd ? CROWD_MS : 0),
  onLine: take,
  env: {
    BENCH_ROUNDS: values.rounds,
    ...(values.crowd && { BENCH_CROWD: '1' }),
    ...(values.trace && { BENCH_TRACE: '1' }),
  },
});
const { causeway = [], debian = [] } = rounds;
console.log(formatTable([{ heading: 'Causeway', rounds: causeway }, { heading: 'ConnMan (Debian)', rounds: debian }]));
console.log(`\nMilliseconds. Not in the figures, because the station stumbled on its way:`);
console.log(stumbles.length === 0 ? 'none.' : stumbles.join('\n'));
console.log(`Fifty networks in the air: ${crowd}`);
console.log(`Node takes ${emulated} ms to do nothing in the guest, ${await nodeStartMs()} ms outside.`);
const made = Math.max(0, ...[causeway, debian].map((all) => all.filter((times) => 'a user scans' in times).length));
console.log(`\n${machine()}, in an emulated guest; medians of ${made} rounds, load at the end ${load()}.`);
