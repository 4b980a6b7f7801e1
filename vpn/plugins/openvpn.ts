/**
 * OpenVPN: the program `openvpn`, which connects to its management socket (management-notes.txt), asks for
 * credentials there and tells what the tunnel is. Options are ConnMan's.
 * Invariant: no secret stands in its command line or environment, and no value can become an option.
 */

import { programDirective } from '../../src/provision/ovpn.ts';
import { ConnmanError } from '../../src/shared/errors.ts';
import { logger } from '../../src/shared/log.ts';
import {
  VpnFailure,
  type Driver,
  type Plugin,
  type Session,
  type Settings,
  type Task,
  type TaskAddress,
  type Tunnel,
  type VpnCore,
} from '../api.ts';
import { Conversation } from './openvpn/conversation.ts';
import { readTunnel } from './openvpn/tunnel.ts';

const log = logger('vpn/plugins/openvpn.ts');

/** The OpenVPN driver. */
export const openvpn: Plugin<VpnCore> = {
  name: 'openvpn',
  description: 'OpenVPN plugin',
  priority: 'default',
  start: ({ drivers }, scope) => drivers.register(driver, scope),
};

const driver: Driver = {
  type: 'openvpn',
  authErrorLimit: 10,
  device: (settings) => (settings.get('OpenVPN.DeviceType') === 'tap' ? 'tap' : 'tun'),
  run: (session) => new Promise((resolve, reject) => start(session, resolve, reject)),
};

function start(session: Session, resolve: () => void, reject: (error: unknown) => void): void {
  const { ident, host, signal } = session;
  const configuration = readConfiguration(session);
  let tunnel: Tunnel | undefined;
  const up = (next: Tunnel): void => session.up((tunnel = next));
  const conversation = new Conversation(session, {
    onFailure(error) {
      void task.stop();
      reject(error);
    },
    onReport(report) {
      if (report.kind === 'up') onUp(report.environment);
      else if (report.kind === 'connected' && tunnel !== undefined && tunnel.gateway !== report.server) {
        up({ ...tunnel, gateway: report.server });
      }
    },
  });
  const path = conversation.open();
  const task: Task = session.startTask({
    file: 'openvpn',
    ...(configuration !== undefined && { input: configuration }),
    args: (address) => commandLine(session, path, address),
    // A script of the configuration's may report as well.
    onNotice({ reason, environment }) {
      if (reason === 'up') return onUp(environment);
      log.info('%s: openvpn reports %s', ident, reason);
      void task.stop();
    },
  });
  const onUp = (environment: ReadonlyMap<string, string>): void => {
    const next = readTunnel(environment, host);
    if (next !== undefined) return up(next);
    log.info('%s: openvpn reports a tunnel without an address', ident);
    void task.stop();
  };
  signal.addEventListener('abort', () => void task.stop(), { once: true });
  void task.exited.then((exit) => {
    if (tunnel !== undefined || signal.aborted) resolve();
    else reject(new VpnFailure('unknown', new ConnmanError('Failed', undefined, { cause: exit.error })));
  });
}

/** Keys in ConnMan's order, and the option each becomes. */
const OPTIONS: readonly (readonly [key: string, option: string, ...more: string[]])[] = [
  ['CACert', '--ca'],
  ['Cert', '--cert'],
  ['Key', '--key'],
  ['MTU', '--tun-mtu'],
  ['NSCertType', '--remote-cert-tls'], // --ns-cert-type is gone from OpenVPN 2.5
  ['Proto', '--proto'],
  ['Port', '--port'],
  ['AskPass', '--askpass'],
  ['TLSRemote', '--verify-x509-name', 'name'], // --tls-remote is gone from OpenVPN 2.4
  ['TLSCipher', '--tls-cipher'],
  ['Cipher', '--cipher'],
  ['Auth', '--auth'],
  ['CompLZO', '--comp-lzo'],
  ['RemoteCertTls', '--remote-cert-tls'],
  ['Verb', '--verb'],
  ['Ping', '--ping'],
  ['PingExit', '--ping-exit'],
  ['RemapUsr1', '--remap-usr1'],
  ['TLSCrypt', '--tls-crypt'],
  ['TLSCryptV2', '--tls-crypt-v2'],
];

// Read once and handed over, so that what was looked at is what openvpn reads. Who may make connections may
// not thereby run programs as root: only a provisioning file's configuration may name some.
function readConfiguration({ settings, env }: Session): string | undefined {
  const key = 'OpenVPN.ConfigFile';
  const path = settings.get(key);
  if (path === undefined) return undefined;
  const text = env.readFile(path);
  const directive = text === undefined || settings.isImmutable(key) ? undefined : programDirective(text);
  if (text !== undefined && directive === undefined) return text;
  const problem = text === undefined ? 'cannot be read' : `would run a program or write a file by ${directive}`;
  throw new VpnFailure('unknown', new ConnmanError('InvalidArguments', `${path} ${problem}`));
}

/** The arguments of openvpn. Throws VpnFailure for a value that would be an option. */
function commandLine(session: Session, managementPath: string, address: TaskAddress): string[] {
  const { host, settings, interfaceName } = session;
  const get = (key: string): string | undefined => settings.get(`OpenVPN.${key}`);
  const words = ['--remote', plain('Host', host)];
  for (const [key, option, ...more] of OPTIONS) {
    const value = get(key);
    if (value !== undefined) words.push(option, plain(`OpenVPN.${key}`, value), ...more);
  }
  const authUserPass = get('AuthUserPass');
  if (authUserPass === '-') words.push('--auth-user-pass');
  else if (authUserPass !== undefined) words.push('--auth-user-pass', plain('OpenVPN.AuthUserPass', authUserPass));
  if (settings.flag('OpenVPN.AuthNoCache')) words.push('--auth-nocache');
  const challenge = get('StaticChallenge');
  if (challenge !== undefined) {
    const isEchoed = settings.flag('OpenVPN.StaticChallengeEcho');
    words.push('--static-challenge', plain('OpenVPN.StaticChallenge', challenge), isEchoed ? '1' : '0');
  }
  if (get('ConfigFile') === undefined) words.push(...withoutConfigFile(settings));
  else words.push('--config', 'stdin');
  words.push(
    '--management',
    managementPath,
    'unix',
    '--management-client',
    '--management-up-down',
    '--management-query-passwords',
    '--auth-retry',
    'interact',
    '--syslog',
    '--script-security',
    '2',
    ...Object.entries(address).flatMap(([key, value]) => ['--setenv', key, value]),
    '--dev',
    interfaceName,
    '--dev-type',
    get('DeviceType') ?? 'tun',
    '--persist-tun',
    '--route-noexec',
    '--ifconfig-noexec',
    ...keepAlive(settings),
  );
  return words;
}

function withoutConfigFile(settings: Settings): string[] {
  const key = settings.get('OpenVPN.TLSAuth');
  const direction = settings.get('OpenVPN.TLSAuthDir');
  const tlsAuth =
    key === undefined ? [] : ['--tls-auth', plain('OpenVPN.TLSAuth', key), ...(direction ? [direction] : [])];
  return [...tlsAuth, '--nobind', '--persist-key', '--client'];
}

function keepAlive(settings: Settings): string[] {
  const has = (key: string): boolean => settings.get(`OpenVPN.${key}`) !== undefined;
  if (settings.get('OpenVPN.Proto')?.startsWith('tcp') === true) {
    return [...(has('PingExit') ? [] : ['--ping-restart', '0']), '--connect-retry-max', '1'];
  }
  return [...(has('Ping') ? [] : ['--ping', '10']), ...(has('PingExit') ? [] : ['--ping-exit', '60'])];
}

// openvpn takes a word that begins with two dashes for its next option, wherever it stands.
function plain(key: string, value: string): string {
  if (!value.startsWith('--')) return value;
  throw new VpnFailure('unknown', new ConnmanError('InvalidArguments', `${key} begins with --`));
}
