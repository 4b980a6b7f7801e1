/**
 * TUN and TAP interfaces for helpers that bring none of their own: `vpn0` to `vpn255`, the first
 * that is free, kept until its link is removed so that a helper without rights may open it.
 */

import type { Rtnetlink } from '../src/netlink/rtnetlink.ts';
import { ConnmanError, SystemError } from '../src/shared/errors.ts';
import type { System } from '../src/system/system.ts';
import { VpnFailure } from './driver.ts';

const MAX_DEVICES = 256;

/** Makes an interface that `uid` may open; returns its name. Throws VpnFailure. */
export function makeTunnelDevice(
  { system, kernel }: { readonly system: Pick<System, 'tun' | 'closeFd'>; readonly kernel: Pick<Rtnetlink, 'mirror'> },
  kind: 'tun' | 'tap',
  uid: number,
): string {
  for (let number = 0; number < MAX_DEVICES; number++) {
    const wanted = `vpn${number}`;
    if (kernel.mirror.linkByName(wanted) !== undefined) continue;
    try {
      const { fd, name } = system.tun(wanted, { kind, owner: uid });
      system.closeFd(fd);
      return name;
    } catch (error) {
      if (error instanceof SystemError && error.code === 'EBUSY') continue;
      const text = error instanceof SystemError ? error.message : 'Input/output error';
      throw new VpnFailure('unknown', new ConnmanError('Failed', text, { cause: error }));
    }
  }
  throw new VpnFailure('unknown', new ConnmanError('Failed', 'No such device'));
}
