/**
 * main.conf: the group `[General]`, read once at start (connman.conf(5)). Every key of ConnMan's
 * and a few of ours; a missing file means the documented defaults, a wrong value its default and a
 * line in the log that names key, value and what would be right.
 */

import { messageOf } from '../shared/errors.ts';
import {
  addressList, boolean, fractionalSeconds, integer, oneOf, parse, seconds, someOf, strictBoolean, text, textList,
  type OptionsOf, type OptionTable,
} from '../shared/options.ts';
import { KeyFile, parseKeyFile } from '../shared/keyfile.ts';
import { logger } from '../shared/log.ts';
import { readSmallFile } from './files.ts';

const log = logger('src/daemon/main-conf.ts');

/** Words that lists of technologies take. */
const TYPES = ['ethernet', 'gadget', 'wifi', 'cellular', 'bluetooth', 'vpn', 'gps', 'system', 'p2p'] as const;

const ONLINE_CHECK_MODES = ['none', 'one-shot', 'continuous'] as const;

/** The options of `[General]`, keys spelled as in the file. */
export const GENERAL = {
  BackgroundScanning: {
    parse: strictBoolean, default: true,
    about: 'scan for Wi-Fi networks in the background, connected or not',
  },
  UseGatewaysAsTimeservers: {
    parse: boolean, default: false,
    about: 'ask the gateway of a service for the time, too',
  },
  FallbackTimeservers: {
    parse: textList, default: [],
    about: 'time servers, names or addresses, asked after all others',
  },
  FallbackNameservers: {
    parse: addressList, default: [],
    about: 'nameservers used when no service brings any',
  },
  DefaultAutoConnectTechnologies: {
    parse: someOf(TYPES), default: ['wifi', 'ethernet', 'cellular'],
    about: 'technologies whose new services have AutoConnect',
  },
  DefaultFavoriteTechnologies: {
    parse: someOf(TYPES), default: ['ethernet'],
    about: 'technologies whose new services are favourites without having been connected',
  },
  AlwaysConnectedTechnologies: {
    parse: someOf(TYPES), default: [],
    about: 'technologies that connect automatically even while a preferred one is connected',
  },
  PreferredTechnologies: {
    parse: someOf(TYPES), default: [],
    about: 'technologies in the order in which their services are connected and sorted',
  },
  NetworkInterfaceBlacklist: {
    parse: textList, default: ['vmnet', 'vboxnet', 'virbr', 'ifb', 've-', 'vb-', 'ham'],
    about: 'interfaces whose names begin so are left alone; replaces the default list',
  },
  ManagedInterfaces: {
    parse: textList, default: [],
    about: 'patterns (* and ?) of interfaces to manage although their kind would leave them out',
  },
  InputRequestTimeout: { parse: seconds, default: 120, about: 'how long an agent may take to answer' },
  BrowserLaunchTimeout: { parse: seconds, default: 300, about: 'how long an agent may take to open a browser' },
  AllowHostnameUpdates: { parse: boolean, default: true, about: 'take the host name from DHCP' },
  AllowDomainnameUpdates: { parse: boolean, default: true, about: 'take the domain name from DHCP' },
  SingleConnectedTechnology: {
    parse: boolean, default: false,
    about: 'keep one service connected: a new one disconnects the others',
  },
  TetheringTechnologies: {
    parse: someOf(TYPES), default: ['wifi', 'bluetooth', 'gadget'],
    about: 'technologies that may be tethered',
  },
  PersistentTetheringMode: { parse: boolean, default: false, about: 'restore tethering after a restart' },
  Enable6to4: { parse: boolean, default: false, about: 'make a 6to4 tunnel from a public IPv4 address' },
  DHCPClientIdentifier: {
    parse: oneOf(['mac', 'duid']), default: 'mac',
    about: 'how DHCPv4 names this machine: by the interface’s hardware address, as ConnMan, or as RFC 4361 says',
  },
  VendorClassID: { parse: text, default: undefined, about: 'vendor class sent with DHCPv4 (option 60)' },
  OnlineCheckMode: {
    parse: oneOf(ONLINE_CHECK_MODES), default: 'one-shot',
    about: 'never check for the Internet, until once found, or for as long as connected',
  },
  EnableOnlineCheck: {
    parse: boolean, default: true, deprecated: 'set OnlineCheckMode',
    about: 'false means OnlineCheckMode=none',
  },
  EnableOnlineToReadyTransition: {
    parse: boolean, default: false, deprecated: 'set OnlineCheckMode',
    about: 'true means OnlineCheckMode=continuous',
  },
  OnlineCheckIPv4URL: {
    parse: text, default: 'http://ipv4.connman.net/online/status.html',
    about: 'page asked for over IPv4 by the online check',
  },
  OnlineCheckIPv6URL: {
    parse: text, default: 'http://ipv6.connman.net/online/status.html',
    about: 'page asked for over IPv6 by the online check',
  },
  OnlineCheckConnectTimeout: {
    parse: fractionalSeconds, default: 0,
    about: 'how long the online check waits for a connection; 0 leaves it to the kernel',
  },
  OnlineCheckInitialInterval: { parse: integer(1), default: 1, about: 'first step of the series of intervals' },
  OnlineCheckMaxInterval: { parse: integer(1), default: 12, about: 'last step of the series of intervals' },
  OnlineCheckIntervalStyle: {
    parse: oneOf(['geometric', 'fibonacci']), default: 'geometric',
    about: 'seconds of step n: n squared, or the nth Fibonacci number',
  },
  OnlineCheckFailuresThreshold: {
    parse: integer(1), default: 6,
    about: 'failures in a row that make an online service ready (continuous mode)',
  },
  OnlineCheckSuccessesThreshold: {
    parse: integer(1), default: 6,
    about: 'successes in a row that make it online again (continuous mode)',
  },
  AutoConnectRoamingServices: { parse: boolean, default: false, about: 'connect automatically while roaming' },
  AddressConflictDetection: {
    parse: boolean, default: false,
    about: 'probe for other users of an IPv4 address before taking it (RFC 5227)',
  },
  Localtime: { parse: text, default: '/etc/localtime', about: 'the file that stands for the time zone' },
  MACAddressPolicy: {
    parse: oneOf(['permanent', 'random']), default: 'permanent',
    about: 'hardware address for Wi-Fi networks: our own, or for each network one that is always the same there',
  },
  RegdomFollowsTimezone: {
    parse: boolean, default: false,
    about: 'take the country of Wi-Fi from the time zone',
  },
  ResolvConf: {
    parse: text, default: undefined,
    about: 'where nameservers are written for programs; empty or /dev/null for nowhere',
  },
  DNSProxyListen: {
    parse: text, default: undefined,
    about: 'addresses and ports on which the DNS proxy answers, instead of 127.0.0.1:53 and [::1]:53',
  },
  DNSProxyStopRebinding: {
    parse: boolean, default: false,
    about: 'refuse answers of the DNS proxy that point names outside the links’ own domains at private addresses',
  },
  AutoResetFailureTimeout: {
    parse: seconds, default: 0,
    about: 'seconds after which a failed service may be tried again automatically; 0 for never',
  },
  IgnoreInvalidKey: {
    parse: boolean, default: false,
    about: 'treat a refused Wi-Fi key as any other failure, and try again',
  },
  FavoriteMaxRetries: {
    parse: integer(-1), default: 2,
    about: 'attempts at a favourite Wi-Fi network before its key counts as wrong; -1 for no limit',
  },
} as const satisfies OptionTable;

/** What main.conf says, complete and frozen. */
export type GeneralOptions = OptionsOf<typeof GENERAL>;

/** Reads main.conf at `path`; never throws. */
export function generalOptions(path: string): GeneralOptions {
  const file = readConfiguration(path);
  if (file === undefined) return parse(GENERAL, new KeyFile(), 'General', () => undefined);
  const options = checkGeneral(file, (problem) => log.warn('%s in %s', problem, path));
  logOnlineCheck(options);
  return options;
}

/** A key file of the administrator's; undefined when missing or not readable as one (logged). */
export function readConfiguration(path: string): KeyFile | undefined {
  try {
    const content = readSmallFile(path);
    return content === undefined ? undefined : parseKeyFile(content);
  } catch (error) {
    log.error('Parsing %s failed: %s', path, messageOf(error));
    return undefined;
  }
}

/** The options of a main.conf that was read; problems go to `report`. */
export function checkGeneral(file: KeyFile, report: (problem: string) => void): GeneralOptions {
  for (const group of file.groups()) {
    if (group !== 'General') report(`Unknown group ${group}`);
  }
  const options = parse(GENERAL, file, 'General', report);
  const { OnlineCheckInitialInterval: initial, OnlineCheckMaxInterval: max } = options;
  const isInOrder = initial <= max;
  if (!isInOrder) {
    report(`Option OnlineCheckInitialInterval is ${initial}, past OnlineCheckMaxInterval ${max}: 1 and 12 are used`);
  }
  return Object.freeze({
    ...options,
    OnlineCheckMode: onlineCheckMode(file, options),
    OnlineCheckInitialInterval: isInOrder ? initial : GENERAL.OnlineCheckInitialInterval.default,
    OnlineCheckMaxInterval: isInOrder ? max : GENERAL.OnlineCheckMaxInterval.default,
  });
}

// A valid OnlineCheckMode wins over the two older booleans, which together say the same.
function onlineCheckMode(file: KeyFile, options: GeneralOptions): GeneralOptions['OnlineCheckMode'] {
  const given = file.get('General', 'OnlineCheckMode')?.trim();
  if (ONLINE_CHECK_MODES.some((mode) => mode === given)) return options.OnlineCheckMode;
  if (!options.EnableOnlineCheck) return 'none';
  return options.EnableOnlineToReadyTransition ? 'continuous' : 'one-shot';
}

function logOnlineCheck(options: GeneralOptions): void {
  log.info('Online check mode "%s"', options.OnlineCheckMode);
  if (options.OnlineCheckMode === 'none') return;
  log.info('Online check IPv4 URL "%s", IPv6 URL "%s"', options.OnlineCheckIPv4URL, options.OnlineCheckIPv6URL);
  const { OnlineCheckIntervalStyle: style, OnlineCheckInitialInterval: initial, OnlineCheckMaxInterval: max } = options;
  log.info('Online check interval style "%s", range [%d, %d]', style, initial, max);
  if (options.OnlineCheckConnectTimeout > 0) {
    log.info('Online check connect timeout %d s', options.OnlineCheckConnectTimeout);
  }
  if (options.OnlineCheckMode !== 'continuous') return;
  const { OnlineCheckFailuresThreshold: failures, OnlineCheckSuccessesThreshold: successes } = options;
  log.info('Online check thresholds: %d failures, %d successes', failures, successes);
}
