/**
 * iwd's D-Bus API (net.connman.iwd, its documentation "Device", "Station", "Network", "KnownNetwork"
 * and "AgentManager"), as far as the plugin iwd uses it. Properties are read through ObjectManager.
 */

import { describeInterface } from '../interface.ts';

/** One interface of a radio, which can be on or off. */
export const iwdDeviceInterface = describeInterface({ name: 'net.connman.iwd.Device', methods: {}, signals: {} });

/** A device that joins networks. */
export const iwdStationInterface = describeInterface({
  name: 'net.connman.iwd.Station',
  methods: { Scan: {}, Disconnect: {}, GetOrderedNetworks: { out: { networks: 'a(on)' } } },
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
