/**
 * The options of `service` that `config` does not have: keys of a provisioning file under names of
 * their own, for reading, help and completion.
 */

import type { WordOption } from '../command.ts';

/** Options that take one value, each with its key. */
export const KEY_WORDS: ReadonlyMap<string, string> = new Map([
  ['type', 'Type'],
  ['device', 'DeviceName'],
  ['mac', 'MAC'],
  ['link-local', 'IPv4.LinkLocal'],
  ['domain', 'Domain'],
  ['name', 'Name'],
  ['ssid', 'SSID'],
  ['passphrase', 'Passphrase'],
  ['security', 'Security'],
  ['hidden', 'Hidden'],
  ['eap', 'EAP'],
  ['identity', 'Identity'],
  ['anonymous-identity', 'AnonymousIdentity'],
  ['ca-cert-file', 'CACertFile'],
  ['client-cert-file', 'ClientCertFile'],
  ['private-key-file', 'PrivateKeyFile'],
  ['private-key-passphrase', 'PrivateKeyPassphrase'],
  ['private-key-passphrase-type', 'PrivateKeyPassphraseType'],
  ['subject-match', 'SubjectMatch'],
  ['alt-subject-match', 'AltSubjectMatch'],
  ['domain-suffix-match', 'DomainSuffixMatch'],
  ['domain-match', 'DomainMatch'],
  ['phase2', 'Phase2'],
  ['never-default', 'NeverDefault'],
  ['online-check', 'CheckOnline'],
  ['metered', 'Metered'],
  ['hostname', 'SendHostname'],
  ['take-hostname', 'TakeHostname'],
  ['mptcp', 'MPTCP'],
  ['band', 'Band'],
  ['bssid', 'BSSID'],
  ['mac-address', 'MACAddressPolicy'],
]);

const CHOICES = new Map<string, readonly string[]>([
  ['type', ['ethernet', 'wifi', 'gadget']],
  ['link-local', ['disabled', 'enabled', 'fallback']],
  ['security', ['none', 'wep', 'psk', 'ieee8021x']],
  ['hidden', ['yes', 'no']],
  ['eap', ['tls', 'ttls', 'peap']],
  ['private-key-passphrase-type', ['fsid']],
  ['never-default', ['yes', 'no', 'auto']],
  ['online-check', ['yes', 'no', 'auto']],
  ['metered', ['yes', 'no', 'auto']],
  ['band', ['2.4', '5', '6']],
  ['mac-address', ['permanent', 'random']],
  ['take-hostname', ['yes', 'no', 'auto']],
]);

/** For help and completion. */
export const KEY_OPTIONS: readonly WordOption[] = [...KEY_WORDS].map(([name, key]) => {
  const complete = CHOICES.get(name);
  return { name, help: complete?.join('|') ?? `<${key}>`, ...(complete !== undefined && { complete }) };
});
