/**
 * Wi-Fi over wpa_supplicant on simulated radios: the cases of every backend (station-cases.ts), then
 * what goes wrong in the air, more protections, and what users choose.
 */

import { startSupplicant } from '../helpers/guest/air.ts';
import { runCases } from '../helpers/guest/cases.ts';
import { Station } from '../helpers/guest/stations.ts';
import { choiceCases } from './choice-cases.ts';
import { healCases } from './heal-cases.ts';
import { securityCases, securityNetworks } from './security-cases.ts';
import { STATION_NETWORKS, stationCases } from './station-cases.ts';

const NETWORKS = [...STATION_NETWORKS, ...securityNetworks(STATION_NETWORKS.length)];
const backend = { start: startSupplicant, argv: ['-d', 'plugins/wifi/*:src/service/*'] };

let opened: Promise<Station> | undefined;
const open = (): Promise<Station> =>
  (opened ??= Station.open(backend, NETWORKS, { radios: ['server', 'device', 'server'] }));

stationCases(open);
healCases(open, NETWORKS);
securityCases(open, NETWORKS);
// The last of these starts the daemon anew.
choiceCases(open, NETWORKS);

await runCases();
