/**
 * VPNC (Cisco IPsec, IKEv1 aggressive mode with XAuth): the program `vpnc`, its configuration given on
 * standard input, so that no secret stands in a command line or a file.
 */

import { ConnmanError } from '../../src/shared/errors.ts';
import { logger } from '../../src/shared/log.ts';
import {
  VpnFailure,
  type Driver,
  type Field,
  type Plugin,
  type Session,
  type Settings,
  type VpnCore,
} from '../api.ts';
import { readScriptTunnel } from './lib/vpnc-script.ts';

const log = logger('vpn/plugins/vpnc.ts');

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

const driver: Driver = {
  type: 'vpnc',
  device: (settings) => (settings.get('VPNC.DeviceType') === 'tap' ? 'tap' : 'tun'),
  async run(session) {
    const { settings, interfaceName, env, signal } = session;
    if (settings.get('VPNC.IPSec.ID') === undefined)
      throw new VpnFailure('unknown', new ConnmanError('InvalidArguments'));
    if ([SECRET, USERNAME, PASSWORD].some((key) => settings.secret(key) === undefined)) await askForSecrets(session);
    const debug = settings.get('VPNC.Debug');
    let isUp = false;
    let failure: VpnFailure | undefined;
    const task = session.startTask({
      file: 'vpnc',
      args: [
        '--non-inter',
        '--no-detach',
        '--ifname',
        interfaceName,
        '--ifmode',
        settings.get('VPNC.DeviceType') ?? 'tun',
        '--script',
        `${env.scriptDirectory}/vpn-script`,
        ...pidFile(session),
        ...(debug === undefined ? [] : ['--debug', debug]),
        '-',
      ],
      environment: { LANG: 'C', LC_ALL: 'C' },
      input: configurationOf(settings, session.host),
      onNotice: ({ reason, environment }) => {
        const tunnel = reason === 'connect' ? readScriptTunnel(environment, session.host) : undefined;
        if (tunnel === undefined) {
          log.info('%s: vpnc reports %s', session.ident, reason);
          void task.stop();
          return;
        }
        isUp = true;
        session.up(tunnel);
      },
      onLine: (line) => (failure ??= failureOf(line)),
    });
    signal.addEventListener('abort', () => void task.stop(), { once: true });
    settings.forget(SECRET, PASSWORD);
    const exit = await task.exited;
    if (isUp || signal.aborted) return;
    throw failure ?? exitFailure(exit.status);
  },
};

// Its usual place is root's.
function pidFile({ env, ident }: Session): string[] {
  return env.isSystemHelper('vpnc') ? [] : ['--pid-file', `${env.socketDirectory('vpnc')}/vpnc-${ident}.pid`];
}

// vpnc's exit status as ConnMan reads it: 1 no connection, 2 no login.
function exitFailure(status: number | undefined): VpnFailure {
  if (status === 1) return unreachable();
  return new VpnFailure(status === 2 ? 'login' : 'unknown', new ConnmanError('Failed'));
}

const REFUSED = [': hash comparison failed', ': authentication unsuccessful', ': expected xauth packet; rejected'];
const UNREACHABLE = [': unknown host', ': no response from target', ': receiving packet: No route to host'];

function failureOf(line: string): VpnFailure | undefined {
  if (REFUSED.some((text) => line.includes(text)))
    return new VpnFailure('auth', new ConnmanError('PermissionDenied'));
  if (UNREACHABLE.some((text) => line.includes(text)))
    return unreachable();
  return undefined;
}

function unreachable(): VpnFailure {
  return new VpnFailure('connect', new ConnmanError('NotConnected'));
}

async function askForSecrets(session: Session): Promise<void> {
  const { settings, authFailure } = session;
  const field = (key: string, type: Field['type']): Field => {
    const value = settings.secret(key);
    const isFixed = settings.isImmutable(key);
    const shown = isFixed && type === 'password' ? '********' : value;
    return {
      key,
      type: isFixed ? 'password' : type,
      requirement: isFixed ? 'informational' : 'mandatory',
      ...(value !== undefined && shown !== undefined && { value: shown }),
    };
  };
  const failure: Field[] =
    authFailure === undefined
      ? []
      : [{ key: 'VpnAgent.AuthFailure', type: 'string', requirement: 'informational', value: authFailure }];
  const answer = await session
    .ask([...failure, field(SECRET, 'password'), field(USERNAME, 'string'), field(PASSWORD, 'password')])
    .catch((error: unknown) => {
      const isNobody = error instanceof VpnFailure && error.reply.code === 'NotRegistered';
      throw isNobody ? new VpnFailure('login', new ConnmanError('OperationAborted')) : error;
    });
  for (const key of [SECRET, USERNAME, PASSWORD]) {
    const value = settings.isImmutable(key) ? settings.secret(key) : answer.get(key);
    if (value === undefined || value === '') throw new VpnFailure('auth', new ConnmanError('PermissionDenied'));
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
