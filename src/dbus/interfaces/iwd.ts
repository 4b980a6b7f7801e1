/**
 * iwd's D-Bus API (net.connman.iwd, its documentation "Adapter", "Device", "Station", "Network" …), as
 * far as the plugin iwd uses it. Properties are read through ObjectManager.
 */

import { describeInterface } from '../interface.ts';

/** The daemon: its version and where it keeps profiles. */
export const iwdDaemonInterface = describeInterface({
  name: 'net.connman.iwd.Daemon',
  methods: { GetInfo: { out: { info: 'a{sv}' } } },
  signals: {},
});

/** A radio, which can be on or off. */
export const iwdAdapterInterface = describeInterface({ name: 'net.connman.iwd.Adapter', methods: {}, signals: {} });

/** One interface of a radio, which can be on or off. */
export const iwdDeviceInterface = describeInterface({ name: 'net.connman.iwd.Device', methods: {}, signals: {} });

/** A device that joins networks. */
export const iwdStationInterface = describeInterface({
  name: 'net.connman.iwd.Station',
  methods: {
    Scan: {},
    Disconnect: {},
    GetOrderedNetworks: { out: { networks: 'a(on)' } },
    GetHiddenAccessPoints: { out: { accessPoints: 'a(sns)' } },
    RegisterSignalLevelAgent: { in: { path: 'o', levels: 'an' } },
  },
  signals: {},
});

/** What is known of a connection; there while there is one. */
export const iwdDiagnosticInterface = describeInterface({
  name: 'net.connman.iwd.StationDiagnostic',
  methods: { GetDiagnostics: { out: { diagnostics: 'a{sv}' } } },
  signals: {},
});

/** Wi-Fi Protected Setup. */
export const iwdSimpleConfigurationInterface = describeInterface({
  name: 'net.connman.iwd.SimpleConfiguration',
  methods: { PushButton: {}, StartPin: { in: { pin: 's' } }, Cancel: {} },
  signals: {},
});

/** A network in the air. */
export const iwdNetworkInterface = describeInterface({
  name: 'net.connman.iwd.Network',
  methods: { Connect: {} },
  signals: {},
});

/** A network whose secret iwd keeps. */
export const iwdKnownNetworkInterface = describeInterface({
  name: 'net.connman.iwd.KnownNetwork',
  methods: { Forget: {} },
  signals: {},
});

/** Where programs register that are asked for secrets. */
export const iwdAgentManagerInterface = describeInterface({
  name: 'net.connman.iwd.AgentManager',
  methods: { RegisterAgent: { in: { path: 'o' } }, UnregisterAgent: { in: { path: 'o' } } },
  signals: {},
});

/** A device that is an access point; it has this interface while its Mode is `ap`. */
export const iwdAccessPointInterface = describeInterface({
  name: 'net.connman.iwd.AccessPoint',
  methods: { Start: { in: { ssid: 's', psk: 's' } }, Stop: {} },
  signals: {},
});
