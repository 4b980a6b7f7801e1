/**
 * net.causeway.Manager1: what ConnMan has no place for, beside net.connman.Manager at `/`.
 */

import { describeInterface } from '../interface.ts';

/** Ours, on the manager. */
export const causewayManagerInterface = describeInterface({
  name: 'net.causeway.Manager1',
  methods: {
    /** As SIGHUP: the settings of services that others have changed take effect. */
    Reload: {},
    /** What the daemon waits for, and in how many seconds it happens, soonest first. */
    Waiting: { out: { timers: 'a(sd)' } },
  },
  signals: {},
});
