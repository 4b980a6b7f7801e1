/**
 * Wi-Fi over wpa_supplicant: the technology is there while the supplicant is, which may start late,
 * be started by the bus, end or begin anew.
 */

import type { Core, Plugin } from '../../src/api.ts';
import { P2p } from './p2p/p2p.ts';
import { attachRadio } from './radio.ts';
import { Supplicant } from './supplicant.ts';

/** The plugin. */
export const wifi: Plugin<Core> = {
  name: 'wifi',
  description: 'Wi-Fi over wpa_supplicant',
  priority: 'default',
  start(core, scope) {
    const { absences } = core.technologies;
    const noteAbsent = (): void => void absences.set('wifi', 'wpa_supplicant does not run');
    noteAbsent();
    Supplicant.follow(core, scope, (supplicant, life) => {
      absences.delete('wifi');
      life.defer(noteAbsent);
      const env = { core, supplicant, p2p: new P2p(core, life) };
      core.technologies.register({
        type: 'wifi', hasAccessPoints: true, attach: (device, own) => attachRadio(env, device, own),
      }, life);
    });
  },
};
