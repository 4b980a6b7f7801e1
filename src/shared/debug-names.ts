/**
 * What `-d` and ConnMan's debug variables in the environment mean here. Patterns name source files;
 * scripts and documents name ConnMan's, such as `src/service.c`, so those stand for ours, too.
 * `src/service.c` is `src/service.ts` or the folder `src/service/`; the table holds the rest.
 */

import { matchesGlob } from './glob.ts';

/** Splits at colons, commas and blanks. */
export function splitPatterns(text: string): string[] {
  return text.split(/[:, ]+/).filter((pattern) => pattern !== '');
}

/** The patterns for `debugFiles` that the argument of `-d` stands for, ConnMan's names turned into ours. */
export function debugPatterns(text: string): string[] {
  return [...new Set(splitPatterns(text).flatMap((pattern) => [pattern, ...ourPatterns(pattern)]))];
}

/** The patterns that ConnMan's variables switch on; being set is enough. */
export function debugPatternsOfEnvironment(environment: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(VARIABLES).flatMap(([name, patterns]) => (environment[name] === undefined ? [] : patterns));
}

function ourPatterns(pattern: string): string[] {
  if (!pattern.endsWith('.c')) return [];
  // Builds outside the source tree call the same file `../src/service.c`.
  const inTree = pattern.replace(/^(\.\.\/)+/, '');
  const stem = inTree.slice(0, -'.c'.length);
  const moved = Object.entries(MOVED).filter(([name]) => matchesGlob(inTree, name));
  return [`${stem}.ts`, `${stem}/*`, ...moved.flatMap(([, ours]) => ours)];
}

/** ConnMan's file → ours, where the name alone does not tell. */
const MOVED: Readonly<Record<string, readonly string[]>> = {
  'gdbus/client.c': ['src/dbus/*'],
  'gdbus/mainloop.c': ['src/dbus/*'],
  'gdbus/object.c': ['src/dbus/*'],
  'gdbus/polkit.c': ['src/dbus/*'],
  'gdbus/watch.c': ['src/dbus/*'],
  'gdhcp/client.c': ['src/dhcp/*'],
  'gdhcp/common.c': ['src/dhcp/*'],
  'gdhcp/ipv4ll.c': ['src/dhcp/ipv4ll*'],
  'gdhcp/server.c': ['src/dhcp/server*'],
  'gdhcp/timer.c': ['src/dhcp/*'],
  'gsupplicant/dbus.c': ['plugins/wifi/*', 'plugins/lib/wifi/*'],
  'gsupplicant/supplicant.c': ['plugins/wifi/*', 'plugins/lib/wifi/*'],
  'gweb/gresolv.c': ['src/dns/*'],
  'gweb/gweb.c': ['src/web/*'],
  'src/6to4.c': ['src/ipconfig/six-to-four.ts'],
  'src/acd.c': ['src/dhcp/acd*'],
  'src/agent.c': ['src/daemon/agents.ts'],
  'src/agent-connman.c': ['src/agent*'],
  'src/config.c': ['src/provision/*'],
  'src/connection.c': ['src/gateway.ts', 'src/gateway/*'],
  'src/dbus.c': ['src/dbus/*'],
  'src/detect.c': ['src/interfaces.ts'],
  'src/dhcp.c': ['src/dhcp/*'],
  'src/dhcpv6.c': ['src/dhcpv6/*'],
  'src/dns-systemd-resolved.c': ['src/dns-backend/*'],
  'src/dnsproxy.c': ['src/dns/*', 'src/dns-backend/*'],
  'src/firewall-iptables.c': ['src/firewall/*'],
  'src/firewall-nftables.c': ['src/firewall/*'],
  'src/inet.c': ['src/netlink/*', 'src/ndp/*'],
  'src/inotify.c': ['src/daemon/files.ts'],
  'src/iptables.c': ['src/firewall/*'],
  'src/ippool.c': ['src/address-pool.ts', 'src/tethering.ts', 'src/tethering/*'],
  'src/ipv6pd.c': ['src/tethering.ts', 'src/tethering/*'],
  'src/main.c': ['src/daemon/*'],
  'src/nat.c': ['src/firewall/*'],
  'src/ntp.c': ['src/ntp/*'],
  'src/peer_service.c': ['src/peer.ts', 'src/peer/*'],
  'src/proxy.c': ['src/proxy.ts', 'src/proxy/*', 'src/service/link-proxy.ts'],
  'src/plugin.c': ['src/daemon/plugin-host.ts'],
  'src/resolver.c': ['src/dns-backend/*'],
  'src/rtnl.c': ['src/netlink/*', 'src/interfaces.ts'],
  'src/stats.c': ['src/counter.ts', 'src/counter/*'],
  'src/storage.c': ['src/daemon/storage.ts'],
  'src/task.c': ['src/daemon/children.ts'],
  'src/timeserver.c': ['src/clock/*', 'src/ntp/*'],
  'src/timezone.c': ['src/clock/*'],
  'src/wispr.c': ['src/online-check/*', 'src/portal*', 'src/daemon/confined/*', 'plugins/wispr*'],
  'src/wpad.c': ['src/proxy.ts', 'src/proxy/*', 'src/service/link-proxy.ts', 'src/web/*'],
  'vpn/plugins/vpn.c': ['vpn/provider.ts', 'vpn/provider/*'],
  'vpn/vpn-agent.c': ['vpn/agent*', 'src/daemon/agents.ts'],
  'vpn/vpn-config.c': ['vpn/config*'],
  'vpn/vpn-ipconfig.c': ['vpn/provider.ts', 'vpn/provider/*'],
  'vpn/vpn-manager.c': ['vpn/manager*'],
  'vpn/vpn-provider.c': ['vpn/provider.ts', 'vpn/provider/*'],
  'vpn/vpn-rtnl.c': ['src/netlink/*'],
  'vpn/vpn-settings.c': ['vpn/main.ts'],
};

const VARIABLES: Readonly<Record<string, readonly string[]>> = {
  CONNMAN_DHCP_DEBUG: ['src/dhcp/*'],
  CONNMAN_DHCPV6_DEBUG: ['src/dhcpv6/*'],
  CONNMAN_IPTABLES_DEBUG: ['src/firewall/*'],
  CONNMAN_NFTABLES_DEBUG: ['src/firewall/*'],
  CONNMAN_RESOLV_DEBUG: ['src/dns/*'],
  CONNMAN_SUPPLICANT_DEBUG: ['plugins/wifi/*', 'plugins/lib/wifi/*'],
  CONNMAN_WEB_DEBUG: ['src/web/*'],
};
