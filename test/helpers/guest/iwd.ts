/**
 * Debian's iwd in a cell inside the guest. It makes its interfaces anew and has the kernel's crypto,
 * whose modules it finds loaded: to load them as it asks takes longer than it waits.
 */

import type { Cell } from '../cell.ts';
import { output, type Child } from '../child.ts';

const MODULES = [
  'algif_hash', 'algif_skcipher', 'algif_aead', 'ccm', 'cmac', 'ctr', 'gcm', 'md4', 'des_generic', 'pkcs8_key_parser',
];

/** Starts it in the device; it owns its name on return. `more`: arguments of its own. */
export async function startIwd(cell: Cell, more: readonly string[] = []): Promise<Child> {
  for (const name of MODULES) await output(['modprobe', name]);
  return cell.startDaemon(['/usr/libexec/iwd', '-d', ...more], 'net.connman.iwd');
}
