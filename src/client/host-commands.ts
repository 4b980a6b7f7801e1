/**
 * Commands for those who look after a machine from afar: what ConnMan's console has nothing like.
 * They need our daemon (net.causeway.Manager1) and say so when another answers.
 */

import type { Command, Extra } from './command.ts';

const json: Extra = { about: 'print one JSON document instead of text' };

/** In the order of the help text. */
export const HOST_COMMANDS: readonly Command[] = [
  {
    name: 'reload',
    arguments: '',
    about: 'Take over what was written to the settings of services',
    most: 0,
    isOurs: true,
    load: async () => (await import('./commands/host.ts')).reload,
  },
  {
    name: 'extras',
    arguments: '<service>',
    about: 'Show what of a service other consoles do not: metered, MPTCP, its last online check',
    most: 1,
    isOurs: true,
    extras: { json },
    complete: ['service'],
    details: 'config sets them: connmanctl help config.',
    load: async () => (await import('./commands/host.ts')).extras,
  },
  {
    name: 'device',
    arguments: 'reapply <interface>',
    about: 'Put what is configured into the kernel again, without disconnecting',
    most: 2,
    isOurs: true,
    complete: [['reapply']],
    details: `Addresses, routes and name servers are set again, whatever others did to them, and the
servers of the network are asked for more time.`,
    load: async () => (await import('./commands/host.ts')).device,
  },
  {
    name: 'checkpoint',
    arguments: 'create|confirm [<id>]|rollback [<id>]|list',
    about: 'Have everything put back as it was, unless it is confirmed in time',
    most: 2,
    isOurs: true,
    extras: {
      timeout: { value: 'SECONDS', about: 'how long create waits to be confirmed; 60 unless said' },
      json,
    },
    complete: [['create', 'confirm', 'rollback', 'list']],
    details: `Create one before a change that could cut you off, and confirm when you still get through.
Otherwise everything below the storage directory but statistics and leases is put back when the time
is up, also when the daemon or the machine was restarted meanwhile. Without id the only one is meant;
rollback does it now, and drops those made later.`,
    load: async () => (await import('./commands/checkpoint.ts')).checkpoint,
  },
  {
    name: 'wifi',
    arguments: '',
    about: 'Watch the Wi-Fi networks in the air',
    most: 0,
    isOurs: true,
    extras: {
      once: { about: 'show them as they are now, without looking for more' },
      scan: { value: 'SECONDS', about: 'how often to look for networks meanwhile; 20 unless said, 0 for never' },
      json: { about: 'print one JSON object a line; with --once one list of them' },
    },
    details: `On a terminal, networks with their strength now and in the last moments; q ends it. Elsewhere
a line for each network and for each change: time, identifier, strength in percent, security, state
(gone for one that is not heard any more) and name, in quotes where it is not a plain word.`,
    load: async () => (await import('./commands/wifi.ts')).wifi,
  },
  {
    name: 'log',
    arguments: '[-f]',
    about: 'Show what has happened: states, errors, leases, checks, who changed what',
    most: 1,
    isOurs: true,
    extras: {
      follow: { about: 'go on with what happens, as -f' },
      lines: { value: 'N', about: 'only the last so many; all that are kept unless said' },
      json: { about: 'print one JSON object a line instead of text' },
    },
    complete: [['-f']],
    details: 'The daemon keeps the last 500 changes in memory.',
    load: async () => (await import('./commands/log.ts')).log,
  },
];
