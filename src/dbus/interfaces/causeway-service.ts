/**
 * net.causeway.Service1: what ConnMan has no place for, beside net.connman.Service on each service.
 */

import { describeInterface } from '../interface.ts';

/** Ours, on every service. */
export const causewayServiceInterface = describeInterface({
  name: 'net.causeway.Service1',
  methods: {
    /** Why it is or is not connected, default and online. Keys: src/explain/dbus.ts. */
    Explain: { out: { findings: 'aa{sv}' } },
  },
  signals: {},
  properties: {
    /** The last finished online check; empty before the first. Keys: src/service/dictionaries.ts. */
    OnlineCheck: 'a{sv}',
    /** Whether it costs by what is carried: yes, no, guess-yes, guess-no. Set to yes, no or auto. */
    Metered: { type: 's', access: 'readwrite' },
  },
});
