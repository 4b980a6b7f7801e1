/**
 * The pages of the VPN daemon: connman-vpnd(8), connman-vpn.conf(5), connman-vpn-provider.config(5).
 * Options come from the tables that read them.
 */

import { VPND } from '../../src/daemon/command-line.ts';
import { VPN_KEYS, WIREGUARD_PEER, type VpnKey, type VpnKeyTable, type VpnType } from '../../src/provision/vpn-keys.ts';
import { VPN_GENERAL } from '../../vpn/options.ts';
import { DAC_PRIVILEGES } from '../../vpn/privileges.ts';
import type { Directories } from '../configure/directories.ts';
import { optionTableTerms, optionTerms } from './pages.ts';
import { heading, page, paragraph, term, verbatim } from './roff.ts';

/** connman-vpnd(8). */
export function vpndPage({ sysconfdir, localstatedir }: Directories): string {
  return page('connman-vpnd', 8, 'the VPN daemon of the connection manager', [
    heading('SYNOPSIS'),
    verbatim(['connman-vpnd [OPTION...]']),
    heading('DESCRIPTION'),
    paragraph(`Makes and keeps VPN connections and offers them to connmand, which starts it by D-Bus. It needs no
options for that.`),
    heading('OPTIONS'),
    ...optionTerms(VPND),
    heading('FILES'),
    term(`${sysconfdir}/connman/connman-vpn.conf`, 'Configuration, see connman-vpn.conf(5).'),
    term(`${localstatedir}/lib/connman-vpn`, 'Provisioning files, see connman-vpn-provider.config(5).'),
    term(`${localstatedir}/lib/connman`, 'Connections that clients made, provider_*.'),
    heading('SEE ALSO'),
    paragraph('connmanctl(1), connmand(8), connman-vpn.conf(5), connman-vpn-provider.config(5)'),
  ]);
}

/** connman-vpn.conf(5). */
export function vpnConfPage({ sysconfdir }: Directories): string {
  const folder = `${sysconfdir}/connman`;
  return page('connman-vpn.conf', 5, 'configuration of the VPN daemon', [
    heading('SYNOPSIS'),
    verbatim([`${folder}/connman-vpn.conf`, `${folder}/vpn-plugin/TYPE.conf`]),
    heading('DESCRIPTION'),
    paragraph(`Key files, read at start; lists are separated by commas. A file of a type has [DACPrivileges] alone,
which then takes the place of that in connman-vpn.conf. A user or group that does not exist keeps programs from
being started.`),
    heading('GROUP [General]'),
    ...optionTableTerms(VPN_GENERAL),
    heading('GROUP [DACPrivileges]'),
    ...optionTableTerms(DAC_PRIVILEGES),
    heading('SEE ALSO'),
    paragraph('connman-vpnd(8)'),
  ]);
}

/** connman-vpn-provider.config(5). */
export function vpnConfigPage({ localstatedir }: Directories): string {
  return page('connman-vpn-provider.config', 5, 'provisioning of VPN connections', [
    heading('SYNOPSIS'),
    verbatim([`${localstatedir}/lib/connman-vpn/NAME.config`]),
    heading('DESCRIPTION'),
    paragraph(`A key file that takes effect at once when it is written, changed or deleted while the daemon runs. Each
group [provider_ID] is one connection; clients cannot change it. A wrong value is logged with its key and what would
be right, and left out. The same options are set on D\u2011Bus when a client makes a connection.`),
    heading('GROUPS [provider_ID]'),
    ...Object.entries(PROVIDER).map(([name, text]) => term(name, text)),
    ...types().flatMap(([type, table]) => [heading(`TYPE ${type}`), ...keyTerms(table)]),
    heading('GROUPS [peer_ID]'),
    paragraph('Further peers of a WireGuard connection; with several connections in a file, ID begins with theirs.'),
    ...keyTerms(WIREGUARD_PEER),
    heading('EXAMPLE'),
    verbatim(['[provider_office]', 'Type=OpenVPN', 'Name=Office', 'Host=vpn.example', 'Domain=office.example',
      'OpenVPN.CACert=/etc/openvpn/ca.pem', 'OpenVPN.Cert=/etc/openvpn/me.pem', 'OpenVPN.Key=/etc/openvpn/me.key']),
    heading('SEE ALSO'),
    paragraph('connman-vpnd(8), connmanctl(1)'),
  ]);
}

const PROVIDER: Readonly<Record<string, string>> = {
  Type: 'OpenConnect, OpenVPN, VPNC, L2TP, PPTP or WireGuard; must be there.',
  Host: 'The server, by name or address; must be there.',
  Name: 'What people read. Default: the host.',
  Domain: 'The domain behind the connection, whose names its servers resolve.',
  Networks: 'Routes through it: NETWORK/MASK[/GATEWAY], IPv6 NETWORK/LENGTH[/GATEWAY].',
  SplitRouting: 'true: only those networks go through it.',
};

function types(): [VpnType, VpnKeyTable][] {
  const known: readonly VpnType[] = ['openconnect', 'openvpn', 'vpnc', 'l2tp', 'pptp', 'wireguard'];
  return known.map((type) => [type, VPN_KEYS[type]]);
}

function keyTerms(table: VpnKeyTable): string[] {
  return Object.entries(table).map(([name, key]) => term(name, description(key)));
}

function description({ parse: { wants }, about, isUnsaved }: VpnKey): string {
  return `${about} (${wants}).${isUnsaved === true ? ' Not kept for connections that clients make.' : ''}`;
}
