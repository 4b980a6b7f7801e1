/**
 * The bench's WireGuard rows: ours beside Debian's connman-vpnd, both under our connmand, in a guest whose
 * processor is emulated: what counts is how the two compare. One line of JSON a round for tools/bench/vpn.ts,
 * which boots the guest for it. No test: nothing is asserted but that both connect.
 */

import { Cell, SERVER_ADDRESS } from '../helpers/cell.ts';
import { output } from '../helpers/child.ts';
import type { CellEvent } from '../helpers/event-log.ts';
import { guestCase, runCases } from '../helpers/guest/cases.ts';
import { measureConnection, processorMs, pssMb, startFresh, type VpnDaemonName } from '../helpers/vpn-bench.ts';
import { makeKeys, startWireguard } from '../helpers/vpn-kernel.ts';
import { daemon, plugIn } from '../helpers/wired.ts';

const NAMES: readonly VpnDaemonName[] = ['causeway', 'debian'];
const ROUNDS = 3;
const CONNECTIONS = 5;

interface Lab {
  readonly cell: Cell;
  readonly settings: Readonly<Record<string, string>>;
}

// Debian's daemon needs a domain where it reads what is stored.
async function openLab(): Promise<Lab> {
  await output(['modprobe', 'wireguard']);
  const cell = await Cell.open({});
  await cell.startDaemon(daemon.argv, daemon.busName);
  await plugIn(cell);
  const [client, keys] = [await makeKeys(), await makeKeys()];
  await startWireguard(cell, { link: 'wgs', net: '10.9.0', port: 51820, keys, client: client.shown });
  const settings = {
    Type: 'wireguard',
    Name: 'bench',
    Host: SERVER_ADDRESS,
    Domain: 'bench',
    'WireGuard.Address': '10.9.0.2/24',
    'WireGuard.PrivateKey': client.secret,
    'WireGuard.PublicKey': keys.shown,
    'WireGuard.AllowedIPs': '10.9.0.0/24',
    'WireGuard.EndpointPort': '51820',
  };
  return { cell, settings };
}

async function measure({ cell, settings }: Lab, name: VpnDaemonName): Promise<void> {
  const vpnd = await startFresh(cell, name);
  try {
    const startMs = processorMs(vpnd.pid);
    const cost = await measureConnection(cell, vpnd, settings, CONNECTIONS);
    const times = { ...cost, startMs, pssMb: pssMb(vpnd.pid) };
    console.log(`measured ${JSON.stringify({ name, times })}`);
  } catch (error) {
    console.log(vpnd.text.slice(-2000));
    throw error;
  } finally {
    const since = performance.now();
    await vpnd.stop();
    await cell.log.wait('its name to be free', isFree, { since });
  }
}

function isFree(event: CellEvent): boolean {
  return event.kind === 'owner' && event.name === 'net.connman.vpn' && event.owner === undefined;
}

let opened: Promise<Lab> | undefined;

for (let round = 0; round < ROUNDS; round++) {
  for (const name of round % 2 === 0 ? NAMES : NAMES.toReversed()) {
    guestCase(`WireGuard, round ${round + 1}: ${name}`, async () => measure(await (opened ??= openLab()), name));
  }
}

await runCases();
