/**
 * VPNC (Cisco IPsec, IKEv1 aggressive mode with XAuth): the program `vpnc`, its configuration given on
 * standard input, so that no secret stands in a command line or a file.
 */

import { ConnmanError } from '../../src/shared/errors.ts';
import {
  VpnFailure,
  type Driver,
  type Field,
  type Plugin,
  type Session,
  type Settings,
  type VpnCore,
} from '../api.ts';
import { afterRefusal, refused, secretField } from './lib/questions.ts';
import { runScripted, scriptArguments } from './lib/scripted.ts';

/** The VPNC driver. */
export const vpnc: Plugin<VpnCore> = {
  name: 'vpnc',
  description: 'VPNC plugin',
  priority: 'default',
  start: ({ drivers }, scope) => drivers.register(driver, scope),
};

const SECRET = 'VPNC.IPSec.Secret';
const USERNAME = 'VPNC.Xauth.Username';
const PASSWORD = 'VPNC.Xauth.Password';
const SECRETS = [SECRET, USERNAME, PASSWORD];

const driver: Driver = {
  type: 'vpnc',
  device: (settings) => (settings.get('VPNC.DeviceType') === 'tap' ? 'tap' : 'tun'),
  async run(session) {
    const { settings, interfaceName } = session;
    if (settings.get('VPNC.IPSec.ID') === undefined) {
      throw new VpnFailure('unknown', new ConnmanError('InvalidArguments', 'VPNC.IPSec.ID is missing'));
    }
    if (SECRETS.some((key) => settings.secret(key) === undefined)) await askForSecrets(session);
    const debug = settings.get('VPNC.Debug');
    let said: VpnFailure | undefined;
    const running = runScripted(session, {
      file: 'vpnc',
      args: [
        '--non-inter',
        '--no-detach',
        '--ifname',
        interfaceName,
        '--ifmode',
        settings.get('VPNC.DeviceType') ?? 'tun',
        ...scriptArguments(session),
        ...pidFile(session),
        ...(debug === undefined ? [] : ['--debug', debug]),
        '-',
      ],
      input: configurationOf(settings, session.host),
      onLine: (line) => (said ??= failureOf(line)),
      failure: ({ status }) => said ?? exitFailure(status),
    });
    settings.forget(SECRET, PASSWORD);
    await running;
  },
};

// Its usual place is root's.
function pidFile({ env, ident }: Session): string[] {
  return env.isSystemHelper('vpnc') ? [] : ['--pid-file', `${env.helperDirectory('vpnc')}/vpnc-${ident}.pid`];
}

// vpnc's exit status as ConnMan reads it: 1 no connection, 2 no login.
function exitFailure(status: number | undefined): VpnFailure {
  if (status === 1) return unreachable();
  return new VpnFailure(status === 2 ? 'login' : 'unknown', new ConnmanError('Failed'));
}

const REFUSED = [': hash comparison failed', ': authentication unsuccessful', ': expected xauth packet; rejected'];
const UNREACHABLE = [': unknown host', ': no response from target', ': receiving packet: No route to host'];

function failureOf(line: string): VpnFailure | undefined {
  if (REFUSED.some((text) => line.includes(text))) return refused();
  return UNREACHABLE.some((text) => line.includes(text)) ? unreachable() : undefined;
}

function unreachable(): VpnFailure {
  return new VpnFailure('connect', new ConnmanError('NotConnected'));
}

async function askForSecrets(session: Session): Promise<void> {
  const { settings } = session;
  // What a file fixes has the type of a secret, as ConnMan has it.
  const fields = SECRETS.map((key): Field => {
    const field = secretField(settings, key, key === USERNAME ? 'string' : 'password');
    return settings.isImmutable(key) ? { ...field, type: 'password' } : field;
  });
  const answer = await session.ask([...afterRefusal(session), ...fields]).catch((error: unknown) => {
    const isNobody = error instanceof VpnFailure && error.reply.code === 'NotRegistered';
    throw isNobody ? new VpnFailure('login', new ConnmanError('OperationAborted')) : error;
  });
  for (const key of SECRETS) {
    const value = settings.isImmutable(key) ? settings.secret(key) : answer.get(key);
    if (value === undefined || value === '') throw refused();
    if (key === USERNAME) settings.set(key, value);
    else settings.setHidden(key, value);
  }
}

/** vpnc(8), "Configuration": name and value on a line; flags by themselves. */
const LINES: readonly (readonly [key: string, name: string, initial?: string])[] = [
  ['VPNC.IPSec.ID', 'IPSec ID'],
  [SECRET, 'IPSec secret'],
  [USERNAME, 'Xauth username'],
  [PASSWORD, 'Xauth password'],
  ['VPNC.IKE.Authmode', 'IKE Authmode'],
  ['VPNC.IKE.DHGroup', 'IKE DH Group'],
  ['VPNC.PFS', 'Perfect Forward Secrecy'],
  ['VPNC.Domain', 'Domain'],
  ['VPNC.Vendor', 'Vendor'],
  ['VPNC.LocalPort', 'Local Port', '0'],
  ['VPNC.CiscoPort', 'Cisco UDP Encapsulation Port', '0'],
  ['VPNC.AppVersion', 'Application version'],
  ['VPNC.NATTMode', 'NAT Traversal Mode', 'cisco-udp'],
  ['VPNC.DPDTimeout', 'DPD idle timeout (our side)'],
];

function configurationOf(settings: Settings, host: string): string {
  const values = LINES.flatMap(([key, name, initial]) => {
    const value = settings.secret(key) ?? initial;
    return value === undefined ? [] : [`${name} ${value}`];
  });
  const flags = [
    ...(settings.flag('VPNC.SingleDES') ? ['Enable Single DES'] : []),
    ...(settings.flag('VPNC.NoEncryption') ? ['Enable no encryption'] : []),
  ];
  // A line break in a value would be another option.
  return [`IPSec gateway ${host}`, ...values, ...flags].map((line) => `${line.replace(/[\r\n]/g, '')}\n`).join('');
}
