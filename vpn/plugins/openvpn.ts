/**
 * OpenVPN: the program `openvpn` with its management socket (management-notes.txt), over which it asks
 * for credentials, and a script that tells what the tunnel is. Options are ConnMan's.
 * Invariant: no secret stands in its command line or environment, and no value can become an option.
 */

import { programDirective } from '../../src/provision/ovpn.ts';
import { ConnmanError } from '../../src/shared/errors.ts';
import { logger } from '../../src/shared/log.ts';
import {
  Lines,
  VpnFailure,
  type Driver,
  type Field,
  type Plugin,
  type Session,
  type Settings,
  type Task,
  type TaskAddress,
  type VpnCore,
} from '../api.ts';
import {
  answer,
  dynamicResponse,
  parseQuestion,
  staticResponse,
  type DynamicChallenge,
  type Question,
} from './openvpn/management.ts';
import { readTunnel } from './openvpn/tunnel.ts';

const log = logger('vpn/plugins/openvpn.ts');

/** The socket of openvpn's is there soon after its start, if at all. */
const MANAGEMENT = { everyMs: 200, attempts: 30 } as const;

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
  const { env, ident, signal } = session;
  const path = `${env.socketDirectory('openvpn')}/openvpn-${ident}`.slice(0, MAX_SOCKET_PATH);
  env.removeFile(path);
  let isUp = false;
  const configuration = readConfiguration(session);
  const task: Task = session.startTask({
    file: 'openvpn',
    ...(configuration !== undefined && { input: configuration }),
    args: (address) => commandLine(session, path, address),
    onNotice: ({ reason, environment }) => {
      const tunnel = reason === 'up' ? readTunnel(environment, session.host) : undefined;
      if (tunnel === undefined) {
        log.info('%s: openvpn reports %s', ident, reason);
        void task.stop();
        return;
      }
      isUp = true;
      session.up(tunnel);
    },
  });
  signal.addEventListener('abort', () => void task.stop(), { once: true });
  void task.exited.then((exit) => {
    env.removeFile(path);
    if (isUp || signal.aborted) resolve();
    else reject(new VpnFailure('unknown', new ConnmanError('Failed', undefined, { cause: exit.error })));
  });
  new Management(session, path, (error) => {
    void task.stop();
    reject(error);
  }).connect();
}

const MAX_SOCKET_PATH = 107; // sun_path

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
  const problem = text === undefined ? `${path} cannot be read` : `${path} would run a program by ${directive}`;
  throw new VpnFailure('unknown', new ConnmanError('InvalidArguments', problem));
}

/** The arguments of openvpn. Throws VpnFailure for a value that would be an option. */
function commandLine(session: Session, managementPath: string, address: TaskAddress): string[] {
  const { host, settings, interfaceName, env } = session;
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
    words.push('--static-challenge', challenge, settings.flag('OpenVPN.StaticChallengeEcho') ? '1' : '0');
  }
  if (get('ConfigFile') === undefined) words.push(...withoutConfigFile(settings));
  else words.push('--config', 'stdin');
  words.push(
    '--management',
    managementPath,
    'unix',
    '--management-query-passwords',
    '--auth-retry',
    'interact',
    '--syslog',
    '--script-security',
    '2',
    '--up',
    `${env.scriptDirectory}/vpn-script`,
    '--up-restart',
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

/** The conversation over openvpn's management socket. */
class Management {
  readonly #session: Session;
  readonly #path: string;
  readonly #onFailure: (error: unknown) => void;
  #send: (line: string) => void = () => undefined;
  #isKeyRefused = false;
  #dynamic: DynamicChallenge | undefined;

  constructor(session: Session, path: string, onFailure: (error: unknown) => void) {
    this.#session = session;
    this.#path = path;
    this.#onFailure = onFailure;
  }

  /** Tries until the socket is there; without it openvpn asks nobody and ends by itself. */
  connect(attempt = 1): void {
    const { env, scope, signal } = this.#session;
    if (signal.aborted || scope.signal.aborted) return;
    try {
      const socket = env.connectUnix(this.#path, scope);
      const lines = new Lines((line) => void this.#onLine(line));
      socket.onData = (bytes) => lines.push(bytes);
      socket.onEnd = () => undefined;
      this.#send = (line) => {
        if (!scope.signal.aborted) socket.send(Buffer.from(`${line}\n`));
      };
    } catch {
      if (attempt >= MANAGEMENT.attempts) return;
      env.clock.after('management of openvpn', MANAGEMENT.everyMs, scope, () => this.connect(attempt + 1));
    }
  }

  async #onLine(line: string): Promise<void> {
    const question = parseQuestion(line);
    if (question === undefined) return;
    try {
      await this.#answer(question);
    } catch (error) {
      if (!this.#session.signal.aborted) this.#onFailure(error);
    }
  }

  async #answer(question: Question): Promise<void> {
    switch (question.kind) {
      case 'auth':
        for (const line of await this.#credentials(question)) this.#send(line);
        return;
      case 'key':
        this.#send(answer('password', 'Private Key', await this.#passphrase()));
        return;
      case 'authRefused':
        this.#dynamic = question.dynamic;
        if (question.dynamic === undefined) this.#session.countAuthError();
        return;
      case 'keyRefused':
        this.#isKeyRefused = true;
        return;
    }
  }

  // Asked every time: what openvpn needs again was refused, or is used once.
  async #credentials({ challenge }: { challenge?: string | undefined }): Promise<string[]> {
    const session = this.#session;
    const dynamic = this.#dynamic;
    this.#dynamic = undefined;
    if (dynamic !== undefined) return this.#respond(dynamic);
    const { authFailure } = session;
    const given = await session.ask([
      ...(authFailure === undefined ? [] : [told('VpnAgent.AuthFailure', authFailure)]),
      { key: 'OpenVPN.Username', type: 'string', requirement: 'mandatory' },
      { key: 'OpenVPN.Password', type: 'password', requirement: 'mandatory' },
      ...(challenge === undefined ? [] : [challengeField(challenge)]),
    ]);
    const [username, password] = [given.get('OpenVPN.Username'), given.get('OpenVPN.Password')];
    if (username === undefined || password === undefined) throw lacking();
    const response = given.get(CHALLENGE) ?? '';
    const sent = challenge === undefined ? password : staticResponse(password, response);
    return [answer('username', 'Auth', username), answer('password', 'Auth', sent)];
  }

  // Name and password were right: only the server's question is left.
  async #respond(dynamic: DynamicChallenge): Promise<string[]> {
    const response = (await this.#session.ask([challengeField(dynamic.text)])).get(CHALLENGE);
    if (response === undefined) throw lacking();
    return [
      answer('username', 'Auth', dynamic.username),
      answer('password', 'Auth', dynamicResponse(dynamic, response)),
    ];
  }

  async #passphrase(): Promise<string> {
    const key = 'OpenVPN.PrivateKeyPassword';
    const { settings } = this.#session;
    const stored = settings.get(key);
    if (stored !== undefined && !this.#isKeyRefused) return stored;
    const given = (
      await this.#session.ask([
        { key, type: 'password', requirement: 'mandatory' },
        { key: 'AllowStoreCredentials', type: 'boolean', requirement: 'control', value: false },
        { key: 'AllowRetrieveCredentials', type: 'boolean', requirement: 'control', value: false },
        { key: 'KeepCredentials', type: 'boolean', requirement: 'control', value: true },
        { key: 'Enter Private Key password', type: 'string', requirement: 'informational' },
      ])
    ).get(key);
    if (given === undefined) throw lacking();
    settings.setHidden(key, given);
    this.#isKeyRefused = false;
    return given;
  }
}

const CHALLENGE = 'OpenVPN.StaticChallenge';

function challengeField(text: string): Field {
  return { key: CHALLENGE, type: 'password', requirement: 'mandatory', value: text };
}

function told(key: string, value: string): Field {
  return { key, type: 'string', requirement: 'informational', value };
}

function lacking(): VpnFailure {
  return new VpnFailure('auth', new ConnmanError('PermissionDenied'));
}
