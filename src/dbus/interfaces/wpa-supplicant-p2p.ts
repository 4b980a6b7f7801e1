/**
 * The Wi-Fi Direct half of wpa_supplicant's D-Bus API (fi.w1.wpa_supplicant1, its documentation
 * "D-Bus API"), as far as the Wi-Fi plugin uses it.
 */

import { describeInterface } from '../interface.ts';

/** Wi-Fi Direct on an interface of the supplicant's. */
export const supplicantP2pInterface = describeInterface({
  name: 'fi.w1.wpa_supplicant1.Interface.P2PDevice',
  methods: {
    Find: { in: { args: 'a{sv}' } },
    StopFind: {},
    ExtendedListen: { in: { args: 'a{sv}' } },
    Connect: { in: { args: 'a{sv}' }, out: { generated_pin: 's' } },
    Cancel: {},
    Disconnect: {},
    AddService: { in: { args: 'a{sv}' } },
    DeleteService: { in: { args: 'a{sv}' } },
    FlushService: {},
  },
  signals: {
    DeviceFoundProperties: { path: 'o', properties: 'a{sv}' },
    DeviceLost: { path: 'o' },
    FindStopped: {},
    GONegotiationRequest: { path: 'o', dev_passwd_id: 'q', device_go_intent: 'y' },
    GONegotiationSuccess: { properties: 'a{sv}' },
    GONegotiationFailure: { properties: 'a{sv}' },
    GroupFormationFailure: { reason: 's' },
    GroupStarted: { properties: 'a{sv}' },
    GroupFinished: { properties: 'a{sv}' },
    InvitationReceived: { invite_result: 'a{sv}' },
  },
});

/** Another Wi-Fi Direct device. */
export const supplicantPeerInterface = describeInterface({
  name: 'fi.w1.wpa_supplicant1.Peer',
  methods: {},
  signals: { PropertiesChanged: { properties: 'a{sv}' } },
});

/** A Wi-Fi Direct group this machine is in. */
export const supplicantGroupInterface = describeInterface({
  name: 'fi.w1.wpa_supplicant1.Group',
  methods: {},
  signals: { PeerDisconnected: { peer: 'o' } },
});
