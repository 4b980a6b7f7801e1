/**
 * Wired links: a cable with carrier is a network, connected as soon as it is plugged in. Interfaces
 * are enabled but never set down at start or stop, so that traffic of others goes on.
 */

import type { Core, Device, DeviceControl, Plugin, Scope } from '../src/api.ts';
import { NetlinkError } from '../src/netlink/error.ts';
import type { Link } from '../src/netlink/link/link.ts';

/** The plugin. */
export const ethernet: Plugin<Core> = {
  name: 'ethernet',
  description: 'Ethernet interface plugin',
  priority: 'default',
  start(core, scope) {
    core.technologies.register(
      { type: 'ethernet', attach: (device, itsScope) => attach(core, device, itsScope) },
      scope,
    );
  },
};

function attach(core: Core, device: Device, scope: Scope): DeviceControl {
  let cable: Scope | undefined;
  let isDisabling = false;
  const update = (): void => {
    if (isDisabling) return;
    const isPlugged = device.isPowered && device.link.isUp && device.link.hasCarrier;
    if (isPlugged === (cable !== undefined)) return;
    if (cable === undefined) {
      cable = scope.child();
      device.addNetwork({ identifier: 'carrier', group: groupOf(device.link), name: 'Wired', control: CABLE }, cable);
    } else {
      void cable.close();
      cable = undefined;
    }
  };
  device.linkChanged.observe(scope, update);
  device.poweredChanged.observe(scope, update);
  return {
    async enable(signal) {
      if (device.link.isUp) return;
      await core.kernel.link.setUp(device.ifindex, signal).catch((error: unknown) => {
        // A VLAN whose parent is down: the kernel takes it up together with the parent.
        const isParentDown = error instanceof NetlinkError && error.code === 'ENETDOWN';
        if (device.link.kind !== 'vlan' || !isParentDown) throw error;
      });
    },
    // The cable goes when the technology has told that it is off, not when the kernel says so.
    async disable(signal) {
      isDisabling = true;
      try {
        await core.kernel.link.setDown(device.ifindex, signal);
      } finally {
        isDisabling = false;
      }
    },
  };
}

/** Nothing needs to be joined: the carrier is the connection. */
const CABLE = { connect: () => undefined, disconnect: () => undefined };

/** `cable`, with the VLAN's id or the switch port in front, as in ConnMan's identifiers. */
export function groupOf(link: Link): string {
  const port = link.kind === 'dsa' ? /^p([0-9]+)$/.exec(link.physicalPortName ?? '')?.[1] : undefined;
  const portPart = port === undefined ? '' : `p${Number(port).toString(16).padStart(2, '0')}_`;
  const vlanPart = link.vlanId === undefined ? '' : `${link.vlanId.toString(16).padStart(3, '0')}_`;
  return `${portPart}${vlanPart}cable`;
}
