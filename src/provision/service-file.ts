/**
 * `<storage>/<name>.config`: services as an administrator provisions them. A file is read whole or
 * in part, never not at all: entries that make sense come out beside the complaints about the rest.
 * Which networks an entry is for is decided here too, by values alone.
 */

import { formatHex } from '../shared/bytes.ts';
import type { Complaint, ValuesOf } from './key-table.ts';
import { MAX_COMPLAINTS, readGroups, type Group } from './read-groups.ts';
import { type PROVISIONED_TYPES, SERVICE_KEYS } from './service-keys.ts';

/** Types of services that can be provisioned. */
export type ProvisionedType = (typeof PROVISIONED_TYPES)[number];

/** How a Wi-Fi network is protected, as identifiers of services have it. */
export type WifiSecurity = 'none' | 'wep' | 'psk' | 'ieee8021x';

/** Keys by their names in the file. */
export type ServiceKeys = ValuesOf<typeof SERVICE_KEYS>;

/** One `[service_*]` group that makes sense. */
export interface ServiceEntry {
  /** The whole name of the group; `Config.ident` of the services it provisions. */
  readonly ident: string;
  readonly type: ProvisionedType;
  readonly keys: ServiceKeys;
  /** Of Wi-Fi only. */
  readonly wifi: { readonly ssid: string; readonly security: WifiSecurity } | undefined;
}

/** What a file says. */
export interface ServiceFile {
  readonly entries: readonly ServiceEntry[];
  readonly complaints: readonly Complaint[];
}

/** How the groups of services are called. */
export const SERVICE_PREFIX = 'service_';

/** A network that an entry may be for. */
export interface Target {
  readonly type: string;
  /** In lower-case digits, without colons. */
  readonly hardwareAddress: string;
  readonly interfaceName: string;
  /** Of Wi-Fi only; the SSID in lower-case digits. */
  readonly wifi?: { readonly ssid: string; readonly security: string };
}

/** Reads a file; never throws. */
export function parseServiceFile(text: string): ServiceFile {
  const { groups, complaints } = readGroups(text, { prefix: SERVICE_PREFIX, keys: SERVICE_KEYS });
  const all = [...complaints];
  const complain: Complain = (line, kind, what) => void all.push({ line, kind, text: what });
  const entries = groups.flatMap((group) => entryOf(group, complain) ?? []);
  return { entries, complaints: all.sort((one, other) => one.line - other.line).slice(0, MAX_COMPLAINTS) };
}

/** Whether an entry is for this network. */
export function isEntryFor({ type, keys, wifi }: ServiceEntry, target: Target): boolean {
  const isSameWifi = wifi?.ssid === target.wifi?.ssid && wifi?.security === target.wifi?.security;
  if (type !== target.type || !isSameWifi) return false;
  if (keys.MAC !== undefined) return keys.MAC.replaceAll(':', '') === target.hardwareAddress;
  return keys.DeviceName === undefined || keys.DeviceName === target.interfaceName;
}

type Complain = (line: number, kind: Complaint['kind'], text: string) => void;

type ServiceGroup = Group<typeof SERVICE_KEYS>;

function entryOf(group: ServiceGroup, complain: Complain): ServiceEntry | undefined {
  const { name: ident, title, line, values: keys } = group;
  if (keys.Type === undefined) {
    complain(line, 'mistake', `${title} is left out: Type must be there, ${SERVICE_KEYS.Type.parse.wants}`);
    return undefined;
  }
  checkPlace(group, keys.Type, complain);
  checkProxy(group, complain);
  if (keys.Type !== 'wifi') return { ident, type: keys.Type, keys, wifi: undefined };
  const ssid = keys.SSID ?? (keys.Name === undefined ? undefined : formatHex(new TextEncoder().encode(keys.Name)));
  if (ssid === undefined || ssid.length > 64) {
    complain(line, 'mistake', `${title} is left out: SSID or a Name of at most 32 bytes must be there`);
    return undefined;
  }
  checkSecurity(group, complain);
  return { ident, type: 'wifi', keys, wifi: { ssid, security: securityOf(keys) } };
}

/** Keys that have no effect where they are. */
function checkPlace({ title, values, lineOf }: ServiceGroup, type: string, complain: Complain): void {
  for (const [key, entry] of Object.entries(SERVICE_KEYS)) {
    const isLost = 'only' in entry && entry.only !== type && Object.hasOwn(values, key);
    if (isLost) complain(lineOf(key), 'warning', `${key} in ${title} has no effect with Type=${type}`);
  }
  if (values.MAC !== undefined && values.DeviceName !== undefined) {
    complain(lineOf('DeviceName'), 'warning', `DeviceName in ${title} does not count beside MAC`);
  }
}

function checkProxy({ title, values, lineOf }: ServiceGroup, complain: Complain): void {
  const method = values['Proxy.Method'];
  if (method === 'manual' && (values['Proxy.Servers'] ?? []).length === 0) {
    complain(lineOf('Proxy.Method'), 'mistake', `Proxy.Method=manual in ${title}: Proxy.Servers wanted with it`);
  }
  const needs = { 'Proxy.URL': 'auto', 'Proxy.Servers': 'manual', 'Proxy.Excludes': 'manual' } as const;
  for (const key of ['Proxy.URL', 'Proxy.Servers', 'Proxy.Excludes'] as const) {
    const isLost = values[key] !== undefined && method !== needs[key];
    const text = `${key} in ${title} has no effect without Proxy.Method=${needs[key]}`;
    if (isLost) complain(lineOf(key), 'warning', text);
  }
}

/** What the security of a Wi-Fi network needs. */
function checkSecurity(group: ServiceGroup, complain: Complain): void {
  const { title, values, lineOf } = group;
  const security = securityOf(values);
  if (values.Security !== undefined && values.Security !== security) {
    complain(lineOf('Security'), 'warning', `Security=${values.Security} in ${title}: ${security} is used`);
  }
  if (security === 'ieee8021x') return checkEap(group, complain);
  if (security === 'none') return;
  const { wants, pattern } = PASSPHRASES[security];
  if (pattern.test(values.Passphrase ?? '')) return;
  const line = lineOf(values.Passphrase === undefined ? 'Security' : 'Passphrase');
  complain(line, 'mistake', `Passphrase of ${title}: ${wants} wanted`);
}

/** IEEE 802.11, J.4: a passphrase of printable ASCII characters or the key itself; and WEP's keys. */
const PASSPHRASES = {
  psk: { wants: '8 to 63 characters or 64 hexadecimal digits', pattern: /^([\x20-\x7e]{8,63}|[0-9a-f]{64})$/i },
  wep: {
    wants: '5 or 13 characters, or 10 or 26 hexadecimal digits',
    pattern: /^([\x20-\x7e]{5}|[\x20-\x7e]{13}|[0-9a-f]{10}|[0-9a-f]{26})$/i,
  },
} as const;

function checkEap({ title, values, lineOf }: ServiceGroup, complain: Complain): void {
  const need = (key: keyof typeof SERVICE_KEYS, isThere: boolean): void => {
    const cause = values.EAP === undefined ? 'Security=ieee8021x' : `EAP=${values.EAP}`;
    if (!isThere) complain(lineOf('EAP'), 'mistake', `${cause} in ${title}: ${key} wanted with it`);
  };
  need('EAP', values.EAP !== undefined);
  const hasKeyPassphrase =
    (values.PrivateKeyPassphrase ?? values.PrivateKeyPassphraseType ?? values.Passphrase) !== undefined;
  const isTls = values.EAP === 'tls';
  if (isTls || (values.ClientCertFile ?? values.PrivateKeyFile) !== undefined) {
    need('ClientCertFile', values.ClientCertFile !== undefined);
    need('PrivateKeyFile', values.PrivateKeyFile !== undefined);
    need('PrivateKeyPassphrase', hasKeyPassphrase);
  }
  if (values.EAP !== undefined && !isTls) need('Phase2', values.Phase2 !== undefined);
}

// EAP decides before a passphrase, and that before what Security says, as in ConnMan.
function securityOf({ EAP, Passphrase, Security }: ServiceKeys): WifiSecurity {
  if (EAP !== undefined) return 'ieee8021x';
  if (Passphrase === undefined) return Security ?? 'none';
  return Security === 'wep' ? 'wep' : 'psk';
}
