/**
 * Man pages and shell completion, made from the tables that parse: what a program takes is written
 * once, so its help, its manual and its completion cannot disagree.
 */

import type { Directories } from '../configure/directories.ts';
import { BASH, FISH, ZSH } from './completion.ts';
import { connmanctlPage, connmandPage, mainConfPage, waitOnlinePage } from './pages.ts';
import { serviceConfigPage } from './service-config-page.ts';
import { vpnConfigPage, vpnConfPage, vpndPage } from './vpn-pages.ts';

const VPND = 'connman-vpnd';

/** A file to install. */
export interface Document {
  readonly path: string;
  readonly text: string;
  /** Only with this program. */
  readonly program?: string;
}

/** All of them, below the configured directories. */
export function documents(directories: Directories): Document[] {
  const { datadir, mandir } = directories;
  return [
    { path: `${datadir}/bash-completion/completions/connmanctl`, text: BASH },
    { path: `${datadir}/zsh/site-functions/_connmanctl`, text: ZSH },
    { path: `${datadir}/fish/vendor_completions.d/connmanctl.fish`, text: FISH },
    { path: `${mandir}/man1/connmanctl.1`, text: connmanctlPage() },
    { path: `${mandir}/man5/connman.conf.5`, text: mainConfPage(directories) },
    { path: `${mandir}/man5/connman-service.config.5`, text: serviceConfigPage(directories) },
    { path: `${mandir}/man8/connmand.8`, text: connmandPage(directories) },
    { path: `${mandir}/man8/connmand-wait-online.8`, text: waitOnlinePage() },
    { path: `${mandir}/man5/connman-vpn.conf.5`, text: vpnConfPage(directories), program: VPND },
    { path: `${mandir}/man5/connman-vpn-provider.config.5`, text: vpnConfigPage(directories), program: VPND },
    { path: `${mandir}/man8/connman-vpnd.8`, text: vpndPage(directories), program: VPND },
  ];
}
