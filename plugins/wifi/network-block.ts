/**
 * The dictionary that AddNetwork takes (wpa_supplicant's D-Bus API and its wpa_supplicant.conf(5)):
 * what to ask an access point for, from what it offers and what is known of it. Keys stand in the
 * order ConnMan sends them.
 */

import { variant, type Variant } from '../../src/dbus/signature.ts';
import type { FrameProtection } from '../lib/wifi/elements.ts';
import { isPsk, isSae, type Security } from '../lib/wifi/security.ts';
import type { Restriction } from '../lib/wifi/preference.ts';
import { type EapCredentials, isRawKey, type Secrets, wepKey } from '../lib/wifi/secrets.ts';

/** What a station is to join. */
export interface StationNetwork {
  readonly ssid: Uint8Array;
  readonly security: Security;
  /** Everything its access points offer. */
  readonly keyManagements: ReadonlySet<string>;
  /** What all of them want of management frames. */
  readonly frameProtection: FrameProtection;
  readonly isOweTransition: boolean;
  readonly secrets: Secrets;
  readonly isBackgroundScanning: boolean;
  /** Which of its access points. */
  readonly restriction?: Restriction;
}

type Entry = readonly [string, Variant];

const MODE_STATION = 0;
/** Looks for a better access point every 30 s below -65 dBm, else every five minutes. */
const BACKGROUND_SCAN = 'simple:30:-65:300';
const PMF_OPTIONAL = 1;
const PMF_REQUIRED = 2;

/** The block for a network; secrets are in it, so that it is never logged. */
export function stationBlock(network: StationNetwork): ReadonlyMap<string, Variant> {
  return new Map([
    ['scan_ssid', variant('u', 1)],
    ...(network.isBackgroundScanning ? [text('bgscan', BACKGROUND_SCAN)] : []),
    ['mode', variant('u', MODE_STATION)],
    ...optional('bssid', network.restriction?.bssid),
    ...frequencies(network.restriction?.frequenciesMhz),
    ...protection(network),
    ['ssid', variant('ay', network.ssid)],
  ]);
}

function protection(network: StationNetwork): readonly Entry[] {
  const { security, secrets } = network;
  const passphrase = secrets.passphrase ?? '';
  switch (security) {
    case 'none':
      return openProtection(network);
    case 'wep':
      return [
        text('auth_alg', 'OPEN SHARED'),
        ['wep_key0', variant('ay', wepKey(passphrase))],
        ['wep_tx_keyidx', variant('u', 0)],
        text('key_mgmt', 'NONE'),
      ];
    case 'psk':
      return pskProtection(network, passphrase);
    case 'ieee8021x':
      return [
        ...pmfOf(network),
        ...(network.keyManagements.has(SUITE_B_192) ? STRONG_CIPHERS : []),
        ...(secrets.eap === undefined ? [] : eapKeys(secrets.eap, secrets.passphrase)),
        text('key_mgmt', eapKeyManagement(network.keyManagements)),
      ];
  }
}

function openProtection({ keyManagements, isOweTransition }: StationNetwork): readonly Entry[] {
  if (!keyManagements.has('owe') && !isOweTransition) return [text('auth_alg', 'OPEN'), text('key_mgmt', 'NONE')];
  const pmf = isOweTransition ? PMF_OPTIONAL : PMF_REQUIRED;
  return [['ieee80211w', variant('u', pmf)], text('key_mgmt', 'OWE')];
}

function pskProtection(network: StationNetwork, passphrase: string): readonly Entry[] {
  const { keyManagements } = network;
  const offered = [...keyManagements];
  const hasSae = offered.some(isSae) && !isRawKey(passphrase); // SAE wants the password, not a key
  const hasPsk = offered.some(isPsk) || !hasSae;
  const secret = isRawKey(passphrase) ? variant('ay', Buffer.from(passphrase, 'hex')) : variant('s', passphrase);
  const words = [
    ...(hasSae ? ['SAE', ...(keyManagements.has('ft-sae') ? ['FT-SAE'] : [])] : []),
    ...(hasPsk ? ['WPA-PSK', ...wordsFor(PSK_VARIANTS, keyManagements)] : []),
  ];
  return [
    ...(hasSae ? [['ieee80211w', variant('u', hasPsk ? PMF_OPTIONAL : PMF_REQUIRED)] as const] : pmfOf(network)),
    ['psk', secret],
    text('key_mgmt', words.join(' ')),
  ];
}

const PSK_VARIANTS = [['wpa-psk-sha256', 'WPA-PSK-SHA256'], ['wpa-ft-psk', 'FT-PSK']] as const;
const SUITE_B_192 = 'wpa-eap-suite-b-192';
const EAP_VARIANTS = [
  ['wpa-eap-sha256', 'WPA-EAP-SHA256'],
  ['wpa-ft-eap', 'FT-EAP'],
  ['wpa-eap-suite-b', 'WPA-EAP-SUITE-B'],
  [SUITE_B_192, 'WPA-EAP-SUITE-B-192'],
] as const;
/** Beside the usual ones: what WPA3-Enterprise with 192 bits demands, which a supplicant has to be told. */
const STRONG_CIPHERS = [text('pairwise', 'GCMP-256 CCMP'), text('group', 'GCMP-256 CCMP TKIP')] as const;

// SHA256 key managements come with management frame protection. Where no access point has it nothing is
// said of it, as drivers without it would refuse to.
function pmfOf({ keyManagements, frameProtection }: StationNetwork): readonly Entry[] {
  if (frameProtection === 'required') return [['ieee80211w', variant('u', PMF_REQUIRED)]];
  const isOffered = frameProtection === 'optional' || [...keyManagements].some((each) => /-(sha256|b-192)$/.test(each));
  return isOffered ? [['ieee80211w', variant('u', PMF_OPTIONAL)]] : [];
}

function eapKeyManagement(keyManagements: ReadonlySet<string>): string {
  return ['WPA-EAP', ...wordsFor(EAP_VARIANTS, keyManagements)].join(' ');
}

function wordsFor(
  variants: readonly (readonly [offer: string, word: string])[], offered: ReadonlySet<string>,
): string[] {
  return variants.filter(([offer]) => offered.has(offer)).map(([, word]) => word);
}

function eapKeys(eap: EapCredentials, passphrase: string | undefined): readonly Entry[] {
  const { clientCertFile, privateKeyFile, privateKeyPassphrase = passphrase } = eap;
  const certificate = clientCertFile === undefined ? [] : [
    text('client_cert', clientCertFile),
    ...optional('private_key', privateKeyFile),
    ...optional('private_key_passwd', privateKeyPassphrase),
  ];
  return [
    ...certificate,
    ...(eap.method === 'tls' ? [] : optional('password', passphrase)),
    ...optional('ca_cert', eap.caCertFile),
    ...optional('phase2', eap.phase2 === undefined ? undefined : innerMethod(eap.method, eap.phase2)),
    text('eap', eap.method.toUpperCase()),
    ...optional('identity', eap.identity),
    ...optional('anonymous_identity', eap.anonymousIdentity),
    ...optional('subject_match', eap.subjectMatch),
    ...optional('altsubject_match', eap.altSubjectMatch),
    ...optional('domain_suffix_match', eap.domainSuffixMatch),
    ...optional('domain_match', eap.domainMatch),
  ];
}

/** `EAP-X` is an EAP method inside the tunnel, other words are plain ones; GTC is always EAP. */
function innerMethod(outer: string, phase2: string): string {
  if (phase2.startsWith('EAP-')) return `autheap=${phase2.slice('EAP-'.length)}`;
  return outer === 'ttls' && phase2 === 'GTC' ? 'autheap=GTC' : `auth=${phase2}`;
}

function frequencies(list: readonly number[] | undefined): readonly Entry[] {
  return list === undefined ? [] : [text('freq_list', list.join(' '))];
}

function text(key: string, value: string): Entry {
  return [key, variant('s', value)];
}

function optional(key: string, value: string | undefined): readonly Entry[] {
  return value === undefined ? [] : [text(key, value)];
}
