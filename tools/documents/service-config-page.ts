/**
 * connman-service.config(5): provisioning files, made from the tables that read them.
 */

import type { Key, KeyTable } from '../../src/provision/key-table.ts';
import { GLOBAL_KEYS } from '../../src/provision/read-groups.ts';
import { SERVICE_KEYS } from '../../src/provision/service-keys.ts';
import type { Directories } from '../configure/directories.ts';
import { heading, page, paragraph, term, verbatim } from './roff.ts';

/** connman-service.config(5). */
export function serviceConfigPage({ localstatedir }: Directories): string {
  const folder = `${localstatedir}/lib/connman`;
  return page('connman-service.config', 5, 'provisioning of services', [
    heading('SYNOPSIS'),
    verbatim([`${folder}/NAME.config`]),
    heading('DESCRIPTION'),
    paragraph(`A key file that decides how services are set up. It may be there before the service is, and takes effect
at once when it is written, changed, renamed or deleted while the daemon runs. NAME is printable ASCII. Lists are
separated by commas.`),
    paragraph(`Each group [service_ID] is for one or more services. The first that fits counts, by the name of the file
and its place in it. The service is then a favourite and immutable: of its properties only AutoConnect can be set, and
it cannot be removed. When its group goes, what a user had set before is back; without that, the service is as new.`),
    paragraph(`A mistake is logged with file, line, key and what would be right. It costs the value, as if the key were
absent; a wrong Type, MAC, DeviceName, SSID, Security or EAP costs the group. A key that is not known is warned of.
\`connmanctl --offline service check\` says the same beforehand.`),
    heading('GROUP [global]'),
    ...terms(GLOBAL_KEYS),
    heading('GROUPS [service_ID]'),
    ...terms(SERVICE_KEYS),
    heading('EXAMPLE'),
    verbatim(EXAMPLE),
    paragraph('The same, made and checked:'),
    verbatim([
      `connmanctl --offline service add lan --dir ${folder} --type ethernet --device eth0 \\`,
      '    --ipv4 manual 192.0.2.2 255.255.255.0 192.0.2.1 --nameservers 192.0.2.1 --domains lab.example',
      `connmanctl --offline service check --dir ${folder}`,
    ]),
    heading('SEE ALSO'),
    paragraph('connmanctl(1), connmand(8), connman.conf(5)'),
  ]);
}

const EXAMPLE: readonly string[] = [
  '[service_lan]',
  'Type=ethernet',
  'DeviceName=eth0',
  'IPv4=192.0.2.2/255.255.255.0/192.0.2.1',
  'Nameservers=192.0.2.1',
  'SearchDomains=lab.example',
];

function terms(table: KeyTable): string[] {
  return Object.entries(table).map(([name, key]) => term(name, description(key)));
}

function description({ parse: { wants }, about, only, isOurs }: Key<unknown>): string {
  const place = only === undefined ? '' : ` With Type ${only}.`;
  return `${about} (${wants}).${place}${isOurs === true ? ' ConnMan does not know this key.' : ''}`;
}
