/**
 * Wi-Fi over wpa_supplicant on simulated radios: the cases of every backend (station-cases.ts).
 */

import { startSupplicant } from '../helpers/guest/air.ts';
import { runCases } from '../helpers/guest/cases.ts';
import { Station } from '../helpers/guest/stations.ts';
import { STATION_NETWORKS, stationCases } from './station-cases.ts';

const backend = { start: startSupplicant, argv: ['-d', 'plugins/wifi/*:src/service/*'] };

let opened: Promise<Station> | undefined;
const open = (): Promise<Station> => (opened ??= Station.open(backend, STATION_NETWORKS));

stationCases(open);

await runCases();
