/**
 * How long it takes to join a Wi-Fi network, ours beside Debian's ConnMan on the same access point, in
 * one boot of the guest (simulated radios, emulated processor): a scan for a user, a new network, and a
 * known one after a restart of the daemon. `npm run bench -- wifi [--no-build]`.
 */

import { parseArgs } from 'node:util';
import { AIR_PEERS } from '../../test/helpers/guest/air.ts';
import type { JoinTimes } from '../../test/helpers/guest/beside.ts';
import { runGuest } from '../../test/helpers/guest/guest.ts';
import { becomeRoot } from '../lab/become-root.ts';
import { build, load, machine } from './setting.ts';
import { formatTable } from './table.ts';

const ROWS: Readonly<Record<keyof JoinTimes, string>> = {
  scan: 'a scan for a user (ms)',
  associated: 'a new network: Connect to associated (ms)',
  online: 'a new network: Connect to online (ms)',
  knownReady: 'a known network: start of the daemon to ready (ms)',
  knownOnline: 'a known network: start of the daemon to online (ms)',
};

let crowd = '';
const rounds: Record<string, Record<string, number>[]> = { causeway: [], debian: [] };

function take(line: string): void {
  const text = /^measured (\{.*\})$/.exec(line)?.[1];
  crowd = /^crowd (\{.*\})$/.exec(line)?.[1] ?? crowd;
  if (text === undefined) return void process.stderr.write(`${line}\n`);
  const { name, times }: { name: string; times: JoinTimes } = JSON.parse(text);
  rounds[name]?.push(Object.fromEntries(Object.entries(ROWS).map(([key, row]) => {
    const value = Object.entries(times).find(([each]) => each === key)?.[1];
    return [row, value ?? Number.NaN];
  })));
}

const { values } = parseArgs({ options: { 'no-build': { type: 'boolean', default: false } } });
becomeRoot();
if (!values['no-build']) build();
await runGuest('test/guest/wifi-bench.guest.ts', { peers: [...AIR_PEERS, 'connman'], limitMs: 560_000, onLine: take });
const { causeway = [], debian = [] } = rounds;
console.log(formatTable([{ heading: 'Causeway', rounds: causeway }, { heading: 'ConnMan (Debian)', rounds: debian }]));
console.log(`\nFifty networks in the air: ${crowd}`);
console.log(`\n${machine()}, in an emulated guest; medians of ${causeway.length} rounds, load at the end ${load()}.`);
