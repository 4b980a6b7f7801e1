/**
 * What an installation consists of, as data: templates (`@name@` stands for a configured directory)
 * and where each goes. A template belongs to a program; with the polkit plugin in it the bus policy
 * leaves the decision to polkit.
 */

import type { Directories } from './configure/directories.ts';

/** One template of an installation. */
export interface TemplateFile {
  readonly template: string;
  readonly target: (directories: Directories) => string;
  /** Installed when this program was built, … */
  readonly program: string;
  /** … and, where it matters, only with this plugin in it, or without (`!`). */
  readonly plugin?: string;
  readonly isExecutable?: true;
}

/** Every template. */
export const TEMPLATES: readonly TemplateFile[] = [
  { template: 'src/connman.conf.in', target: busPolicy('connman.conf'), program: 'connmand', plugin: '!polkit' },
  { template: 'src/connman-polkit.conf.in', target: busPolicy('connman.conf'), program: 'connmand', plugin: 'polkit' },
  {
    template: 'src/net.connman.policy.in',
    target: ({ datadir }) => `${datadir}/polkit-1/actions/net.connman.policy`,
    program: 'connmand',
    plugin: 'polkit',
  },
  {
    template: 'src/connman-nmcompat.conf.in',
    target: busPolicy('connman-nmcompat.conf'),
    program: 'connmand',
    plugin: 'nmcompat',
  },
  { template: 'src/connman.service.in', target: unit('connman.service'), program: 'connmand' },
  {
    template: 'src/connman-wait-online.service.in',
    target: unit('connman-wait-online.service'),
    program: 'connmand-wait-online',
  },
  {
    template: 'src/connman-resolvconf.conf.in',
    target: ({ tmpfilesdir }) => `${tmpfilesdir}/connman_resolvconf.conf`,
    program: 'connmand',
  },
  { template: 'src/connman.openrc.in', target: startScript('openrc'), program: 'connmand', isExecutable: true },
  { template: 'src/connman.sysvinit.in', target: startScript('sysvinit'), program: 'connmand', isExecutable: true },
  {
    template: 'vpn/connman-vpn-dbus.conf.in',
    target: busPolicy('connman-vpn-dbus.conf'),
    program: 'connman-vpnd',
    plugin: '!polkit',
  },
  {
    template: 'vpn/connman-vpn-polkit.conf.in',
    target: busPolicy('connman-vpn-dbus.conf'),
    program: 'connman-vpnd',
    plugin: 'polkit',
  },
  {
    template: 'vpn/net.connman.vpn.policy.in',
    target: ({ datadir }) => `${datadir}/polkit-1/actions/net.connman.vpn.policy`,
    program: 'connman-vpnd',
    plugin: 'polkit',
  },
  { template: 'vpn/connman-vpn.service.in', target: unit('connman-vpn.service'), program: 'connman-vpnd' },
  {
    template: 'vpn/connman-task.te.in',
    target: ({ datadir }) => `${datadir}/connman/selinux/connman-task.te`,
    program: 'connman-vpnd',
  },
  {
    template: 'vpn/net.connman.vpn.service.in',
    target: ({ dbusdatadir }) => `${dbusdatadir}/dbus-1/system-services/net.connman.vpn.service`,
    program: 'connman-vpnd',
  },
];

/** Puts directories for `@name@`; throws on a name that is none. */
export function fillIn(template: string, directories: Directories): string {
  const values = new Map<string, string>(Object.entries(directories));
  return template.replace(/@([a-z]+)@/g, (_, name: string) => {
    const value = values.get(name);
    if (value === undefined) throw new Error(`@${name}@ is not a configured directory`);
    return value;
  });
}

function busPolicy(name: string): TemplateFile['target'] {
  return ({ dbusconfdir }) => `${dbusconfdir}/dbus-1/system.d/${name}`;
}

function unit(name: string): TemplateFile['target'] {
  return ({ systemdunitdir }) => `${systemdunitdir}/${name}`;
}

/** OpenRC and sysvinit both look in /etc/init.d: the administrator copies the one that fits. */
function startScript(kind: string): TemplateFile['target'] {
  return ({ datadir }) => `${datadir}/connman/init.d/connman.${kind}`;
}
