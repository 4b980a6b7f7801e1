/**
 * Boots the guest for the cases of Wi-Fi over iwd (test/guest/iwd.guest.ts) and reports them. iwd has
 * the kernel check certificates, and Debian's kernel does RSA alone, whose keys are made out here.
 */

import { generateKeyPairSync } from 'node:crypto';
import { AIR_PEERS, CERTIFICATE_NAMES } from '../helpers/guest/air.ts';
import { runGuest } from '../helpers/guest/guest.ts';

const keys = CERTIFICATE_NAMES.map((name) => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return [`${name}.key`, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()] as const;
});

await runGuest('test/guest/iwd.guest.ts', {
  peers: [...AIR_PEERS, 'iwd'], files: Object.fromEntries(keys),
});
