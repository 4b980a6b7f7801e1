/**
 * Name servers of a machine that the kernel itself put on the network (`ip=`, a root file system on
 * NFS): /proc/net/pnp, Documentation/admin-guide/nfs/nfsroot.rst. Read once, at the start.
 */

import { messageOf } from '../shared/errors.ts';
import { parseIpAddress, type IpAddress } from '../shared/ipaddress.ts';
import { logger } from '../shared/log.ts';
import { readSmallFile } from './files.ts';

const log = logger('src/daemon/kernel-nameservers.ts');

/** CONF_NAMESERVERS_MAX of net/ipv4/ipconfig.c. */
const MOST_SERVERS = 3;

/** Those the kernel was given or got, in its order; none where it did not configure anything. */
export function kernelNameservers(path = '/proc/net/pnp'): IpAddress[] {
  let text: string | undefined;
  try {
    text = readSmallFile(path);
  } catch (error) {
    log.debug('%s cannot be read: %s', path, messageOf(error));
  }
  const servers = parseKernelNameservers(text ?? '');
  if (servers.length > 0) log.info('name servers of the kernel: %s', servers.join(', '));
  return servers;
}

/** The `nameserver` lines; what is no address of a server is passed over. */
export function parseKernelNameservers(text: string): IpAddress[] {
  const words = [...text.matchAll(/^nameserver[ \t]+(\S+)[ \t]*$/gm)].map(([, word = '']) => parseIpAddress(word));
  return words.flatMap((address) => (address === undefined || address.isUnspecified ? [] : address))
    .slice(0, MOST_SERVERS);
}
