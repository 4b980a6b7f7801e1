/**
 * connman-vpn.conf and `vpn-plugin/TYPE.conf` (connman-vpn.conf(5)): how long agents may take, and
 * as whom VPN programs run.
 */

import { readConfiguration } from '../src/daemon/main-conf.ts';
import { KeyFile } from '../src/shared/keyfile.ts';
import { logger } from '../src/shared/log.ts';
import { parse, seconds, type OptionTable } from '../src/shared/options.ts';
import { DAC_PRIVILEGES, hasDacPrivileges, resolvePrivileges, type Accounts, type Privileges } from './privileges.ts';

const log = logger('vpn/options.ts');

/** `[General]` of connman-vpn.conf. */
export const VPN_GENERAL = {
  InputRequestTimeout: { parse: seconds, default: 300, about: 'how long an agent may take to answer' },
} as const satisfies OptionTable;

/** What the files say. */
export interface VpnOptions {
  /** Seconds. */
  readonly InputRequestTimeout: number;
  /**
   * The rights of programs whose own file is at `path`; undefined for those of the daemon. Throws
   * Error where a name in the files is nobody's.
   */
  privileges(path: string, accounts: Accounts): Privileges | undefined;
}

/** Reads connman-vpn.conf at `path`; never throws. */
export function vpnOptions(path: string): VpnOptions {
  const file = readConfiguration(path) ?? new KeyFile();
  const report = (problem: string): void => log.warn('%s in %s', problem, path);
  for (const group of file.groups()) {
    if (group !== 'General' && group !== 'DACPrivileges') report(`Unknown group ${group}`);
  }
  const general = parse(VPN_GENERAL, file, 'General', report);
  return {
    ...general,
    privileges(own, accounts) {
      const theirs = readConfiguration(own);
      const source = hasDacPrivileges(theirs) ? theirs : file;
      return resolvePrivileges(parse(DAC_PRIVILEGES, source, 'DACPrivileges', () => undefined), accounts);
    },
  };
}
