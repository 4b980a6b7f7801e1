/**
 * What a machine does together with others nearby, on three simulated radios: hostapd has the first,
 * our device the second, and whoever comes to it the third.
 */

import { startSupplicant } from '../helpers/guest/air.ts';
import { runCases } from '../helpers/guest/cases.ts';
import { Station } from '../helpers/guest/stations.ts';
import { ACCESS_POINT_NETWORKS, ACCESS_POINT_RADIOS, accessPointCases } from './access-point-cases.ts';
import { p2pCases } from './p2p-cases.ts';

const backend = { start: startSupplicant, argv: ['-d', 'plugins/wifi/*:src/peer/*:src/service/*:src/tethering/*'] };

let opened: Promise<Station> | undefined;
const open = (): Promise<Station> =>
  (opened ??= Station.open(backend, ACCESS_POINT_NETWORKS, { radios: ACCESS_POINT_RADIOS }));

p2pCases(open);
accessPointCases(open);

await runCases();
