/**
 * The command lines of connmand and connman-vpnd, option for option ConnMan's (connman(8)), with
 * one of ours: `--release-on-exit`.
 */

import { parseCommandLine, type CommandLineTable } from '../shared/command-line.ts';
import { splitPatterns } from '../shared/debug-names.ts';

/** What both daemons take. */
const COMMON = {
  config: { short: 'c', argument: 'required', placeholder: 'FILE', about: 'Load the specified configuration file' },
  debug: { short: 'd', argument: 'optional', placeholder: 'DEBUG', about: 'Specify debug options to enable' },
  plugin: { short: 'p', argument: 'required', placeholder: 'NAME,...', about: 'Specify plugins to load' },
  noplugin: { short: 'P', argument: 'required', placeholder: 'NAME,...', about: 'Specify plugins not to load' },
  nodaemon: { short: 'n', about: 'Stay in the foreground and log to standard error, too' },
  version: { short: 'v', about: 'Show version information and exit' },
  help: { short: 'h', about: 'Show this help and exit' },
} as const satisfies CommandLineTable;

/** connmand's options. */
export const CONNMAND = {
  ...COMMON,
  device: { short: 'i', argument: 'required', placeholder: 'DEV,...', about: 'Specify networking devices to manage' },
  nodevice: { short: 'I', argument: 'required', placeholder: 'DEV,...', about: 'Specify devices to leave alone' },
  wifi: { short: 'W', argument: 'required', placeholder: 'NAME', about: 'Specify the driver for Wi-Fi' },
  nodnsproxy: { short: 'r', about: "Don't support DNS resolving" },
  nobacktrace: { about: 'Accepted and without effect' },
  'release-on-exit': { about: 'Give addresses and leases back at exit' },
} as const satisfies CommandLineTable;

/** connman-vpnd's options. */
export const VPND = COMMON;

/** What was asked of either daemon. */
export interface DaemonOptions {
  /** Version and help are printed instead of running. */
  readonly action: 'run' | 'version' | 'help';
  /** -n */
  readonly isForeground: boolean;
  /** Path given with -c. */
  readonly config: string | undefined;
  /** What -d says, not yet split; `*` for a bare one. */
  readonly debug: string | undefined;
  /** Globs; undefined when not given. */
  readonly plugin: readonly string[] | undefined;
  readonly noplugin: readonly string[] | undefined;
}

/** What was asked of connmand. */
export interface ConnmandOptions extends DaemonOptions {
  /** -i, globs; empty for all. */
  readonly devices: readonly string[];
  /** -I, globs. */
  readonly noDevices: readonly string[];
  /** Drivers for wpa_supplicant, as it takes them. */
  readonly wifiDriver: string;
  readonly hasDnsProxy: boolean;
  readonly isReleasedOnExit: boolean;
}

/** Reads connmand's command line; throws UsageError. */
export function parseConnmand(argv: readonly string[]): ConnmandOptions {
  const { options } = parseCommandLine(CONNMAND, argv);
  return {
    ...common(options),
    debug: joinDebug(options.debug),
    noplugin: options.noplugin.length === 0 ? undefined : options.noplugin.flatMap(splitPatterns),
    devices: splitNames(options.device.at(-1)),
    noDevices: splitNames(options.nodevice.at(-1)),
    wifiDriver: options.wifi.at(-1) ?? 'nl80211,wext',
    hasDnsProxy: !options.nodnsproxy,
    isReleasedOnExit: options['release-on-exit'],
  };
}

/** Reads connman-vpnd's command line; throws UsageError. Of -d and -P the last one counts. */
export function parseVpnd(argv: readonly string[]): DaemonOptions {
  return common(parseCommandLine(VPND, argv).options);
}

type CommonGiven = ReturnType<typeof parseCommandLine<typeof COMMON>>['options'];

function common(given: CommonGiven): DaemonOptions {
  return {
    action: given.help ? 'help' : given.version ? 'version' : 'run',
    isForeground: given.nodaemon,
    config: given.config.at(-1),
    debug: given.debug.length === 0 ? undefined : (given.debug.at(-1) ?? '*'),
    plugin: patternsOf(given.plugin),
    noplugin: patternsOf(given.noplugin),
  };
}

function patternsOf(values: readonly string[]): string[] | undefined {
  const last = values.at(-1);
  return last === undefined ? undefined : splitPatterns(last);
}

// Values add up; a bare -d means everything, whatever was said before.
function joinDebug(values: readonly (string | undefined)[]): string | undefined {
  const bareAt = values.lastIndexOf(undefined);
  const counted = values.slice(bareAt + 1).filter((value) => value !== undefined);
  if (bareAt >= 0) counted.unshift('*');
  return counted.length === 0 ? undefined : counted.join(',');
}

function splitNames(text: string | undefined): string[] {
  return (text ?? '').split(',').filter((name) => name !== '');
}
