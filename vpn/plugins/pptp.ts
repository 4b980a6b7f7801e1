/**
 * PPTP: pppd over the program `pptp`.
 */

import { ConnmanError } from '../../src/shared/errors.ts';
import { VpnFailure, type Driver, type Plugin, type VpnCore } from '../api.ts';
import { COMMON_OPTIONS, credentials, optionsFile, runPppd, type PppdOptions } from './lib/pppd.ts';

/** The PPTP driver. */
export const pptp: Plugin<VpnCore> = {
  name: 'pptp',
  description: 'PPTP plugin',
  priority: 'default',
  start: ({ drivers }, scope) => drivers.register(driver, scope),
};

// ConnMan's spellings.
const OPTIONS: PppdOptions = [
  ...COMMON_OPTIONS,
  ['RequirMPPE', 'require-mppe', 'flag'],
  ['RequirMPPE40', 'require-mppe-40', 'flag'],
  ['RequirMPPE128', 'require-mppe-128', 'flag'],
  ['RequirMPPEStateful', 'mppe-stateful', 'flag'],
];

const driver: Driver = {
  type: 'pptp',
  async run(session) {
    const { env, ident, host, settings, scope } = session;
    // pppd hands its `pty` line to a shell.
    if (!/^[A-Za-z0-9.:_-]+$/.test(host) || host.startsWith('-')) {
      throw new VpnFailure('unknown', new ConnmanError('InvalidArguments'));
    }
    const known = await credentials(session, 'PPTP');
    const path = env.writeFile(`pptp-${ident}.ppp`, optionsFile(settings, OPTIONS, known), scope);
    const wait = (key: string, option: string): string => {
      const value = settings.get(`PPTP.${key}`);
      return value !== undefined && /^[0-9]+$/.test(value) ? ` ${option} ${value}` : '';
    };
    const waits = wait('IdleWait', '--idle-wait') + wait('MaxEchoWait', '--max-echo-wait');
    const line = `pptp ${host} --nolaunchpppd --loglevel 2${waits}`;
    await runPppd(session, 'PPTP', { file: 'pppd', args: ['file', path, 'pty', line] });
  },
};
