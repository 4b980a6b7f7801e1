/**
 * What sysfs knows of interfaces and netlink does not tell.
 */

import { readSmallFile } from './files.ts';

/** DEVTYPE of `/sys/class/net/<name>/uevent` (`wlan`, `vlan`, `gadget` …); undefined without one. */
export function readDevtype(interfaceName: string): string | undefined {
  try {
    const text = readSmallFile(`/sys/class/net/${interfaceName}/uevent`) ?? '';
    return /^DEVTYPE=(\S+)$/m.exec(text)?.[1];
  } catch {
    return undefined; // no sysfs, or the interface is gone again
  }
}
