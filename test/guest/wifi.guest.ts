/**
 * Wi-Fi on simulated radios: hostapd behind the cell's bridge, wpa_supplicant and our code in its
 * device.
 */

import * as assert from 'uvu/assert';
import { AccessPoints } from '../../plugins/wifi/access-points.ts';
import { planScans } from '../../plugins/lib/wifi/scan-plan.ts';
import { stationBlock } from '../../plugins/wifi/network-block.ts';
import { Supplicant } from '../../plugins/wifi/supplicant.ts';
import { connectBus } from '../../src/dbus/bus.ts';
import { DeadlineClock, nodeTimeSource } from '../../src/shared/clock.ts';
import { createScope } from '../../src/shared/scope.ts';
import { Cell } from '../helpers/cell.ts';
import { BUS_SOCKET } from '../helpers/bus-daemon.ts';
import { makeAir, PROTECTIONS, startAccessPoint, startSupplicant } from '../helpers/guest/air.ts';
import { guestCase, runCases } from '../helpers/guest/cases.ts';
import { testSystem } from '../helpers/system.ts';

const NETWORKS = [
  { ssid: 'rig-psk', settings: PROTECTIONS.psk },
  { ssid: 'rig-sae', settings: PROTECTIONS.sae },
  { ssid: 'rig-both', settings: PROTECTIONS.transition },
  { ssid: 'rig-owe', settings: PROTECTIONS.owe },
  { ssid: 'rig-open', settings: PROTECTIONS.open },
];

guestCase('wpa_supplicant hears every kind of network, and joins one', async () => {
  const cell = await Cell.open({ cables: 0 });
  await makeAir(cell);
  await startAccessPoint(cell, NETWORKS);
  await startSupplicant(cell);
  const scope = createScope();
  const clock = new DeadlineClock(nodeTimeSource());
  const bus = await connectBus(testSystem().unixStream(cell.device.path(BUS_SOCKET), scope), { clock }, scope);
  const supplicant = await new Promise<Supplicant>((resolve) => Supplicant.follow(bus, 'nl80211', scope, resolve));
  const link = await supplicant.open('wlan1', scope);
  const points = new AccessPoints();
  link.events.observe(scope, (event) => {
    console.log(JSON.stringify(event.kind), event.kind === 'state' ? event.state : '');
    if (event.kind === 'bss') points.update(event.path, event.bss);
  });
  while (points.groups.size < NETWORKS.length) {
    for (const scan of planScans({ kind: 'user' }, { isConnected: false, maxScanSsids: 4, known: [] })) {
      await link.scan(scan).catch((error: unknown) => console.log(error));
    }
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  for (const [name, members] of points.groups) {
    console.log(name, [...members.values()].map(({ keyManagements, signalDbm }) => `${keyManagements} ${signalDbm}`));
  }
  const group = `${Buffer.from('rig-both').toString('hex')}_managed_psk`;
  assert.ok(points.groups.has(group));
  const completed = new Promise<void>((resolve) => link.events.observe(scope, (event) => {
    if (event.kind === 'state' && event.state === 'completed') resolve();
  }));
  await link.join(stationBlock({
    ssid: Buffer.from('rig-both'), security: 'psk', keyManagements: new Set(['wpa-psk', 'sae']),
    isOweTransition: false, secrets: { passphrase: 'rigsecret' }, isBackgroundScanning: true,
  }));
  await completed;
  assert.ok(link.currentBss);
  await scope.close();
  await cell.close();
});

await runCases();
