/**
 * OpenConnect (AnyConnect, GlobalProtect, Pulse, Fortinet …): the program `openconnect` twice, first to
 * log in, which gives a cookie and the server's fingerprint, then with these for the tunnel.
 * Invariant: passwords, passphrases and cookies go by standard input alone; a server whose certificate
 * nobody signed is used only where the user allows it, and by the fingerprint seen first.
 */

import { ConnmanError } from '../../src/shared/errors.ts';
import { VpnFailure, type Driver, type Plugin, type Session, type VpnCore } from '../api.ts';
import { refused } from './lib/questions.ts';
import { runScripted, scriptArguments } from './lib/scripted.ts';
import { askWhatLacks, KEY, modeOf, SECRETS, type Mode } from './openconnect/credentials.ts';
import { allowedFingerprint, connectionOptions, identityOptions, inputFor, plain } from './openconnect/options.ts';
import { Notes, readAnswer } from './openconnect/said.ts';

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
  run: async (session) => runTunnel(session, await logIn(session)),
};

/** A server that is away is tried once more, ten seconds later; openconnect would go on for five minutes. */
const RECONNECT_SEC = 10;

/** What the tunnel needs. */
interface Access {
  readonly cookie: string;
  readonly host: string;
  readonly fingerprint: string | undefined;
}

async function logIn(session: Session): Promise<Access> {
  const { settings, host } = session;
  const mode = modeOf(settings);
  const known = (): Access | undefined => {
    const cookie = mode === 'cookie' || mode === 'cookie_with_userpass' ? settings.secret(`${KEY}Cookie`) : undefined;
    const server = settings.get(`${KEY}VPNHost`) ?? host;
    return cookie === undefined ? undefined : { cookie, host: server, fingerprint: allowedFingerprint(settings) };
  };
  const kept = known();
  if (kept !== undefined) return kept;
  await askWhatLacks(session, mode);
  return known() ?? authenticate(session, mode);
}

/** `openconnect --authenticate`; a certificate nobody signed is tried again by its fingerprint, if allowed. */
async function authenticate(session: Session, mode: Mode, known?: string): Promise<Access> {
  const { settings, signal } = session;
  const server = settings.get(`${KEY}VPNHost`) ?? session.host;
  const fingerprint = known ?? allowedFingerprint(settings);
  const notes = new Notes();
  const task = session.startTask({
    file: 'openconnect',
    args: [
      '--authenticate',
      '--useragent=ConnMan VPN Agent',
      ...connectionOptions(settings, fingerprint),
      ...identityOptions(settings, mode),
      plain('Host', server),
    ],
    environment: { LANG: 'C', LC_ALL: 'C' },
    input: inputFor(settings, mode),
    onNotice: () => undefined,
    onLine: (line) => notes.read(line),
  });
  signal.addEventListener('abort', () => void task.stop(), { once: true });
  const exit = await task.exited;
  const { COOKIE: cookie, HOST: host, CONNECT_URL: url, FINGERPRINT: seen } = readAnswer(exit.stdout);
  if (cookie !== undefined && cookie !== '') {
    return { cookie, host: url ?? host ?? server, fingerprint: seen ?? fingerprint };
  }
  if (signal.aborted) throw refused();
  if (notes.fingerprint !== undefined && fingerprint === undefined && settings.flag(`${KEY}AllowSelfSignedCert`)) {
    settings.set(`${KEY}ServerCert`, notes.fingerprint);
    return authenticate(session, mode, notes.fingerprint);
  }
  settings.forget(...SECRETS);
  throw notes.failure ?? refused();
}

function runTunnel(session: Session, { cookie, host, fingerprint }: Access): Promise<void> {
  const { settings, interfaceName } = session;
  const notes = new Notes();
  const isAllowed = settings.flag(`${KEY}AllowSelfSignedCert`);
  const running = runScripted(session, {
    file: 'openconnect',
    args: [
      '--cookie-on-stdin',
      `--reconnect-timeout=${RECONNECT_SEC}`,
      ...connectionOptions(settings, fingerprint),
      ...scriptArguments(session),
      '--interface',
      interfaceName,
      plain('Host', host),
    ],
    input: `${cookie}\n${fingerprint !== undefined ? '' : isAllowed ? 'yes\n' : 'no\n'}`,
    onLine: (line) => notes.read(line),
    failure: ({ status }) => notes.failure ?? exitFailure(status),
  });
  settings.forget(...SECRETS.filter((key) => key !== `${KEY}PKCSPassword`));
  return running;
}

// openconnect(8): 2 is a cookie that the server no longer takes.
function exitFailure(status: number | undefined): VpnFailure {
  return status === 2
    ? new VpnFailure('login', new ConnmanError('PermissionDenied'))
    : new VpnFailure('unknown', new ConnmanError('Failed'));
}
