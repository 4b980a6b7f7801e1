/**
 * Profiles of networks as iwd reads them from its state directory (iwd.network(5)): what D-Bus cannot
 * tell it, which is 802.1X and that a network is hidden. No secret of ours is written: iwd asks its
 * agent for them. What the file cannot say is refused rather than left out.
 */

import { ConnmanError } from '../../src/shared/errors.ts';
import type { EapCredentials } from '../lib/wifi/secrets.ts';

/** The word for the protection, which file names end in. */
export type ProfileType = 'open' | 'psk' | '8021x';

/** What a profile says. */
export interface Profile {
  readonly isHidden: boolean;
  readonly eap?: EapCredentials | undefined;
}

/** Of a network's profile: the name itself where it is of plain characters, else in hexadecimal digits. */
export function profileName(ssid: Uint8Array, type: ProfileType): string {
  const text = Buffer.from(ssid).toString('latin1');
  return `${/^[A-Za-z0-9 _-]+$/.test(text) ? text : `=${Buffer.from(ssid).toString('hex')}`}.${type}`;
}

/** Its text. Throws NotSupported for what iwd cannot check of a server, or for a method it has not. */
export function formatProfile({ isHidden, eap }: Profile): string {
  const security = eap === undefined ? [] : eapLines(eap);
  return [
    ...(security.length === 0 ? [] : ['[Security]', ...security.map(([key, value]) => `${key}=${escaped(value)}`), '']),
    '[Settings]',
    'AutoConnect=false',
    ...(isHidden ? ['Hidden=true'] : []),
    '',
  ].join('\n');
}

/** The passphrase, or the key in hexadecimal digits, that iwd keeps in a profile of its own. */
export function secretOf(profile: string): string | undefined {
  const value = (key: string): string | undefined => new RegExp(`^\\s*${key}\\s*=\\s*(.*)$`, 'm').exec(profile)?.[1];
  return unescaped(value('Passphrase')) ?? value('PreSharedKey');
}

type Line = readonly [key: string, value: string];

function eapLines(eap: EapCredentials): Line[] {
  const { identity, anonymousIdentity = identity } = eap;
  if (eap.subjectMatch !== undefined || eap.altSubjectMatch !== undefined) {
    throw new ConnmanError('NotSupported', 'iwd matches neither SubjectMatch nor AltSubjectMatch');
  }
  switch (eap.method) {
    case 'tls':
      return [...outer('TLS', identity), ...server('TLS', eap), ...optional([
        ['EAP-TLS-ClientCert', eap.clientCertFile], ['EAP-TLS-ClientKey', eap.privateKeyFile],
      ])];
    case 'peap':
      return [...outer('PEAP', anonymousIdentity), ...server('PEAP', eap), ...inner('PEAP', eap, innerEapMethod)];
    case 'ttls':
      return [...outer('TTLS', anonymousIdentity), ...server('TTLS', eap), ...inner('TTLS', eap, innerTtlsMethod)];
    case 'pwd':
      return outer('PWD', identity);
    default:
      throw new ConnmanError('NotSupported', `iwd has no EAP method ${eap.method}`);
  }
}

function outer(method: string, identity: string | undefined): Line[] {
  return [['EAP-Method', method], ...optional([['EAP-Identity', identity]])];
}

function server(method: string, eap: EapCredentials): Line[] {
  return optional([[`EAP-${method}-CACert`, eap.caCertFile], [`EAP-${method}-ServerDomainMask`, domainMask(eap)]]);
}

// An asterisk in front stands for one or more labels: the domain itself is another mask.
function domainMask({ domainMatch, domainSuffixMatch }: EapCredentials): string | undefined {
  if (domainMatch !== undefined) return domainMatch;
  return domainSuffixMatch === undefined ? undefined : `${domainSuffixMatch};*.${domainSuffixMatch}`;
}

function inner(outerMethod: string, eap: EapCredentials, nameOf: (phase2: string) => string): Line[] {
  const method = eap.phase2 === undefined ? undefined : nameOf(eap.phase2);
  return optional([
    [`EAP-${outerMethod}-Phase2-Method`, method], [`EAP-${outerMethod}-Phase2-Identity`, eap.identity],
  ]);
}

const TUNNELED: ReadonlyMap<string, string> = new Map([
  ['PAP', 'Tunneled-PAP'], ['CHAP', 'Tunneled-CHAP'], ['MSCHAP', 'Tunneled-MSCHAP'], ['MSCHAPV2', 'Tunneled-MSCHAPv2'],
]);

function innerTtlsMethod(phase2: string): string {
  return TUNNELED.get(phase2.toUpperCase()) ?? innerEapMethod(phase2);
}

function innerEapMethod(phase2: string): string {
  return phase2.toUpperCase().replace(/^EAP-/, '');
}

function optional(lines: readonly (readonly [key: string, value: string | undefined])[]): Line[] {
  return lines.flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const]));
}

// iwd.network(5), FILE FORMAT.
function escaped(value: string): string {
  return value.replace(/[\\\t\r\n]/g, (each) => ESCAPES.get(each) ?? each).replace(/^ /, '\\s');
}

function unescaped(value: string | undefined): string | undefined {
  return value?.replace(/\\(.)/g, (whole, letter: string) => UNESCAPES.get(letter) ?? whole);
}

const ESCAPES: ReadonlyMap<string, string> = new Map([['\\', '\\\\'], ['\t', '\\t'], ['\r', '\\r'], ['\n', '\\n']]);
const UNESCAPES: ReadonlyMap<string, string> = new Map([
  ['\\', '\\'], ['t', '\t'], ['r', '\r'], ['n', '\n'], ['s', ' '],
]);
