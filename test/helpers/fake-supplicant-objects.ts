/**
 * The objects of a supplicant in memory (fake-supplicant.ts): what the product knows of fi.w1.wpa_supplicant1
 * and the properties it reads.
 */

import { describeInterface } from '../../src/dbus/interface.ts';
import {
  supplicantBssInterface, supplicantInterface, supplicantLinkInterface, supplicantWpsInterface,
} from '../../src/dbus/interfaces/wpa-supplicant.ts';

/** The supplicant. */
export const rootObject = describeInterface({
  ...supplicantInterface, properties: { Interfaces: 'ao', WFDIEs: { type: 'ay', access: 'readwrite' } },
});
/** An interface. */
export const linkObject = describeInterface({
  ...supplicantLinkInterface,
  properties: {
    Capabilities: 'a{sv}', State: 's', Scanning: 'b', CurrentBSS: 'o', CurrentNetwork: 'o',
    BSSs: 'ao', DisconnectReason: 'i', AssocStatusCode: 'i',
    AuthStatusCode: 'i', Ifname: 's', BSSExpireAge: { type: 'u', access: 'readwrite' },
    Country: { type: 's', access: 'readwrite' }, ApScan: { type: 'u', access: 'readwrite' },
  },
});
/** Its Wi-Fi Protected Setup. */
export const wpsObject = describeInterface({
  ...supplicantWpsInterface,
  properties: {
    ConfigMethods: { type: 's', access: 'readwrite' }, ProcessCredentials: { type: 'b', access: 'readwrite' },
  },
});
/** An access point that it hears. */
export const bssObject = describeInterface({
  ...supplicantBssInterface,
  properties: {
    SSID: 'ay', BSSID: 'ay', Mode: 's', Frequency: 'q', Signal: 'n', Privacy: 'b', RSN: 'a{sv}', WPA: 'a{sv}',
    IEs: 'ay',
  },
});
