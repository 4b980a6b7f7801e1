/**
 * Every command of the console. Order, names, argument texts and descriptions of ConnMan's commands
 * are what its help prints, to the byte; what is ours stands in `extras`, `details` and `isOurs`.
 */

import type { Command, Extra, WordOption } from './command.ts';
import { HOST_COMMANDS } from './host-commands.ts';
import { KEY_OPTIONS } from './commands/service-options.ts';

const json: Extra = { about: 'print one JSON document instead of text' };
const timeout: Extra = { value: 'SECONDS', about: 'give up after this long, with status 110; 120 unless said' };
const wait: Extra = { value: 'ready|online', isOptional: true, about: 'end when this is reached; ready unless said' };

/** What of a service can be set, by `config` in the daemon and by `service` in a file. */
const CONFIG_OPTIONS: readonly WordOption[] = [
  { name: 'nameservers', help: '<dns1> [<dns2>] [<dns3>]' },
  { name: 'timeservers', help: '<ntp1> [<ntp2>] [...]' },
  { name: 'domains', help: '<domain1> [<domain2>] [...]' },
  { name: 'mdns', help: 'yes|no', complete: ['yes', 'no'] },
  {
    name: 'ipv6',
    help: 'off|auto [enable|disable|preferred]|\n\t\t\tmanual <address> <prefixlength> <gateway>',
    complete: ['off', 'auto', 'manual'],
  },
  {
    name: 'proxy',
    help: 'direct|auto <URL>|manual <URL1> [<URL2>] [...]\n\t\t\t[exclude <exclude1> [<exclude2>] [...]]',
    complete: ['direct', 'auto', 'manual'],
  },
  { name: 'autoconnect', help: 'yes|no', complete: ['yes', 'no'] },
  {
    name: 'ipv4',
    help: 'off|dhcp|manual <address> <netmask> <gateway>',
    complete: ['off', 'dhcp', 'manual'],
  },
  { name: 'remove', help: '                 Remove service' },
];

/** What of a service can be set and ConnMan has nothing like; see commands/config.ts. */
const OWN_EXTRAS: Readonly<Record<string, Extra>> = {
  'link-local': {
    value: 'enabled|disabled|fallback',
    about: 'an IPv4 link-local address: always beside the other, never, or while there is no other',
  },
  metered: { value: 'yes|no|auto', about: 'whether the network costs by what is carried; auto: as can be guessed' },
  'never-default': { value: 'yes|no|auto', about: 'whether no default route may lead through it' },
  'online-check': { value: 'yes|no|auto', about: 'whether it is asked whether it is online' },
  hostname: { value: 'NAME|auto|none', about: "what DHCP tells the server; auto: this host's name" },
  band: { value: '2.4|5|6|any', about: 'of Wi-Fi: where access points are liked, in GHz' },
  bssid: { value: 'ADDRESS|any', about: 'of Wi-Fi: the access point that is liked, while it is heard' },
  'mac-address': { value: 'permanent|random|auto', about: 'of Wi-Fi: our address; random: one for this network alone' },
  'take-hostname': { value: 'yes|no|auto', about: "whether the names of its lease become this host's" },
  mptcp: { value: 'FLAGS', about: 'disabled, auto, or any of signal,subflow,backup,fullmesh' },
};

/** In the order of the help text. */
export const COMMANDS: readonly Command[] = [
  {
    name: 'state',
    arguments: '',
    about: 'Shows if the system is online or offline',
    most: 0,
    extras: { json, wait, timeout },
    load: async () => (await import('./commands/read.ts')).state,
  },
  {
    name: 'technologies',
    arguments: '',
    about: 'Display technologies',
    most: 0,
    extras: { json },
    load: async () => (await import('./commands/read.ts')).technologies,
  },
  {
    name: 'clock',
    arguments: '',
    about: 'Get System Clock Properties',
    most: Infinity,
    extras: { json },
    complete: [['set'], ['--time', '--timeupdates', '--timezone', '--timezoneupdates', '--timeservers']],
    details: `clock set changes the clock: --timeupdates auto|manual, --timezoneupdates auto|manual,
--timezone ZONE, --time SECONDS|DATE, --timeservers [SERVER...]. All of it or, when the
daemon refuses a part, nothing. Time and zone can be set while their updates are manual.`,
    load: async () => (await import('./commands/clock.ts')).clock,
  },
  {
    name: 'enable',
    arguments: '<technology>|offline',
    about: 'Enables given technology or offline mode',
    most: 1,
    extras: { wait, timeout },
    complete: ['technology'],
    load: async () => (await import('./commands/power.ts')).enable,
  },
  {
    name: 'disable',
    arguments: '<technology>|offline',
    about: 'Disables given technology or offline mode',
    most: 1,
    complete: ['technology'],
    load: async () => (await import('./commands/power.ts')).disable,
  },
  {
    name: 'tether',
    arguments: '<technology> on|off\n            wifi [on|off] <ssid> <passphrase> [<freq>]',
    about: ' Enable, disable tethering, set SSID and passphrase for wifi',
    most: 5,
    complete: ['technology', 'switch'],
    load: async () => (await import('./commands/tether.ts')).tether,
  },
  {
    name: 'tethering_clients',
    arguments: '',
    about: 'Display tethering clients',
    most: 0,
    extras: { json },
    load: async () => (await import('./commands/read.ts')).tetheringClients,
  },
  {
    name: 'services',
    arguments: '[<service>]',
    about: 'Display services',
    options: [{ name: 'properties', help: '[<service>]      (obsolete)', complete: 'service' }],
    most: 2,
    extras: { json },
    complete: ['service'],
    details: 'A service is named by its identifier, or by its name or interface where only one has it.',
    load: async () => (await import('./commands/read.ts')).services,
  },
  {
    name: 'peers',
    arguments: '[peer]',
    about: 'Display peers',
    most: 1,
    extras: { json },
    complete: ['peer'],
    load: async () => (await import('./commands/read.ts')).peers,
  },
  {
    name: 'scan',
    arguments: '<technology>',
    about: 'Scans for new services for given technology',
    most: 1,
    complete: ['technology'],
    load: async () => (await import('./commands/power.ts')).scan,
  },
  {
    name: 'connect',
    arguments: '<service/peer>',
    about: 'Connect a given service or peer',
    most: 1,
    extras: {
      wait,
      timeout,
      'passphrase-file': { value: 'FILE', about: 'answer the question for a passphrase with the first line of FILE' },
      'passphrase-stdin': { about: 'answer it with the first line of standard input' },
      identity: { value: 'NAME', about: 'answer the question for a user name' },
      hidden: { about: 'the service is the SSID of a network that does not show its name' },
    },
    complete: ['service'],
    details: `The service is an identifier, an SSID, a name or an interface. On a terminal the
passphrase is asked for; elsewhere a question that no option answers ends with status 3.`,
    load: async () => (await import('./commands/connect.ts')).connect,
  },
  {
    name: 'disconnect',
    arguments: '<service/peer>',
    about: 'Disconnect a given service or peer',
    most: 1,
    complete: ['service'],
    load: async () => (await import('./commands/connect.ts')).disconnect,
  },
  {
    name: 'move-before',
    arguments: '<service> <target service>\t',
    about: 'Move <service> before <target service>',
    most: 2,
    complete: ['service', 'service'],
    load: async () => (await import('./commands/move.ts')).moveBefore,
  },
  {
    name: 'move-after',
    arguments: '<service> <target service>\t',
    about: 'Move <service> after <target service>',
    most: 2,
    complete: ['service', 'service'],
    load: async () => (await import('./commands/move.ts')).moveAfter,
  },
  {
    name: 'config',
    arguments: '<service>',
    about: 'Set service configuration options',
    options: CONFIG_OPTIONS,
    most: Infinity,
    extras: OWN_EXTRAS,
    complete: ['service', 'option'],
    details: `Several options in one call are applied together: when the daemon refuses one, those
before it are set back. A list ends where the next --option begins.
An IPv4 address may bring its prefix: --ipv4 manual 192.0.2.7/24 192.0.2.1`,
    load: async () => (await import('./commands/config.ts')).config,
  },
  {
    name: 'monitor',
    arguments: '[off]',
    about: 'Monitor signals from interfaces',
    options: [
      { name: 'services', help: '[off]            Monitor only services', complete: ['off'] },
      { name: 'tech', help: '[off]            Monitor only technologies', complete: ['off'] },
      { name: 'manager', help: '[off]            Monitor only manager interface', complete: ['off'] },
      { name: 'vpnmanager', help: '[off]            Monitor only VPN manager interface', complete: ['off'] },
      { name: 'vpnconnection', help: '[off]            Monitor only VPN connections', complete: ['off'] },
    ],
    most: 2,
    extras: { json },
    complete: ['option', ['off']],
    load: async () => (await import('./commands/monitor.ts')).monitor,
  },
  {
    name: 'agent',
    arguments: 'on|off',
    about: 'Agent mode',
    most: 1,
    complete: ['switch'],
    load: async () => (await import('./commands/agent.ts')).agent,
  },
  {
    name: 'vpnconnections',
    arguments: '[<connection>]',
    about: 'Display VPN connections',
    most: 1,
    extras: { json },
    complete: ['vpn'],
    load: async () => (await import('./commands/read.ts')).vpnConnections,
  },
  {
    name: 'vpnagent',
    arguments: 'on|off',
    about: 'VPN Agent mode',
    most: 1,
    complete: ['switch'],
    load: async () => (await import('./commands/agent.ts')).vpnAgent,
  },
  {
    name: 'session',
    arguments: 'on|off|connect|disconnect|config',
    about: 'Enable or disable a session',
    options: [
      { name: 'bearers', help: '<technology1> [<technology2> [...]]', complete: 'technology' },
      { name: 'type', help: 'local|internet|any', complete: ['local', 'internet', 'any'] },
      { name: 'ifname', help: '[<interface_name>]' },
      { name: 'srciprule', help: 'yes|no', complete: ['yes', 'no'] },
      { name: 'ctxid', help: '<context_identifier>' },
    ],
    most: Infinity,
    complete: [['on', 'off', 'connect', 'disconnect', 'config'], 'option'],
    load: async () => (await import('./commands/session.ts')).session,
  },
  {
    name: 'peer_service',
    arguments: `register|unregister <specs> <master>
Where specs are:
\tbjr_query <query> bjr_response <response>
\tupnp_service <service> upnp_version <version>
\twfd_ies <ies>
`,
    about: '(Un)Register a Peer Service',
    most: Infinity,
    complete: [['register', 'unregister'], ['bjr_query', 'upnp_service', 'wfd_ies']],
    load: async () => (await import('./commands/peer-service.ts')).peerService,
  },
  {
    name: 'status',
    arguments: '',
    about: 'Show links, addresses, routes, DNS and whether the system is online',
    most: 0,
    isOurs: true,
    load: async () => (await import('./commands/status.ts')).status,
  },
  {
    name: 'top',
    arguments: '',
    about: 'The same as it changes, with throughput; q leaves',
    most: 0,
    isOurs: true,
    load: async () => (await import('./commands/status.ts')).top,
  },
  {
    name: 'service',
    arguments: 'add|set|show|check [<name>]',
    about: 'Write, change, show and check provisioning files: connmanctl --offline service …',
    options: [...KEY_OPTIONS, ...CONFIG_OPTIONS],
    most: Infinity,
    extras: {
      offline: { about: 'work on files alone, without daemon and bus; may come first' },
      dir: { value: 'DIR', about: 'the *.config files of this directory, instead of standard input and output' },
      json,
    },
    complete: [['add', 'set', 'show', 'check'], 'option'],
    isOurs: true,
    details: `add writes a new file, set changes the one service there is or that of the name, show prints
what is set, check says what is wrong. See connman-service.config(5) for the keys; the words of
\`config\` mean what they mean there, the other options are keys. A value of '' and a list without
words take a key away, set --remove the service. With --dir, add writes DIR/NAME.config.
A mistake is named with file, line, key and value, nothing is written, and the status is 22.`,
    load: async () => (await import('./commands/service.ts')).service,
  },
  {
    name: 'explain',
    arguments: '[<service>|<technology>|<interface>]',
    about: 'Say why something is or is not connected, default or online, and what comes next',
    most: 1,
    isOurs: true,
    extras: { json },
    complete: ['service'],
    details: `Without a word everything is explained, interfaces that are left alone included. With --json
each finding has Subject, About, Cause, Facts, Next, NextIn (seconds) and Text; causes and steps
are words that stay.`,
    load: async () => (await import('./commands/explain.ts')).explain,
  },
  {
    name: 'never-default',
    arguments: '<technology> [yes|no]',
    about: 'Whether no default route may lead through its services',
    most: 2,
    isOurs: true,
    extras: { json },
    complete: ['technology', 'switch'],
    details: 'A service may say otherwise: connmanctl config SERVICE --never-default=yes|no|auto.',
    load: async () => (await import('./commands/choices.ts')).neverDefault,
  },
  {
    name: 'country',
    arguments: '[CODE|auto]',
    about: 'Where the radios of Wi-Fi are (ISO 3166), which decides where they may send',
    most: 1,
    isOurs: true,
    extras: { json },
    details: 'auto leaves it to the time zone (RegdomFollowsTimezone in main.conf) or to the kernel.',
    load: async () => (await import('./commands/radio.ts')).country,
  },
  {
    name: 'access-point',
    arguments: '[security WORD]',
    about: 'How tethering of Wi-Fi is protected, and on which frequencies it may be',
    most: 2,
    isOurs: true,
    extras: { json },
    details: 'WORD: auto (WPA2 and WPA3 where the radio can), psk (WPA2), sae (WPA3) or none; from the next start on.',
    load: async () => (await import('./commands/radio.ts')).accessPoint,
  },
  {
    name: 'online-check',
    arguments: '[on|off]',
    about: 'Whether services are asked whether they are online',
    most: 1,
    isOurs: true,
    extras: { json },
    complete: ['switch'],
    details: 'A service may say otherwise: connmanctl config SERVICE --online-check=yes|no|auto.',
    load: async () => (await import('./commands/choices.ts')).onlineCheck,
  },
  {
    name: 'dns',
    arguments: '[flush]',
    about: 'Show what the DNS proxy does: its servers, their health, its cache',
    most: 1,
    isOurs: true,
    extras: { json },
    complete: [['flush']],
    details: `Round trips are milliseconds; the hit rate is the part of the questions that were answered
from the cache. dns flush forgets all answers.`,
    load: async () => (await import('./commands/dns.ts')).dns,
  },
  {
    name: 'vpn',
    arguments: 'import <file> [<name>]|create <type> <host> <name> [<key>=<value> ...]',
    about: 'Make a VPN connection of a wg-quick or .ovpn file, or of words',
    most: Infinity,
    isOurs: true,
    complete: [['import', 'create'], ['openvpn', 'openconnect', 'vpnc', 'l2tp', 'pptp', 'wireguard']],
    details: `A value of the form @FILE is read from the file: for secrets. Certificates that a file
names are taken over with it.`,
    load: async () => (await import('./commands/vpn.ts')).vpn,
  },
  ...HOST_COMMANDS,
  {
    name: 'help',
    arguments: '',
    about: 'Show help',
    most: Infinity,
    load: async () => (await import('./commands/help.ts')).help,
  },
  {
    name: 'exit',
    arguments: '',
    about: 'Exit',
    most: Infinity,
    load: () => Promise.resolve(leave),
  },
  {
    name: 'quit',
    arguments: '',
    about: 'Quit',
    most: Infinity,
    load: () => Promise.resolve(leave),
  },
];

/** Ends the program. */
const leave = async (context: Parameters<Awaited<ReturnType<Command['load']>>>[0]): Promise<void> => {
  context.leave();
};

/** The command of that name. */
export function findCommand(name: string): Command | undefined {
  return COMMANDS.find((command) => command.name === name);
}
