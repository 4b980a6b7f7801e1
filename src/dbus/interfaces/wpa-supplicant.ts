/**
 * wpa_supplicant's D-Bus API (fi.w1.wpa_supplicant1, its documentation "D-Bus API"), as far as the
 * Wi-Fi plugin uses it. Its objects have a PropertiesChanged of their own, beside the standard one.
 */

import { describeInterface } from '../interface.ts';

/** The supplicant at /fi/w1/wpa_supplicant1. */
export const supplicantInterface = describeInterface({
  name: 'fi.w1.wpa_supplicant1',
  methods: {
    CreateInterface: { in: { args: 'a{sv}' }, out: { path: 'o' } },
    GetInterface: { in: { ifname: 's' }, out: { path: 'o' } },
    RemoveInterface: { in: { path: 'o' } },
  },
  signals: {
    InterfaceAdded: { path: 'o', properties: 'a{sv}' },
    InterfaceRemoved: { path: 'o' },
    PropertiesChanged: { properties: 'a{sv}' },
  },
});

/** One network interface under its care. */
export const supplicantLinkInterface = describeInterface({
  name: 'fi.w1.wpa_supplicant1.Interface',
  methods: {
    AddNetwork: { in: { args: 'a{sv}' }, out: { path: 'o' } },
    RemoveNetwork: { in: { path: 'o' } },
    SelectNetwork: { in: { path: 'o' } },
    Disconnect: {},
    Reassociate: {},
    Scan: { in: { args: 'a{sv}' } },
    AbortScan: {},
    NetworkReply: { in: { path: 'o', field: 's', value: 's' } },
  },
  signals: {
    ScanDone: { success: 'b' },
    BSSAdded: { path: 'o', properties: 'a{sv}' },
    BSSRemoved: { path: 'o' },
    NetworkRequest: { path: 'o', field: 's', text: 's' },
    Certification: { certification: 'a{sv}' },
    EAP: { status: 's', parameter: 's' },
    StaAuthorized: { address: 's' },
    StaDeauthorized: { address: 's' },
    PropertiesChanged: { properties: 'a{sv}' },
  },
});

/** Wi-Fi Protected Setup of an interface. */
export const supplicantWpsInterface = describeInterface({
  name: 'fi.w1.wpa_supplicant1.Interface.WPS',
  methods: { Start: { in: { args: 'a{sv}' }, out: { output: 'a{sv}' } }, Cancel: {} },
  signals: { Event: { name: 's', args: 'a{sv}' }, Credentials: { credentials: 'a{sv}' } },
});

/** One access point in the air. */
export const supplicantBssInterface = describeInterface({
  name: 'fi.w1.wpa_supplicant1.BSS',
  methods: {},
  signals: { PropertiesChanged: { properties: 'a{sv}' } },
});
