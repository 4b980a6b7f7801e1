/**
 * The VPN rows of the bench: our connman-vpnd beside Debian's in one run, both under our connmand. OpenVPN in
 * cells of this machine, WireGuard in a guest with a kernel that has it.
 * `npm run bench -- vpn [--rounds N] [--no-guest] [--no-build]`; `--rounds 0` leaves OpenVPN out.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { messageOf } from '../../src/shared/errors.ts';
import { SERVER_ADDRESS } from '../../test/helpers/cell.ts';
import { DAEMONS } from '../../test/helpers/daemons.ts';
import { runGuest } from '../../test/helpers/guest/guest.ts';
import { VPN_PEERS, withVpnCell } from '../../test/helpers/vpn.ts';
import { measureConnection, startFresh, type VpnDaemonName } from '../../test/helpers/vpn-bench.ts';
import { makeCertificates, PKI, startOpenvpn } from '../../test/helpers/vpn-servers.ts';
import { plugIn } from '../../test/helpers/wired.ts';
import { becomeRoot } from '../lab/become-root.ts';
import { giveOwnNode, type Figures } from './cells.ts';
import { atRest, cpuMs, memory } from './process.ts';
import { build, load, machine } from './setting.ts';
import { formatTable } from './table.ts';

const SETTINGS = {
  Type: 'openvpn',
  Name: 'bench',
  Host: SERVER_ADDRESS,
  Domain: 'bench',
  'OpenVPN.CACert': `${PKI}/ca.pem`,
  'OpenVPN.Cert': `${PKI}/client.pem`,
  'OpenVPN.Key': `${PKI}/client.key`,
};

const TITLES = { causeway: 'Causeway', debian: "Debian's ConnMan 1.41" } as const;
const NAMES: readonly VpnDaemonName[] = ['causeway', 'debian'];
const CONNECTIONS = 5;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '3' },
      'no-guest': { type: 'boolean', default: false },
      'no-build': { type: 'boolean', default: false },
    },
  });
  const rounds = Number.parseInt(values.rounds, 10);
  if (!(rounds >= 0)) throw new Error(`--rounds ${values.rounds}: a number from 0`);
  becomeRoot();
  if (!values['no-build']) build();
  if (rounds > 0) await inCells(rounds);
  if (!values['no-guest']) await inGuest();
}

async function inCells(rounds: number): Promise<void> {
  const results = new Map<VpnDaemonName, Figures[]>(NAMES.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 === 0 ? NAMES : NAMES.toReversed()) {
      process.stderr.write(`OpenVPN, round ${round + 1} of ${rounds}: ${TITLES[name]}\n`);
      results.get(name)?.push(await measure(name));
    }
  }
  const columns = NAMES.map((name) => ({ heading: TITLES[name], rounds: results.get(name) ?? [] }));
  mkdirSync('build/bench', { recursive: true });
  const all = { machine: machine(), load: load(), columns };
  writeFileSync('build/bench/vpn.json', `${JSON.stringify(all, undefined, 1)}\n`);
  console.log(formatTable(columns));
  console.log(`\n${machine()}; medians of ${rounds} rounds of ${CONNECTIONS} connections, load at the end ${load()}.`);
}

// Emulated, so of another scale than what is above.
async function inGuest(): Promise<void> {
  const results = new Map<string, Figures[]>(NAMES.map((name) => [name, []]));
  const onLine = (line: string): void => {
    const text = /^measured (\{.*\})$/.exec(line)?.[1];
    if (text === undefined) return void process.stderr.write(`${line}\n`);
    const { name, times }: { name: string; times: Record<string, number> } = JSON.parse(text);
    results.get(name)?.push(Object.fromEntries(GUEST_ROWS.map(([key, row]) => [row, times[key]])));
  };
  const peers = ['connman', 'connman-vpn', 'wireguard-tools'];
  await runGuest('test/guest/vpn-bench.guest.ts', { peers, onLine, limitMs: 560_000 });
  const columns = NAMES.map((name) => ({ heading: TITLES[name], rounds: results.get(name) ?? [] }));
  console.log(`\n${formatTable(columns)}`);
  console.log(`\nIn an emulated guest; medians of ${columns[0]?.rounds.length} rounds, load at the end ${load()}.`);
}

const GUEST_ROWS = [
  ['connectMs', 'WireGuard: Connect to ready, ms'],
  ['processorMs', 'WireGuard: processor a connection, ms'],
  ['startMs', 'start: processor, ms'],
  ['pssMb', 'after that: PSS, MB'],
] as const;

// Debian's own connmand where Debian's VPN daemon is measured would measure that one too.
function measure(name: VpnDaemonName): Promise<Figures> {
  const cell = { ...DAEMONS.causeway.cell, peers: [...VPN_PEERS] };
  return withVpnCell(cell, async (running) => {
    await giveOwnNode(running);
    const connmand = await running.startDaemon(DAEMONS.causeway.argv, DAEMONS.causeway.busName);
    await plugIn(running);
    await makeCertificates(running, SERVER_ADDRESS);
    await startOpenvpn(running);
    const since = performance.now();
    const vpnd = await startFresh(running, name);
    const startMs = performance.now() - since;
    const startCpuMs = await atRest(vpnd.pid);
    const idle = memory(vpnd.pid);
    const { connectMs, processorMs } = await measureConnection(running, vpnd, SETTINGS, CONNECTIONS);
    const both = memory(vpnd.pid).pssKb + memory(connmand.pid).pssKb;
    const restMs = await atRest(vpnd.pid);
    await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
    return {
      'start: owns its name, ms': startMs,
      'start: processor, ms': startCpuMs,
      'idle: processor in 10 s, ms': cpuMs(vpnd.pid) - restMs,
      'idle: PSS, MB': idle.pssKb / 1024,
      'idle: private memory, MB': idle.privateKb / 1024,
      'OpenVPN: Connect to ready, ms': connectMs,
      'OpenVPN: processor a connection, ms': processorMs,
      'both daemons after that: PSS, MB': both / 1024,
    };
  });
}

const IDLE_MS = 10_000;

try {
  await main();
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}
