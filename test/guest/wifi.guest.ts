/**
 * Wi-Fi over wpa_supplicant on simulated radios: the cases of every backend (station-cases.ts), then
 * what goes wrong in the air, more protections, and what users choose.
 */

import { startSupplicant } from '../helpers/guest/air.ts';
import { runCases } from '../helpers/guest/cases.ts';
import { type Backend, Station, stationCase, until } from '../helpers/guest/stations.ts';
import { choiceCases } from './choice-cases.ts';
import { lossCases, moveCases, SECOND_BSSID } from './heal-cases.ts';
import { securityCases, securityNetworks, twinCase, wepCase } from './security-cases.ts';
import { STATION_NETWORKS, stationCases } from './station-cases.ts';

const NETWORKS = [...STATION_NETWORKS, ...securityNetworks(STATION_NETWORKS.length)];
const backend: Backend = {
  async start(cell) {
    await cell.device.output(['ln', '-sf', '/usr/share/zoneinfo/Europe/Berlin', '/etc/localtime']);
    return startSupplicant(cell);
  },
  argv: ['-d', 'plugins/wifi/*:src/service/*'],
};
const files = { '/etc/connman/main.conf': '[General]\nRegdomFollowsTimezone=true\n' };

let opened: Promise<Station> | undefined;
const open = (): Promise<Station> =>
  (opened ??= Station.open(backend, NETWORKS, { radios: ['server', 'device', 'server'], files }));

stationCase(open, 'the country is where the time zone is', async ({ cell }) => {
  await until(async () => (await cell.device.output(['iw', 'reg', 'get'])).includes('country DE: DFS-ETSI'));
});
stationCases(open);
moveCases(open, { backend, networks: NETWORKS, roam });
lossCases(open, { backend, networks: NETWORKS, roam });
securityCases(open, { networks: NETWORKS, complaint: 'certificate is not good: certificate has expired' });
twinCase(open, NETWORKS);
wepCase(open);
// The last of these starts the daemon anew.
choiceCases(open, NETWORKS);

await runCases();

// wpa_supplicant roams to what it has heard.
async function roam(station: Station): Promise<void> {
  await until(async () => {
    await station.scanned();
    const words = ['-p', '/run/wpa_supplicant', '-i', 'wlan1', 'roam', SECOND_BSSID];
    return (await station.cell.device.output(['wpa_cli', ...words])).includes('OK');
  });
}
