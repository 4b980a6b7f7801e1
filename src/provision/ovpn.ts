/**
 * OpenVPN's own configuration files (openvpn(8)) as options of a connection. Certificates and keys
 * inline become files. Directives that run programs are refused, those of no meaning here passed over.
 */

import { DecodeError } from '../shared/errors.ts';
import { makeVpnRoute, type VpnRoute } from './vpn-values.ts';
import type { ImportedVpn } from './vpn-import.ts';

/** Reads a `.ovpn`. Throws DecodeError. */
export function importOpenvpn(text: string): ImportedVpn {
  const reading: Reading = {
    settings: new Map([['Type', 'openvpn']]), files: new Map(), routes: [], remarks: [], isFull: false, isSplit: false,
  };
  const lines = text.split(/\r?\n|\r/);
  for (let at = 0; at < lines.length; at++) {
    const line = (lines[at] ?? '').trim();
    if (line.includes('\0')) throw new DecodeError(`line ${at + 1}: not a text`, at);
    if (line === '' || /^[#;]/.test(line)) continue;
    const block = /^<([\w-]+)>$/.exec(line)?.[1];
    if (block === undefined) {
      takeDirective(reading, splitLine(line), at + 1);
      continue;
    }
    const end = lines.findIndex((each, index) => index > at && each.trim() === `</${block}>`);
    if (end < 0) throw new DecodeError(`line ${at + 1}: <${block}> has no end`, at);
    takeBlock(reading, block, `${lines.slice(at + 1, end).join('\n')}\n`, at + 1);
    at = end;
  }
  const { settings, files, routes, remarks, isFull, isSplit } = reading;
  if (!settings.has('Host')) {
    throw new DecodeError('no remote, as openvpn has it, and no [Interface], as WireGuard has it', text.length);
  }
  return { settings, files, routes, remarks, isSplitRouting: !isFull && (isSplit || routes.length > 0) };
}

interface Reading {
  readonly settings: Map<string, string>;
  readonly files: Map<string, string>;
  readonly routes: VpnRoute[];
  readonly remarks: string[];
  isFull: boolean;
  isSplit: boolean;
}

/** Directives with one argument that is an option of ours. */
const SIMPLE: Readonly<Record<string, string>> = {
  port: 'Port', rport: 'Port', proto: 'Proto', cipher: 'Cipher', auth: 'Auth', 'remote-cert-tls': 'RemoteCertTls',
  'ns-cert-type': 'NSCertType', 'tls-cipher': 'TLSCipher', 'tun-mtu': 'MTU', verb: 'Verb', ping: 'Ping',
  'ping-exit': 'PingExit', 'remap-usr1': 'RemapUsr1', 'dev-type': 'DeviceType', 'key-direction': 'TLSAuthDir',
};

/** Files, given by path or inline. */
const FILES: Readonly<Record<string, string>> = {
  ca: 'CACert', cert: 'Cert', key: 'Key', 'tls-auth': 'TLSAuth', 'tls-crypt': 'TLSCrypt', 'tls-crypt-v2': 'TLSCryptV2',
};

/** openvpn(8): what runs a program, loads code, or reads options that nobody checked. */
const RUNS_PROGRAMS = new Set([
  'up', 'down', 'route-up', 'route-pre-down', 'ipchange', 'plugin', 'tls-verify', 'auth-user-pass-verify',
  'client-connect', 'client-disconnect', 'client-crresponse', 'learn-address', 'iproute', 'config', 'management',
  'tls-export-cert', 'tls-crypt-v2-verify', 'dns-updown', 'engine', 'providers', 'pkcs11-providers', 'chroot',
]);

/** What writes files where it is told to. */
const WRITES_FILES = new Set([
  'log', 'log-append', 'status', 'writepid', 'replay-persist', 'ifconfig-pool-persist', 'genkey', 'tls-export-cert-dir',
]);

/** What may be put into the environment of scripts: ours are programs of Node and a shell. */
const HARMLESS_VARIABLE =
  /^(UV_\w+|IV_\w+|CLIENT_CERT|PUSH_PEER_INFO|FORWARD_COMPATIBLE|GENERIC_CONFIG|FRIENDLY_NAME|USERNAME|SERVER)$/;

/**
 * The first directive of a configuration that would run a program, write a file or read what nobody checked;
 * undefined where there is none. However it is written: quoted, escaped, optional (`setenv opt`), after a mark
 * of byte order, read as UTF-8 or byte by byte.
 */
export function programDirective(text: string): string | undefined {
  if (text.includes('\0')) return 'a NUL byte';
  for (const line of text.replace(/^(\uFEFF|\xEF\xBB\xBF)/, '').split('\n')) {
    // Quotes end a word and backslashes vanish: this finds more words than openvpn does, and none less.
    const words = line.replaceAll('\\', '').split(/[\s"']+/).filter((word) => word !== '');
    while (words[0]?.replace(/^--/, '') === 'setenv' && words[1] === 'opt') words.splice(0, 2);
    const [name = '', value = ''] = [words[0]?.replace(/^--/, ''), words[1]];
    if (RUNS_PROGRAMS.has(name) || WRITES_FILES.has(name)) return name;
    if (name === 'setenv' && !HARMLESS_VARIABLE.test(value)) return `setenv ${value}`;
  }
  return undefined;
}

/** Said otherwise by us, or without a meaning for a client. */
const PASSED_OVER = new Set([
  'client', 'tls-client', 'pull', 'nobind', 'persist-key', 'persist-tun', 'resolv-retry', 'float', 'mute', 'user',
  'group', 'script-security', 'data-ciphers', 'ncp-ciphers', 'data-ciphers-fallback', 'tls-version-min',
  'explicit-exit-notify',
  'reneg-sec', 'sndbuf', 'rcvbuf', 'mute-replay-warnings', 'remote-random', 'topology', 'hand-window', 'connect-retry',
  'connect-timeout', 'server-poll-timeout', 'block-outside-dns', 'setenv', 'daemon', ...WRITES_FILES,
]);

function takeDirective(reading: Reading, words: readonly string[], line: number): void {
  const [name = '', first, second, third] = words;
  const { settings, remarks } = reading;
  const set = (key: string, value: string | undefined): void => {
    if (value !== undefined) settings.set(`OpenVPN.${key}`, value);
  };
  if (RUNS_PROGRAMS.has(name)) {
    throw new DecodeError(`line ${line}: ${name} would run or read what nobody checked`, line);
  }
  const simple = Object.hasOwn(SIMPLE, name) ? SIMPLE[name] : undefined;
  const file = Object.hasOwn(FILES, name) ? FILES[name] : undefined;
  if (simple !== undefined) return set(simple, first);
  if (file !== undefined) {
    if (name === 'tls-auth') set('TLSAuthDir', second);
    return first === '[inline]' ? undefined : set(file, first);
  }
  switch (name) {
    case 'remote':
      if (settings.has('Host')) return void remarks.push(`line ${line}: a further remote is passed over`);
      if (first !== undefined) settings.set('Host', first);
      set('Port', second);
      return set('Proto', third);
    case 'dev':
      return set('DeviceType', first?.startsWith('tap') === true ? 'tap' : 'tun');
    case 'auth-user-pass':
      return first === '[inline]' ? undefined : set('AuthUserPass', first ?? '-');
    case 'auth-nocache':
      return set('AuthNoCache', 'true');
    case 'askpass':
      return first === undefined ? undefined : set('AskPass', first);
    case 'comp-lzo':
      return set('CompLZO', first ?? 'adaptive');
    case 'keepalive':
      set('Ping', first);
      return;
    case 'static-challenge':
      set('StaticChallenge', first);
      return set('StaticChallengeEcho', second === '1' ? 'true' : 'false');
    case 'verify-x509-name':
      return second === 'name' ? set('TLSRemote', first) : void remarks.push(`line ${line}: ${name} without "name"`);
    case 'redirect-gateway':
      reading.isFull = true;
      return;
    case 'route-nopull':
      reading.isSplit = true;
      return;
    case 'route': {
      const route = makeVpnRoute(first ?? '', second ?? '255.255.255.255');
      if (route === undefined) remarks.push(`line ${line}: route ${first ?? ''} is passed over`);
      else reading.routes.push(route);
      return;
    }
    default:
      if (!PASSED_OVER.has(name)) remarks.push(`line ${line}: ${name} is passed over`);
  }
}

function takeBlock(reading: Reading, name: string, content: string, line: number): void {
  const file = Object.hasOwn(FILES, name) ? FILES[name] : undefined;
  const isCredentials = name === 'auth-user-pass';
  if (file !== undefined || isCredentials) reading.files.set(`OpenVPN.${file ?? 'AuthUserPass'}`, content);
  else if (name === 'connection') {
    for (const each of content.split('\n')) takeDirective(reading, splitLine(each.trim()), line);
  }
  else reading.remarks.push(`line ${line}: <${name}> is passed over`);
}

// Words between blanks, or between quotes.
function splitLine(line: string): string[] {
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)"|'([^']*)'|(\S+)/g)].map(([, double, single, bare]) =>
    double?.replace(/\\(.)/g, '$1') ?? single ?? bare ?? '');
}
