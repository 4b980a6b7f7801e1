/**
 * chronyd as an NTP server in a namespace (Debian's package `chrony`, laid over it by the caller). It
 * runs with `-x`: it serves the machine's clock and never touches it.
 */

import { writeFileSync } from 'node:fs';
import type { Child } from './child.ts';
import type { Namespace } from './namespace.ts';

/** Starts chronyd; it answers when this resolves. `lines` are more of chrony.conf(5), `stratum` its claim. */
export async function startChrony(namespace: Namespace, lines: readonly string[] = [], stratum = 3): Promise<Child> {
  const configuration = [
    `local stratum ${stratum}`, 'allow all', 'cmdport 0', 'bindcmdaddress /', 'pidfile /run/chronyd.pid', ...lines,
  ];
  writeFileSync(namespace.path('/run/chrony.conf'), `${configuration.join('\n')}\n`);
  const chronyd = namespace.spawn(['chronyd', '-x', '-d', '-u', 'root', '-f', '/run/chrony.conf']);
  await chronyd.waitForLine((line) => line.includes('Disabled control of system clock'));
  return chronyd;
}
