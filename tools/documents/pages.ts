/**
 * The man pages: connmanctl(1), connman.conf(5), connmand(8), connmand-wait-online(8). Everything
 * that a table has is taken from it; only what is in none is written here.
 */

import type { Command } from '../../src/client/command.ts';
import { COMMANDS } from '../../src/client/commands.ts';
import { WAIT_ONLINE } from '../../src/client/wait-online-options.ts';
import { CONNMAND } from '../../src/daemon/command-line.ts';
import { GENERAL } from '../../src/daemon/main-conf.ts';
import type { CommandLineTable } from '../../src/shared/command-line.ts';
import type { OptionTable } from '../../src/shared/options.ts';
import type { Directories } from '../configure/directories.ts';
import { heading, page, paragraph, term, verbatim } from './roff.ts';

/** connmanctl(1). */
export function connmanctlPage(): string {
  return page('connmanctl', 1, 'the console of the connection manager', [
    heading('SYNOPSIS'),
    verbatim(['connmanctl [COMMAND [WORD...]]']),
    heading('DESCRIPTION'),
    paragraph(`Without a command it is interactive: history, completion with Tab, and \`agent on\` answers the
questions of the daemon, such as that for a passphrase. Commands may also come from a file or pipe, one a line.`),
    heading('COMMANDS'),
    ...COMMANDS.map(commandText),
    heading('EXIT STATUS'),
    ...STATUSES.map(([status, text]) => term(status, text)),
    heading('OUTPUT'),
    paragraph(`On a pipe, text is what ConnMan's connmanctl prints. On a terminal there are columns and colours,
and control characters in names are shown as \\x1b. --json prints one document: keys as on D-Bus, 64\u2011bit numbers
as numbers where exact, else strings, bytes as arrays; errors then are {"error":{"name","message"}}.`),
    heading('ENVIRONMENT'),
    term('DBUS_SYSTEM_BUS_ADDRESS', 'The bus, instead of the usual one.'),
    term('NO_COLOR', 'No colours when set to anything.'),
    heading('SEE ALSO'),
    paragraph('connmand(8), connmand-wait-online(8), connman.conf(5), connman-service.config(5)'),
  ]);
}

/** connmand(8). */
export function connmandPage({ sysconfdir, localstatedir, runstatedir }: Directories): string {
  return page('connmand', 8, 'the connection manager', [
    heading('SYNOPSIS'),
    verbatim(['connmand [OPTION...]']),
    heading('OPTIONS'),
    ...optionTerms(CONNMAND),
    heading('FILES'),
    term(`${sysconfdir}/connman/main.conf`, 'Configuration, see connman.conf(5).'),
    term(`${localstatedir}/lib/connman`, 'Settings of services and technologies.'),
    term(`${localstatedir}/lib/connman/*.config`, 'Provisioning files, see connman-service.config(5).'),
    term(`${sysconfdir}/connman/dispatcher.d`, `Scripts that are run, by name, when a service's state, the default
service, a lease, a VPN, a technology or the host name has changed. The event is a JSON object on standard input and
CONNMAN_EVENT, CONNMAN_SERVICE, CONNMAN_TYPE, CONNMAN_INTERFACE, CONNMAN_STATE, CONNMAN_LEASE, CONNMAN_TECHNOLOGY and
CONNMAN_HOSTNAME. Scripts and directory belong to root and nobody else may write to them. A script has 30 seconds, and
what it started ends with it. It runs within the limits of the daemon's systemd unit (CapabilityBoundingSet,
ProtectHome, ProtectSystem: no home directories, /usr and /etc for reading alone). For what needs more it starts a unit
of its own, with systemctl start --no-block, or the limits are lifted by systemctl edit connman. While scripts cannot
keep up, only the newest event about a thing is told.`),
    term(`${localstatedir}/lib/connman/causeway`, 'What ConnMan has no place for; checkpoints/ waits to be confirmed.'),
    term(`${runstatedir}/connman/devices`, `Leases by interface index: groups dhcp4 and dhcp6, lists parted by blanks,
times in seconds since 1970.`),
    term(`${runstatedir}/connman`, 'State until the next start of the machine.'),
    heading('SEE ALSO'),
    paragraph('connmanctl(1), connman.conf(5), connman-service.config(5)'),
  ]);
}

/** connmand-wait-online(8). */
export function waitOnlinePage(): string {
  return page('connmand-wait-online', 8, 'wait until the network is there', [
    heading('SYNOPSIS'),
    verbatim(['connmand-wait-online [OPTION...]']),
    heading('DESCRIPTION'),
    paragraph('Ends as soon as a service is ready or online, and as the options ask.'),
    heading('OPTIONS'),
    ...optionTerms(WAIT_ONLINE),
    heading('EXIT STATUS'),
    term('0', 'It is there.'),
    term('110', 'The time is up.'),
    term('92', 'The bus cannot be reached, or was lost.'),
    term('95', 'A wrong option.'),
    heading('SEE ALSO'),
    paragraph('connmand(8)'),
  ]);
}

/** connman.conf(5). */
export function mainConfPage({ sysconfdir }: Directories): string {
  return page('connman.conf', 5, 'configuration of the connection manager', [
    heading('SYNOPSIS'),
    verbatim([`${sysconfdir}/connman/main.conf`]),
    heading('DESCRIPTION'),
    paragraph('A key file, read once at start. Its one group is [General]; lists are separated by commas.'),
    heading('OPTIONS'),
    ...optionTableTerms(GENERAL),
    heading('SEE ALSO'),
    paragraph('connmand(8)'),
  ]);
}

const STATUSES: readonly (readonly [string, string])[] = [
  ['0', 'Done.'],
  ['1', 'The daemon answered with an error.'],
  ['2', 'No bus, or no daemon on it.'],
  ['3', 'A question must be answered and nobody can be asked.'],
  ['7, 22, 114', 'A mistake in the words: too many, wrong, or done already (errno).'],
  ['110', 'The time is up, see --timeout.'],
];

function commandText(command: Command): string {
  const { name, arguments: words, about, options = [], extras = {}, details } = command;
  const lines = [
    ...options.map((option) => `--${option.name} ${option.help.replace(/\s+/g, ' ').trim()}`),
    ...Object.entries(extras).map(([extra, { value, isOptional, about: text }]) => {
      const shown = value === undefined ? '' : isOptional === true ? `[=${value}]` : ` ${value}`;
      return `--${extra}${shown}: ${text}`;
    }),
  ];
  const head = term(`${name} ${words.replace(/\s+/g, ' ').trim()}`.trim(), about.trim());
  const below = details === undefined ? lines : [...lines, details];
  return [head, ...below.map((line) => `.RS\n${paragraph(line)}\n.RE`)].join('\n');
}

/** Options of a command line, as terms. */
export function optionTerms(table: CommandLineTable): string[] {
  return Object.entries(table).map(([name, { short, argument, placeholder = 'VALUE', about }]) => {
    const value = argument === undefined ? '' : argument === 'required' ? `=${placeholder}` : `[=${placeholder}]`;
    return term(`${short === undefined ? '' : `-${short}, `}--${name}${value}`, about);
  });
}

/** Options of a configuration file, as terms. */
export function optionTableTerms(table: OptionTable): string[] {
  return Object.entries(table).map(([name, option]) => {
    const value = [option.default ?? ''].flat().join(',');
    const isDeprecated = option.deprecated === undefined ? '' : ' Deprecated.';
    const shown = value === '' ? 'none' : value;
    return term(name, `${option.about} (${option.parse.wants}). Default: ${shown}.${isDeprecated}`);
  });
}
