/**
 * L2TP: pppd started by the program `xl2tpd`, which gets a configuration of its own for each
 * connection, so that several live side by side. IPsec below it is the system's business.
 */

import { ConnmanError } from '../../src/shared/errors.ts';
import { VpnFailure, type Driver, type Plugin, type Settings, type VpnCore } from '../api.ts';
import { COMMON_OPTIONS, credentials, optionsFile, runPppd, type PppdOptions } from './lib/pppd.ts';

/** The L2TP driver. */
export const l2tp: Plugin<VpnCore> = {
  name: 'l2tp',
  description: 'L2TP plugin',
  priority: 'default',
  start: ({ drivers }, scope) => drivers.register(driver, scope),
};

const OPTIONS: PppdOptions = [
  ...COMMON_OPTIONS,
  ['NoPcomp', 'nopcomp', 'flag'],
  ['UseAccomp', 'accomp', 'flag'],
  ['ReqMPPE', 'require-mppe', 'flag'],
  ['ReqMPPE40', 'require-mppe-40', 'flag'],
  ['ReqMPPE128', 'require-mppe-128', 'flag'],
  ['ReqMPPEStateful', 'mppe-stateful', 'flag'],
];

/** xl2tpd.conf(5): key of ours, name there, value unless set. */
type Rows = readonly (readonly [key: string, name: string, initial?: string])[];

const GLOBAL: Rows = [
  ['AccessControl', 'access control', 'yes'],
  ['IPsecSaref', 'ipsec saref', 'no'],
  ['AuthFile', 'auth file'],
  ['ForceUserSpace', 'force userspace'],
  ['ListenAddr', 'listen-addr'],
  ['Rand Source', 'rand source'],
  ['Port', 'port'],
];
const LNS: Rows = [['Exclusive', 'exclusive']];
const LAC: Rows = [
  ['BPS', 'bps'],
  ['TXBPS', 'tx bps'],
  ['RXBPS', 'rx bps'],
  ['LengthBit', 'length bit'],
  ['Challenge', 'challenge'],
  ['DefaultRoute', 'defaultroute'],
  ['FlowBit', 'flow bit'],
  ['TunnelRWS', 'tunnel rws'],
  ['Autodial', 'autodial', 'yes'],
  ['Redial', 'redial', 'yes'],
  ['RedialTimeout', 'redial timeout', '10'],
  ['MaxRedials', 'max redials'],
  ['RequirePAP', 'require pap', 'no'],
  ['RequireCHAP', 'require chap', 'yes'],
  ['ReqAuth', 'require authentication', 'no'],
];

const driver: Driver = {
  type: 'l2tp',
  async run(session) {
    const { env, ident, host, settings, scope } = session;
    if (/[\r\n]/.test(host)) throw new VpnFailure('unknown', new ConnmanError('InvalidArguments'));
    const known = await credentials(session, 'L2TP');
    const options = env.writeFile(`l2tp-${ident}.ppp`, optionsFile(settings, OPTIONS, known), scope);
    const lac = [
      '[lac l2tp]',
      `lns = ${host}`,
      `name = ${oneLine(known.user)}`,
      ...rows(settings, LAC),
      `pppoptfile = ${options}`,
    ];
    const text = ['[global]', ...rows(settings, GLOBAL), '[lns default]', ...rows(settings, LNS), ...lac].join('\n');
    const configuration = env.writeFile(`l2tp-${ident}.conf`, `${text}\n`, scope);
    const paths = ['control', 'pid'].map((name) => `${env.runtimeDirectory}/l2tp-${ident}.${name}`);
    const [control = '', pid = ''] = paths;
    scope.defer(() => paths.forEach((path) => env.removeFile(path)));
    const args = ['-D', '-C', control, '-c', configuration, '-p', pid];
    await runPppd(session, 'L2TP', { file: 'xl2tpd', args });
  },
};

function rows(settings: Settings, table: Rows): string[] {
  return table.flatMap(([key, name, initial]) => {
    const value = settings.get(`L2TP.${key}`) ?? initial;
    return value === undefined ? [] : [`${name} = ${oneLine(value)}`];
  });
}

function oneLine(text: string): string {
  return text.replace(/[\r\n]/g, '');
}
