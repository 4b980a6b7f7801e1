/**
 * The air around one radio, over wpa_supplicant: full of networks with any name, adapters and switches that
 * come and go, what administrators say in files, and an access point that lasts. hostapd has the first
 * radio, our device the second, a client the third, and this program the fourth, for a crowd.
 */

import { startSupplicant } from '../helpers/guest/air.ts';
import { runCases } from '../helpers/guest/cases.ts';
import { Station } from '../helpers/guest/stations.ts';
import { adapterCases, fileCases } from './adapter-cases.ts';
import { AIR_FILES, AIR_NETWORKS, crowdCase, importCase } from './crowd-cases.ts';
import { lastingCases } from './lasting-cases.ts';

const argv = ['-d', 'plugins/wifi/*:src/service/*:src/tethering/*:src/technology/*:src/rfkill.ts'];
const backend = { start: startSupplicant, argv };

let opened: Promise<Station> | undefined;
const open = (): Promise<Station> => (opened ??= Station.open(backend, AIR_NETWORKS, {
  radios: ['server', 'device', 'server', 'guest'], files: AIR_FILES,
}));

importCase(open);
crowdCase(open);
adapterCases(open, AIR_NETWORKS);
fileCases(open);
// The last of these starts the daemon anew.
lastingCases(open);

await runCases();
