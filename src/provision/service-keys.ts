/**
 * The keys of `[service_*]` in provisioning files: ConnMan's (connman-service.config(5)), and a few
 * of ours that it passes over.
 */

import { oneOf, strictBoolean } from '../shared/options.ts';
import type { KeyTable } from './key-table.ts';
import { choice, mptcp, sentHostname } from './own-values.ts';
import {
  absolutePath, domainName, domainNames, hardwareAddress, interfaceName, ipv4Setting, ipv6Privacy, ipv6Setting,
  matching, nameServers, pacUrl, proxyServers, someText, ssid, timeServers,
} from './values.ts';

/** Types of services that can be provisioned. */
export const PROVISIONED_TYPES = ['ethernet', 'wifi', 'gadget'] as const;

/** ConnMan reads these two words for each of the last two, and never compares in another case. */
const security = matching('one of none, wep, psk, ieee8021x', (text) => SECURITY_WORDS.get(text));
const SECURITY_WORDS = new Map<string, 'none' | 'wep' | 'psk' | 'ieee8021x'>([
  ['none', 'none'],
  ['open', 'none'],
  ['wep', 'wep'],
  ['psk', 'psk'],
  ['ieee8021x', 'ieee8021x'],
  ['8021x', 'ieee8021x'],
]);

/** In the order of the manual. */
export const SERVICE_KEYS = {
  Type: {
    parse: oneOf(PROVISIONED_TYPES), isEssential: true,
    about: 'the type of the service; must be there',
  },
  DeviceName: {
    parse: interfaceName, isEssential: true,
    about: 'only for this network interface; with MAC it does not count. A fixed address is on a wired interface ' +
      'so named from the moment it exists, before there is a carrier',
  },
  MAC: {
    parse: hardwareAddress, isEssential: true,
    about: 'only for the network interface with this hardware address',
  },
  IPv4: { parse: ipv4Setting, about: 'how the IPv4 address is got; dhcp unless said' },
  'IPv4.LinkLocal': {
    parse: oneOf(['disabled', 'enabled', 'fallback']), isOurs: true,
    about: 'a link-local address (RFC 3927): never, always beside the other, or while there is no other, which it is ' +
      'unless said',
  },
  IPv6: { parse: ipv6Setting, about: 'how the IPv6 addresses are got; auto unless said' },
  'IPv6.Privacy': { parse: ipv6Privacy, about: 'temporary addresses (RFC 8981); disabled unless said' },
  Nameservers: { parse: nameServers, about: 'name servers, in place of those the network offers' },
  SearchDomains: { parse: domainNames, about: 'search domains, in place of those the network offers' },
  Domain: { parse: domainName, about: 'the domain of this machine; searched where SearchDomains is absent' },
  Timeservers: { parse: timeServers, about: 'time servers, asked before those the network offers' },
  mDNS: { parse: strictBoolean, about: 'multicast DNS; false unless said, whatever was set before' },
  Name: { parse: someText, only: 'wifi', about: 'the name of the network, where SSID is absent' },
  SSID: { parse: ssid, only: 'wifi', isEssential: true, about: 'the name of the network in hexadecimal digits' },
  Passphrase: {
    parse: someText, only: 'wifi', secret: true, isVerbatim: true,
    about: 'the passphrase; with EAP the password of Identity. Blanks at the end belong to it',
  },
  Security: {
    parse: security, only: 'wifi', isEssential: true,
    about: 'how the network is protected; ieee8021x with EAP, psk with a Passphrase, else none, unless said',
  },
  Hidden: { parse: strictBoolean, only: 'wifi', about: 'whether the network does not announce its name' },
  EAP: {
    parse: oneOf(['tls', 'ttls', 'peap', 'pwd']), only: 'wifi', isEssential: true,
    about: 'the method of an ieee8021x network. tls needs ClientCertFile, PrivateKeyFile and a passphrase of the key',
  },
  Identity: { parse: someText, only: 'wifi', about: 'the user, with EAP' },
  AnonymousIdentity: { parse: someText, only: 'wifi', about: 'the user as told outside of the tunnel, with EAP' },
  CACertFile: { parse: absolutePath, only: 'wifi', about: 'certificate of the authority that vouches for the server' },
  ClientCertFile: { parse: absolutePath, only: 'wifi', about: 'certificate of this machine' },
  PrivateKeyFile: { parse: absolutePath, only: 'wifi', about: 'private key of this machine' },
  PrivateKeyPassphrase: {
    parse: someText, only: 'wifi', secret: true, isVerbatim: true,
    about: 'the passphrase of PrivateKeyFile; Passphrase unless said',
  },
  PrivateKeyPassphraseType: {
    parse: oneOf(['fsid']), only: 'wifi',
    about: 'fsid: the passphrase is the identifier of the file system that PrivateKeyFile is on',
  },
  SubjectMatch: { parse: someText, only: 'wifi', about: 'what the subject of the server\'s certificate contains' },
  AltSubjectMatch: { parse: someText, only: 'wifi', about: 'alternative subject names, one of which the server has' },
  DomainSuffixMatch: { parse: someText, only: 'wifi', about: 'the domain that the server\'s name ends in' },
  DomainMatch: { parse: someText, only: 'wifi', about: 'the server\'s whole name' },
  Phase2: {
    parse: someText, only: 'wifi',
    about: 'the method inside of the tunnel, such as MSCHAPV2; must be there with ttls and peap',
  },
  AutoConnect: {
    parse: strictBoolean, isOurs: true,
    about: 'whether it connects by itself; what a user sets counts until the file is read again',
  },
  Band: {
    parse: oneOf(['2.4', '5', '6']), only: 'wifi', isOurs: true,
    about: 'where access points are liked, in GHz; wherever unless said',
  },
  BSSID: {
    parse: hardwareAddress, only: 'wifi', isOurs: true,
    about: 'the access point that is liked, while it is heard',
  },
  MACAddressPolicy: {
    parse: oneOf(['permanent', 'random']), only: 'wifi', isOurs: true,
    about: 'by what hardware address the network knows us: our own, or one for this network alone',
  },
  'Proxy.Method': { parse: oneOf(['direct', 'auto', 'manual']), isOurs: true, about: 'how the web is reached' },
  'Proxy.URL': {
    parse: pacUrl, isOurs: true,
    about: 'of the PAC file, with Proxy.Method auto; absent, it is looked for',
  },
  'Proxy.Servers': { parse: proxyServers, isOurs: true, about: 'proxies, with Proxy.Method manual' },
  'Proxy.Excludes': { parse: domainNames, isOurs: true, about: 'what is reached without them' },
  NeverDefault: { parse: choice, isOurs: true, about: 'whether no default route may lead through it' },
  CheckOnline: { parse: choice, isOurs: true, about: 'whether it is asked whether it is online' },
  Metered: { parse: choice, isOurs: true, about: 'whether the network costs by what is carried' },
  SendHostname: { parse: sentHostname, isOurs: true, about: 'what DHCP tells the server; auto is the host\'s name' },
  TakeHostname: { parse: choice, isOurs: true, about: 'whether the names of its lease become this host\'s' },
  MPTCP: { parse: mptcp, isOurs: true, about: 'what its addresses are for as endpoints of MPTCP' },
} as const satisfies KeyTable;
