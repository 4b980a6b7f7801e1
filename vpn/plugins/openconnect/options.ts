/**
 * The command line and the standard input of openconnect(8), from options of ours. Invariant: no secret is
 * in the one, and no line break in the other but at the end of an answer.
 */

import { ConnmanError } from '../../../src/shared/errors.ts';
import { VpnFailure, type Settings } from '../../api.ts';
import { KEY, type Mode } from './credentials.ts';

/** How to reach the server and what to think of it. */
export function connectionOptions(settings: Settings, fingerprint: string | undefined): string[] {
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

/** Who we are: a certificate, a name. */
export function identityOptions(settings: Settings, mode: Mode): string[] {
  return [...certificateOptions(settings, mode), ...loginOptions(settings, mode)];
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

/** A line for each question, in the order in which openconnect asks. */
export function inputFor(settings: Settings, mode: Mode): string {
  const lines = ['Password', 'SecondPassword'].flatMap((name) => settings.secret(KEY + name) ?? []);
  const passphrase = mode === 'pkcs' ? [settings.secret(`${KEY}PKCSPassword`) ?? ''] : [];
  return [...passphrase, ...lines].map((line) => `${line.replace(/[\r\n]/g, '')}\n`).join('');
}

/** The fingerprint that stands for a certificate nobody signed, where the user allows that. */
export function allowedFingerprint(settings: Settings): string | undefined {
  return settings.flag(`${KEY}AllowSelfSignedCert`) ? settings.get(`${KEY}ServerCert`) : undefined;
}

/** A word of the command line. Throws VpnFailure for one that would be an option. */
export function plain(key: string, value: string): string {
  if (!value.startsWith('-')) return value;
  throw new VpnFailure('unknown', new ConnmanError('InvalidArguments', `${key} begins with -`));
}
