/**
 * How long it takes to be online over Wi-Fi, ours beside Debian's ConnMan on the same access point, in
 * one boot of the guest (simulated radios, emulated processor): new and known networks, sleep, an access
 * point that was gone, restarts. `npm run bench -- wifi [--rounds N] [--no-build]`.
 */

import { parseArgs } from 'node:util';
import { AIR_PEERS } from '../../test/helpers/guest/air.ts';
import { runGuest } from '../../test/helpers/guest/guest.ts';
import { type JoinTimes, nodeStartMs } from '../../test/helpers/guest/join-times.ts';
import { becomeRoot } from '../lab/become-root.ts';
import { build, load, machine } from './setting.ts';
import { formatTable } from './table.ts';

let crowd = 'not measured';
let emulated = 'an unknown time';
const rounds: Record<string, JoinTimes[]> = { causeway: [], debian: [] };

function take(line: string): void {
  const text = /^measured (\{.*\})$/.exec(line)?.[1];
  crowd = /^crowd (\{.*\})$/.exec(line)?.[1] ?? crowd;
  emulated = /^emulation (\d+)$/.exec(line)?.[1] ?? emulated;
  process.stderr.write(`${line}\n`);
  if (text === undefined) return;
  const { name, times }: { name: string; times: JoinTimes } = JSON.parse(text);
  rounds[name]?.push(times);
}

const { values } = parseArgs({
  options: { 'no-build': { type: 'boolean', default: false }, rounds: { type: 'string', default: '3' } },
});
becomeRoot();
if (!values['no-build']) build();
await runGuest('test/guest/wifi-bench.guest.ts', {
  peers: [...AIR_PEERS, 'connman'], limitMs: 1_200_000, onLine: take, env: { BENCH_ROUNDS: values.rounds },
});
const { causeway = [], debian = [] } = rounds;
console.log(formatTable([{ heading: 'Causeway', rounds: causeway }, { heading: 'ConnMan (Debian)', rounds: debian }]));
console.log(`\nMilliseconds. Fifty networks in the air: ${crowd}`);
console.log(`Node takes ${emulated} ms to do nothing in the guest, ${await nodeStartMs()} ms outside.`);
console.log(`\n${machine()}, in an emulated guest; medians of ${values.rounds} rounds, load at the end ${load()}.`);
