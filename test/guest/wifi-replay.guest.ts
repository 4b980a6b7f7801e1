/**
 * Plays the Wi-Fi script with our connmand and holds it against what Debian's was recorded with
 * (`npm run test:oracle -- wifi --causeway FOLDER`).
 */

import { runCases } from '../helpers/guest/cases.ts';
import { oracleCases } from './oracle-cases.ts';

oracleCases(['server', 'device']);

await runCases();
