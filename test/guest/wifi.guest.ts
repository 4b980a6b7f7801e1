/**
 * Wi-Fi over wpa_supplicant on simulated radios: the cases of every backend (station-cases.ts), then
 * what goes wrong in the air, more protections, and what users choose.
 */

import { startSupplicant } from '../helpers/guest/air.ts';
import { runCases } from '../helpers/guest/cases.ts';
import { Station, until } from '../helpers/guest/stations.ts';
import { choiceCases, COUNTRY_FILES, countryCase, inBerlin, likingCase } from './choice-cases.ts';
import { lossCases, moveCases, SECOND_BSSID } from './heal-cases.ts';
import { SECURITY_NETWORKS, securityCases, twinCase, wepCase } from './security-cases.ts';
import { STATION_NETWORKS, stationCases } from './station-cases.ts';
import { strongCase, TRANSITION_NETWORK, transitionCase } from './strong-cases.ts';

const NETWORKS = [...STATION_NETWORKS, ...SECURITY_NETWORKS, TRANSITION_NETWORK];
const backend = inBerlin({ start: startSupplicant, argv: ['-d', 'plugins/wifi/*:src/service/*'] });

let opened: Promise<Station> | undefined;
const open = (): Promise<Station> =>
  (opened ??= Station.open(backend, NETWORKS, { radios: ['server', 'device', 'server'], files: COUNTRY_FILES }));

countryCase(open);
stationCases(open);
moveCases(open, { backend, networks: NETWORKS, roam });
lossCases(open, { backend, networks: NETWORKS, roam });
securityCases(open, { networks: NETWORKS, complaint: 'certificate is not good: certificate has expired' });
twinCase(open);
wepCase(open);
strongCase(open);
transitionCase(open, roam);
likingCase(open, NETWORKS);
choiceCases(open, NETWORKS);

await runCases();

// wpa_supplicant roams to what it has heard.
async function roam(station: Station, bssid = SECOND_BSSID): Promise<void> {
  await until(async () => {
    await station.scanned();
    const words = ['-p', '/run/wpa_supplicant', '-i', 'wlan1', 'roam', bssid];
    return (await station.cell.device.output(['wpa_cli', ...words])).includes('OK');
  });
}
