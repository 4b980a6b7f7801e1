/**
 * The loopback interface: up and 127.0.0.1/8, for systems where nothing else sees to it.
 */

import type { Core, Plugin } from '../src/api.ts';
import { parseIpv4 } from '../src/shared/ipaddress.ts';

/** The plugin. */
export const loopback: Plugin<Core> = {
  name: 'loopback',
  description: 'Loopback device plugin',
  priority: 'high',
  async start({ kernel }, scope) {
    const lo = kernel.mirror.linkByName('lo');
    const address = parseIpv4('127.0.0.1');
    if (lo === undefined || address === undefined || lo.isUp) return;
    await kernel.address.add({ ifindex: lo.ifindex, address, prefixLength: 8, scope: 'host' }, scope.signal);
    await kernel.link.setUp(lo.ifindex, scope.signal);
  },
};
