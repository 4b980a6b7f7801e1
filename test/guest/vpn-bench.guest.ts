/**
 * The bench's WireGuard rows (tools/bench/vpn.ts): ours beside Debian's connman-vpnd, both under our connmand,
 * in a guest whose processor is emulated: what counts is how the two compare.
 */

import { Cell, SERVER_ADDRESS } from '../helpers/cell.ts';
import { output } from '../helpers/child.ts';
import { guestCase, runCases } from '../helpers/guest/cases.ts';
import { measureConnection, pssMb, startFresh, type VpnDaemonName } from '../helpers/vpn-bench.ts';
import { makeKeys, startWireguard } from '../helpers/vpn-kernel.ts';
import { daemon, plugIn } from '../helpers/wired.ts';

const NAMES: readonly VpnDaemonName[] = ['debian', 'causeway'];
const ROUNDS = 5;

guestCase("WireGuard beside Debian's connman-vpnd", async () => {
  await output(['modprobe', 'wireguard']);
  const cell = await Cell.open({});
  const connmand = await cell.startDaemon(daemon.argv, daemon.busName);
  await plugIn(cell);
  const [client, keys] = [await makeKeys(), await makeKeys()];
  await startWireguard(cell, { link: 'wgs', net: '10.9.0', port: 51820, keys, client: client.shown });
  for (const name of NAMES) {
    const vpnd = await startFresh(cell, name);
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
    const { connectMs, processorMs } = await measureConnection(cell, vpnd, settings, ROUNDS);
    const text = [`Connect to ready ${connectMs.toFixed(0)} ms`, `${processorMs.toFixed(0)} ms of processor time`];
    console.log(`${name}: ${text.join(', ')}, PSS ${pssMb(vpnd.pid).toFixed(1)} MB`);
    console.log(`connmand beside it: PSS ${pssMb(connmand.pid).toFixed(1)} MB`);
    await vpnd.stop();
  }
});

await runCases();
