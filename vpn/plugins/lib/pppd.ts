/**
 * pppd(8) for the drivers whose tunnel it makes: its options in a file of mode 0600, the password among
 * them, and what it says of its link on its log descriptor, so that neither a plugin nor a script is
 * needed. Invariant: a line of an option cannot hold another option.
 */

import { ConnmanError } from '../../../src/shared/errors.ts';
import { parseIpAddress, type IpAddress } from '../../../src/shared/ipaddress.ts';
import { VpnFailure, type Session, type Settings, type Tunnel } from '../../api.ts';
import { afterRefusal } from './questions.ts';

/** Options of pppd by key of ours; a number has a value, a flag stands by itself. */
export type PppdOptions = readonly (readonly [
  key: string,
  option: string,
  kind: 'flag' | 'value',
  initial?: string,
])[];

/** What both drivers have, by the names behind `PPPD.`. */
export const COMMON_OPTIONS: PppdOptions = [
  ['EchoFailure', 'lcp-echo-failure', 'value', '0'],
  ['EchoInterval', 'lcp-echo-interval', 'value', '0'],
  ['Debug', 'debug', 'flag'],
  ['RefuseEAP', 'refuse-eap', 'flag'],
  ['RefusePAP', 'refuse-pap', 'flag'],
  ['RefuseCHAP', 'refuse-chap', 'flag'],
  ['RefuseMSCHAP', 'refuse-mschap', 'flag'],
  ['RefuseMSCHAP2', 'refuse-mschap-v2', 'flag'],
  ['NoBSDComp', 'nobsdcomp', 'flag'],
  ['NoDeflate', 'nodeflate', 'flag'],
  ['NoVJ', 'novj', 'flag'],
];

/** User name and password; asked for under `prefix` where they are not known. Rejects with VpnFailure. */
export async function credentials(session: Session, prefix: string): Promise<{ user: string; password: string }> {
  const { settings } = session;
  const [userKey, passwordKey] = [`${prefix}.User`, `${prefix}.Password`];
  const known = { user: settings.get(userKey), password: settings.get(passwordKey) };
  if (known.user !== undefined && known.password !== undefined) return { user: known.user, password: known.password };
  const shown = known.user !== undefined && { value: known.user };
  const answer = await session.ask([
    ...afterRefusal(session),
    { key: 'Username', type: 'string', requirement: 'mandatory', ...shown },
    { key: 'Password', type: 'password', requirement: 'mandatory' },
  ]);
  const [user, password] = [answer.get('Username') ?? '', answer.get('Password') ?? ''];
  if (user === '' || password === '') throw new VpnFailure('auth', new ConnmanError('InvalidArguments'));
  settings.set(userKey, user);
  settings.setHidden(passwordKey, password);
  return { user, password };
}

/** The text of an options file. */
export function optionsFile(
  settings: Settings,
  options: PppdOptions,
  { user, password }: { user: string; password: string },
): string {
  const lines = [
    'nodetach',
    'lock',
    'logfd 2',
    'usepeerdns',
    'noipdefault',
    'noauth',
    'nodefaultroute',
    `name ${quoted(user)}`,
    `password ${quoted(password)}`,
  ];
  for (const [key, option, kind, initial] of options) {
    const value = settings.get(`PPPD.${key}`) ?? initial;
    if (kind === 'flag' && settings.flag(`PPPD.${key}`)) lines.push(option);
    if (kind === 'value' && value !== undefined) lines.push(`${option} ${quoted(value)}`);
  }
  return lines.map((line) => `${line}\n`).join('');
}

// pppd(8), "Options files": within double quotes a backslash takes the next character as it is.
function quoted(text: string): string {
  return `"${text.replace(/[\r\n\0]/g, '').replace(/[\\"]/g, '\\$&')}"`;
}

/** What pppd's lines amount to so far. */
export class PppdLog {
  #interfaceName: string | undefined;
  #local: IpAddress | undefined;
  #remote: IpAddress | undefined;
  readonly #nameservers: IpAddress[] = [];
  /** Set once the server has refused the credentials. */
  isRefused = false;
  /** Set once pppd has given up its link, or ends. */
  isOver = false;

  /**
   * True when there is an address, which name servers may follow within the same moment. A line begins with
   * pppd's own words: what the other end said stands behind them, and is not believed.
   */
  read(line: string): boolean {
    const take = (pattern: RegExp): IpAddress | undefined => parseIpAddress(pattern.exec(line)?.[1] ?? '');
    this.#interfaceName = /^Using interface (ppp[0-9]{1,5})$/.exec(line)?.[1] ?? this.#interfaceName;
    this.#local = take(/^local +IP address (\S+)/) ?? this.#local;
    this.#remote = take(/^remote +IP address (\S+)/) ?? this.#remote;
    const nameserver = take(/^(?:primary|secondary) +DNS address (\S+)/);
    const isKnown = this.#nameservers.some((each) => each.equals(nameserver));
    if (nameserver !== undefined && !isKnown && this.#nameservers.length < 4) this.#nameservers.push(nameserver);
    if (/^(CHAP|PAP|EAP|MS-CHAP) authentication failed/.test(line)) this.isRefused = true;
    if (/^(Connection terminated\.|Modem hangup|Exit\.)/.test(line)) this.isOver = true;
    return /^remote +IP address/.test(line) && this.#local !== undefined;
  }

  /** The tunnel; pppd has its addresses on the interface already. */
  tunnel(host: string): Tunnel | undefined {
    const [interfaceName, address, peer] = [this.#interfaceName, this.#local, this.#remote];
    if (interfaceName === undefined || address === undefined) return undefined;
    return {
      interfaceName,
      addresses: [{ address, prefixLength: 32, ...(peer !== undefined && { peer }) }],
      isConfigured: true,
      gateway: host,
      nameservers: this.#nameservers.map(String),
      routes: [],
    };
  }
}

/** Between pppd's address and the last line about it. */
const SETTLING_MS = 300;

/** Runs a program that runs pppd; resolves when its tunnel has ended. Rejects with VpnFailure. */
export async function runPppd(
  session: Session,
  prefix: string,
  program: { file: string; args: readonly string[] },
): Promise<void> {
  const { env, host, scope, settings, signal } = session;
  const log = new PppdLog();
  let isUp = false;
  const [server] = await env.resolveHost(host, signal).catch(() => []);
  const settled = env.clock.alarm(`address of ${session.ident}`, scope, () => {
    const tunnel = log.tunnel(String(server ?? host));
    if (tunnel === undefined) return;
    isUp = true;
    session.up(tunnel);
  });
  const task = session.startTask({
    ...program,
    environment: { LC_ALL: 'C' },
    onNotice: () => undefined,
    onLine(line) {
      if (log.read(line)) settled.set(env.clock.now() + SETTLING_MS);
      if (log.isRefused || log.isOver) void task.stop(); // xl2tpd would dial again
    },
  });
  signal.addEventListener('abort', () => void task.stop(), { once: true });
  const exit = await task.exited;
  if (signal.aborted) settings.forget(`${prefix}.Password`);
  if (isUp || signal.aborted) return;
  if (log.isRefused || exit.status === AUTHENTICATION_FAILED) {
    settings.forget(`${prefix}.Password`);
    throw new VpnFailure('auth', new ConnmanError('PermissionDenied'));
  }
  throw new VpnFailure(exit.status === 1 ? 'connect' : 'unknown', new ConnmanError('Failed'));
}

const AUTHENTICATION_FAILED = 19; // pppd(8), "Exit status": we failed to authenticate ourselves
