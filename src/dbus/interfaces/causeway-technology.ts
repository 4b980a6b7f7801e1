/**
 * net.causeway.Technology1: what ConnMan has no place for, beside net.connman.Technology.
 */

import { describeInterface } from '../interface.ts';

/** Ours, on every technology. */
export const causewayTechnologyInterface = describeInterface({
  name: 'net.causeway.Technology1',
  methods: {
    /** Why it and its services are as they are. Keys: src/explain/dbus.ts. */
    Explain: { out: { findings: 'aa{sv}' } },
    /** In MHz, ascending: where its access point may be, as the kernel has it for this country now. */
    GetTetheringFrequencies: { out: { frequencies: 'au' } },
  },
  signals: {},
  properties: {
    /** Whether its services may not be the default, unless one of them says otherwise. */
    NeverDefault: { type: 'b', access: 'readwrite' },
    /**
     * The last scan that was asked for; empty before the first: Outcome (done, failed), Reason (a word of
     * src/technology/scan-outcome.ts) and Detail of one that failed, Timestamp (µs since 1970).
     */
    LastScan: 'a{sv}',
    /** How its access point is protected: `auto` (WPA2 and WPA3), `psk`, `sae` or `none`. Wi-Fi alone. */
    TetheringSecurity: { type: 's', access: 'readwrite' },
    /** Where its radios are, ISO 3166 alpha-2; empty where the kernel decides. Wi-Fi alone. */
    Country: { type: 's', access: 'readwrite' },
  },
});
