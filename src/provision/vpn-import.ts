/**
 * Configuration files of other programs as VPN connections: WireGuard's (wg-quick(8)) and OpenVPN's
 * (openvpn(8), with certificates inline). Pure and total: a connection with remarks about what was
 * passed over, or DecodeError with the line. Nothing that would run a program is taken over.
 */

import { DecodeError } from '../shared/errors.ts';
import { parseIpAddress } from '../shared/ipaddress.ts';
import { importOpenvpn } from './ovpn.ts';
import { makeVpnRoute, parsePrefix, splitWords, type VpnRoute } from './vpn-values.ts';

/** A connection as a file describes it. */
export interface ImportedVpn {
  /** Type, Host, Domain and the type's own options; the name is the importer's. */
  readonly settings: ReadonlyMap<string, string>;
  readonly isSplitRouting: boolean;
  readonly routes: readonly VpnRoute[];
  /** What is to be kept in files of their own: option → content. */
  readonly files: ReadonlyMap<string, string>;
  /** What was passed over, a line each. */
  readonly remarks: readonly string[];
}

/** Reads a file of either kind, told apart by what stands in it. Throws DecodeError. */
export function importVpn(text: string): ImportedVpn {
  if (text.length > MAX_LENGTH) throw new DecodeError('a configuration of more than a mebibyte', MAX_LENGTH);
  return /^\s*\[Interface\]\s*$/im.test(text) ? importWireguard(text) : importOpenvpn(text);
}

/** What is wrong with a text that `importVpn` refuses, for people. */
export function importProblem({ message }: DecodeError): string {
  return message.replace(/ at offset \d+$/, '');
}

const MAX_LENGTH = 1 << 20;

interface Section {
  readonly name: string;
  readonly values: Map<string, string[]>;
}

function importWireguard(text: string): ImportedVpn {
  const remarks: string[] = [];
  const sections = readSections(text, remarks);
  const own = sections.find(({ name }) => name === 'interface')?.values ?? new Map<string, string[]>();
  const peers = sections.filter(({ name }) => name === 'peer').map(({ values }) => values);
  const main = peers.find((peer) => peer.has('endpoint')) ?? peers[0];
  const get = (values: Map<string, string[]>, key: string): string | undefined => values.get(key)?.join(', ');
  const [host, port] = splitEndpoint(main === undefined ? undefined : get(main, 'endpoint'));
  if (main === undefined || host === undefined) throw new DecodeError('no [Peer] with an Endpoint', text.length);
  const settings = new Map([
    ['Type', 'wireguard'],
    ['Host', host],
  ]);
  const put = (key: string, value: string | undefined): void => {
    if (value !== undefined && value !== '') settings.set(key, value);
  };
  put('WireGuard.Address', get(own, 'address'));
  put('WireGuard.PrivateKey', get(own, 'privatekey'));
  put('WireGuard.ListenPort', get(own, 'listenport'));
  put('WireGuard.MTU', get(own, 'mtu'));
  const dns = splitWords(get(own, 'dns') ?? '');
  put('WireGuard.DNS', dns.filter((each) => parseIpAddress(each) !== undefined).join(', '));
  put(
    'Domain',
    dns.find((each) => parseIpAddress(each) === undefined),
  );
  put('WireGuard.EndpointPort', port);
  putPeer(put, 'WireGuard.', main);
  for (const [index, peer] of peers.filter((each) => each !== main).entries()) {
    putPeer(put, `WireGuard.Peer.${index + 2}.`, peer);
    put(`WireGuard.Peer.${index + 2}.Endpoint`, get(peer, 'endpoint'));
  }
  const allowed = peers.flatMap((peer) => splitWords(get(peer, 'allowedips') ?? ''));
  const isFull = allowed.some((each) => parsePrefix(each)?.prefixLength === 0);
  const routes = isFull
    ? []
    : allowed.flatMap((each) => {
        const prefix = parsePrefix(each);
        return prefix === undefined ? [] : (makeVpnRoute(String(prefix.address), String(prefix.prefixLength)) ?? []);
      });
  return { settings, isSplitRouting: !isFull, routes, files: new Map(), remarks };
}

function putPeer(
  put: (key: string, value: string | undefined) => void,
  prefix: string,
  peer: Map<string, string[]>,
): void {
  for (const [key, name] of PEER_KEYS) {
    const value = peer.get(key)?.join(', ');
    if (value !== 'off') put(prefix + name, value);
  }
}

const PEER_KEYS = [
  ['publickey', 'PublicKey'],
  ['presharedkey', 'PresharedKey'],
  ['allowedips', 'AllowedIPs'],
  ['persistentkeepalive', 'PersistentKeepalive'],
] as const;

const KNOWN = new Set([
  'address',
  'privatekey',
  'listenport',
  'mtu',
  'dns',
  'endpoint',
  ...PEER_KEYS.map(([key]) => key),
]);

function readSections(text: string, remarks: string[]): Section[] {
  const sections: Section[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.replace(/#.*$/, '').trim();
    if (line === '') continue;
    const name = /^\[(\w+)\]$/.exec(line)?.[1]?.toLowerCase();
    const [, key, value] = /^(\w+)\s*=\s*(.*)$/.exec(line) ?? [];
    const section = sections.at(-1);
    if (name !== undefined) {
      sections.push({ name, values: new Map() });
    } else if (key === undefined || value === undefined || section === undefined) {
      throw new DecodeError(`line ${index + 1}: neither a section nor KEY = VALUE`, index);
    } else if (KNOWN.has(key.toLowerCase())) {
      section.values.set(key.toLowerCase(), [...(section.values.get(key.toLowerCase()) ?? []), value]);
    } else {
      remarks.push(`line ${index + 1}: ${key} is passed over`);
    }
  }
  return sections;
}

function splitEndpoint(text: string | undefined): [host: string | undefined, port: string | undefined] {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+)):([0-9]{1,5})$/.exec(text ?? '') ?? [];
  return [bracketed ?? plain, port];
}
