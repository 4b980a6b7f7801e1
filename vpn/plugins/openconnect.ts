/**
 * OpenConnect (AnyConnect, GlobalProtect, Pulse, Fortinet …): the program `openconnect` twice, first to
 * log in, which gives a cookie and the server's fingerprint, then with these for the tunnel.
 * Invariant: passwords, passphrases and cookies go by standard input alone; a server whose certificate
 * nobody signed is used only where the user allows it, and by the fingerprint seen first.
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

const log = logger('vpn/plugins/openconnect.ts');

/** The OpenConnect driver. */
export const openconnect: Plugin<VpnCore> = {
  name: 'openconnect',
  description: 'OpenConnect VPN plugin',
  priority: 'default',
  start: ({ drivers }, scope) => drivers.register(driver, scope),
};

const driver: Driver = {
  type: 'openconnect',
  device: () => 'tun',
  async run(session) {
    const access = await logIn(session);
    await runTunnel(session, access);
  },
};

const KEY = 'OpenConnect.';
const SECRETS = ['Username', 'Password', 'SecondPassword', 'Cookie', 'PKCSPassword'].map((name) => KEY + name);

/** A server that is away is tried once more, ten seconds later; openconnect would go on for five minutes. */
const RECONNECT_SEC = 10;

/** What the tunnel needs. */
interface Access {
  readonly cookie: string;
  readonly host: string;
  readonly fingerprint: string | undefined;
}

type Mode = 'cookie' | 'cookie_with_userpass' | 'userpass' | 'publickey' | 'pkcs';

const MODES: readonly Mode[] = ['cookie', 'cookie_with_userpass', 'userpass', 'publickey', 'pkcs'];

async function logIn(session: Session): Promise<Access> {
  const { settings, host } = session;
  const mode = MODES.find((each) => each === settings.get(`${KEY}AuthType`)) ?? 'cookie';
  const server = settings.get(`${KEY}VPNHost`) ?? host;
  const hasCertificate =
    mode === 'publickey'
      ? settings.get(`${KEY}ClientCert`) !== undefined && settings.get(`${KEY}UserPrivateKey`) !== undefined
      : mode !== 'pkcs' || settings.get(`${KEY}PKCSClientCert`) !== undefined;
  if (!hasCertificate) throw refused();
  const cookie = settings.secret(`${KEY}Cookie`);
  const isKnown = cookie !== undefined && (mode === 'cookie' || mode === 'cookie_with_userpass');
  if (isKnown) return { cookie, host: server, fingerprint: allowedFingerprint(settings) };
  await askWhatLacks(session, mode);
  if (mode === 'cookie') {
    const given = settings.secret(`${KEY}Cookie`);
    if (given === undefined) throw refused();
    const target = settings.get(`${KEY}VPNHost`) ?? host;
    return { cookie: given, host: target, fingerprint: allowedFingerprint(settings) };
  }
  return authenticate(session, mode, server);
}

async function askWhatLacks(session: Session, mode: Mode): Promise<void> {
  const { settings } = session;
  const needed = neededFor(mode, settings);
  if (needed.every((name) => settings.secret(KEY + name) !== undefined)) return;
  const answer = await session.ask(questionFor(session, mode, needed));
  for (const name of needed) {
    const value = answer.get(name) ?? answer.get(KEY + name);
    if (value === undefined || value === '') throw refused();
    settings.setHidden(KEY + name, value);
  }
  for (const name of ['ServerCert', 'VPNHost']) {
    const value = answer.get(KEY + name);
    if (mode === 'cookie' && value !== undefined && value !== '') settings.setHidden(KEY + name, value);
  }
}

function neededFor(mode: Mode, settings: Settings): string[] {
  switch (mode) {
    case 'cookie':
      return ['Cookie'];
    case 'cookie_with_userpass':
    case 'userpass':
      return ['Username', 'Password', ...(settings.flag(`${KEY}UseSecondPassword`) ? ['SecondPassword'] : [])];
    case 'publickey':
      return [];
    case 'pkcs':
      return ['PKCSPassword'];
  }
}

// Order and requirements as ConnMan's.
function questionFor({ settings, authFailure }: Session, mode: Mode, needed: readonly string[]): Field[] {
  const told = (name: string, requirement: Field['requirement'] = 'informational'): Field[] => {
    const value = settings.secret(KEY + name);
    if (value === undefined && requirement === 'informational') return [];
    return [{ key: KEY + name, type: 'string', requirement, ...(value !== undefined && { value }) }];
  };
  const isCookie = mode === 'cookie' || mode === 'cookie_with_userpass';
  const failure: Field[] =
    authFailure === undefined
      ? []
      : [{ key: 'VpnAgent.AuthFailure', type: 'string', requirement: 'informational', value: authFailure }];
  const wanted = needed.map((name): Field => {
    const key = name === 'Username' || name === 'Password' ? name : KEY + name;
    const value = settings.secret(KEY + name);
    const isSecret = name !== 'Username' && name !== 'Cookie';
    const isFixed = settings.isImmutable(KEY + name);
    return {
      key,
      type: isSecret ? 'password' : 'string',
      requirement: isFixed ? 'informational' : 'mandatory',
      ...(value !== undefined && { value: isFixed && isSecret ? '********' : value }),
    };
  });
  const controls: Field[] =
    mode !== 'pkcs'
      ? []
      : [
          { key: 'AllowStoreCredentials', type: 'boolean', requirement: 'control', value: false },
          { key: 'AllowRetrieveCredentials', type: 'boolean', requirement: 'control', value: false },
          { key: 'KeepCredentials', type: 'boolean', requirement: 'control', value: true },
        ];
  return [
    ...told('CACert'),
    ...told('ServerCert', isCookie ? 'optional' : 'informational'),
    ...told('VPNHost', isCookie ? 'optional' : 'informational'),
    ...failure,
    ...(mode === 'pkcs' ? told('PKCSClientCert') : []),
    ...controls,
    ...wanted,
  ];
}

/** `openconnect --authenticate`; a certificate nobody signed is tried again by its fingerprint, if allowed. */
async function authenticate(session: Session, mode: Mode, server: string, known?: string): Promise<Access> {
  const { settings } = session;
  const fingerprint = known ?? allowedFingerprint(settings);
  const notes = new Notes();
  const task = session.startTask({
    file: 'openconnect',
    args: [
      '--authenticate',
      '--useragent=ConnMan VPN Agent',
      ...connectionOptions(settings, fingerprint),
      ...certificateOptions(settings, mode),
      ...loginOptions(settings, mode),
      plain('Host', server),
    ],
    environment: { LC_ALL: 'C' },
    input: inputFor(settings, mode),
    onNotice: () => undefined,
    onLine: (line) => notes.read(line),
  });
  session.signal.addEventListener('abort', () => void task.stop(), { once: true });
  const exit = await task.exited;
  const values = readAnswer(Buffer.from(exit.stdout).toString('utf8'));
  const { COOKIE: cookie, HOST: host, FINGERPRINT: seen } = values;
  if (cookie !== undefined && cookie !== '') {
    return { cookie, host: values['CONNECT_URL'] ?? host ?? server, fingerprint: seen ?? fingerprint };
  }
  if (session.signal.aborted) throw refused();
  const isRetryWorth = notes.fingerprint !== undefined && fingerprint === undefined;
  if (isRetryWorth && settings.flag(`${KEY}AllowSelfSignedCert`)) {
    settings.set(`${KEY}ServerCert`, notes.fingerprint ?? '');
    return authenticate(session, mode, server, notes.fingerprint);
  }
  settings.forget(...SECRETS);
  throw notes.failure ?? refused();
}

function connectionOptions(settings: Settings, fingerprint: string | undefined): string[] {
  const get = (name: string): string | undefined => settings.get(KEY + name);
  const option = (name: string, value: string | undefined): string[] =>
    value === undefined ? [] : [`--${name}=${value}`];
  const flags = [
    ['DisableIPv6', 'disable-ipv6'],
    ['NoHTTPKeepalive', 'no-http-keepalive'],
    ['NoDTLS', 'no-dtls'],
  ] as const;
  return [
    ...option('cafile', get('CACert')),
    ...flags.flatMap(([name, word]) => (settings.flag(KEY + name) ? [`--${word}`] : [])),
    ...option('protocol', get('Protocol')),
    ...option('servercert', fingerprint),
    ...option('usergroup', get('Usergroup')),
    ...option('base-mtu', settings.get('VPN.MTU')),
  ];
}

function certificateOptions(settings: Settings, mode: Mode): string[] {
  const get = (name: string): string => settings.get(KEY + name) ?? '';
  if (mode === 'publickey') return [`--certificate=${get('ClientCert')}`, `--sslkey=${get('UserPrivateKey')}`];
  return mode === 'pkcs' ? [`--certificate=${get('PKCSClientCert')}`] : [];
}

function loginOptions(settings: Settings, mode: Mode): string[] {
  const group = settings.get(`${KEY}Group`);
  const user = settings.secret(`${KEY}Username`);
  return [
    ...(group === undefined ? [] : [`--authgroup=${group}`]),
    ...(mode !== 'userpass' && mode !== 'cookie_with_userpass' ? [] : [`--user=${user ?? ''}`, '--passwd-on-stdin']),
  ];
}

// A line for each question, in the order in which openconnect asks.
function inputFor(settings: Settings, mode: Mode): string {
  const lines = ['Password', 'SecondPassword'].flatMap((name) => settings.secret(KEY + name) ?? []);
  const passphrase = mode === 'pkcs' ? [settings.secret(`${KEY}PKCSPassword`) ?? ''] : [];
  return [...passphrase, ...lines].map((line) => `${line.replace(/[\r\n]/g, '')}\n`).join('');
}

async function runTunnel(session: Session, { cookie, host, fingerprint }: Access): Promise<void> {
  const { settings, interfaceName, env, signal } = session;
  const notes = new Notes();
  let isUp = false;
  const isAllowed = settings.flag(`${KEY}AllowSelfSignedCert`);
  const task = session.startTask({
    file: 'openconnect',
    args: [
      '--cookie-on-stdin',
      `--reconnect-timeout=${RECONNECT_SEC}`,
      ...connectionOptions(settings, fingerprint),
      '--script',
      `${env.scriptDirectory}/vpn-script`,
      '--interface',
      interfaceName,
      plain('Host', host),
    ],
    environment: { LC_ALL: 'C' },
    input: `${cookie}\n${fingerprint !== undefined ? '' : isAllowed ? 'yes\n' : 'no\n'}`,
    onNotice: ({ reason, environment }) => {
      const tunnel = reason === 'connect' ? readScriptTunnel(environment, session.host) : undefined;
      if (tunnel === undefined) {
        log.info('%s: openconnect reports %s', session.ident, reason);
        // The tunnel is taken down or tried again: its own business until it ends.
        if (reason !== 'attempt-reconnect' && reason !== 'reconnect') void task.stop();
        return;
      }
      isUp = true;
      session.up(tunnel);
    },
    onLine: (line) => notes.read(line),
  });
  signal.addEventListener('abort', () => void task.stop(), { once: true });
  settings.forget(...SECRETS.filter((key) => key !== `${KEY}PKCSPassword`));
  const exit = await task.exited;
  if (isUp || signal.aborted) return;
  // openconnect(8): 2 is a cookie that the server no longer takes.
  throw (
    notes.failure ??
    (exit.status === 2
      ? new VpnFailure('login', new ConnmanError('PermissionDenied'))
      : new VpnFailure('unknown', new ConnmanError('Failed')))
  );
}

/** What openconnect says on standard error that decides how it failed. */
class Notes {
  failure: VpnFailure | undefined;
  /** Of a certificate that it would not take. */
  fingerprint: string | undefined;

  read(line: string): void {
    const fingerprint = /^\s+--servercert (\S+)$/.exec(line)?.[1];
    if (fingerprint !== undefined) this.fingerprint = fingerprint;
    const isRefused =
      /^(Got inappropriate HTTP CONNECT response: HTTP\/1\.1 401|VPN service unavailable|(Login|Auth\w+) failed)/;
    if (isRefused.test(line)) this.failure = refused();
    const isUnreachable = /^Failed to (connect to|open HTTPS connection to|reconnect to host)/;
    if (isUnreachable.test(line)) this.failure = new VpnFailure('connect', new ConnmanError('NotConnected'));
  }
}

/** `NAME='value'` lines, as for a shell. */
function readAnswer(text: string): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(
    [...text.matchAll(/^([A-Z_]+)='((?:[^']|'\\'')*)'$/gm)].map(([, name = '', value = '']) => [
      name,
      value.replaceAll("'\\''", "'"),
    ]),
  );
}

function allowedFingerprint(settings: Settings): string | undefined {
  return settings.flag(`${KEY}AllowSelfSignedCert`) ? settings.get(`${KEY}ServerCert`) : undefined;
}

function plain(key: string, value: string): string {
  if (!value.startsWith('-')) return value;
  throw new VpnFailure('unknown', new ConnmanError('InvalidArguments', `${key} begins with -`));
}

function refused(): VpnFailure {
  return new VpnFailure('auth', new ConnmanError('PermissionDenied'));
}
