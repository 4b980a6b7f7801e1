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
    /**
     * What MPTCP uses its addresses for: disabled, or signal, subflow, backup and fullmesh with commas.
     * Set to auto it is subflow, where the kernel has MPTCP.
     */
    MPTCP: { type: 's', access: 'readwrite' },
    /** Whether no default route may lead through it: yes or no. Set to auto it is as its technology. */
    NeverDefault: { type: 's', access: 'readwrite' },
    /** Whether it is asked whether it is online: yes or no. Set to auto it is as OnlineCheck of Manager1. */
    CheckOnline: { type: 's', access: 'readwrite' },
    /** What DHCP tells the server: a name, with dots in option 81; auto for the host's, none for nothing. */
    SendHostname: { type: 's', access: 'readwrite' },
    /** Whether names of its lease become the host's while it is the default: yes, no, or auto as main.conf says. */
    TakeHostname: { type: 's', access: 'readwrite' },
    /** Of Wi-Fi: the access point in use, else the one heard best: BSSID and Frequency (MHz). */
    AccessPoint: 'a{sv}',
    /** Of Wi-Fi: where access points are liked: 2.4, 5 or 6 GHz; auto or any for wherever. */
    Band: { type: 's', access: 'readwrite' },
    /** Of Wi-Fi: the access point that is liked, while it is heard; auto or any for whichever. */
    BSSID: { type: 's', access: 'readwrite' },
    /** Of Wi-Fi: permanent, or random: one of its own for each network, always the same. auto is as main.conf. */
    MACAddressPolicy: { type: 's', access: 'readwrite' },
  },
});
