/**
 * What may be chosen at build time: optional features, and choices of which exactly one holds.
 * A feature is listed when its module exists; what ConnMan has and we do not have yet is reserved,
 * so that asking for it is refused by name while turning it off is fine.
 */

/** An optional plugin. */
export interface Feature {
  readonly daemon: 'connmand' | 'connman-vpnd';
  /** Whether it is in unless turned off. */
  readonly on: boolean;
  readonly summary: string;
  /** Names of features it cannot do without. */
  readonly requires: readonly string[];
  /** The module whose export, the feature's name in camel case, is the plugin. */
  readonly module: string;
  /** Of connman-vpnd, where the feature is in both. */
  readonly vpnModule?: string;
}

/** The features in the order in which the daemons start plugins of equal priority. */
export const FEATURES: Readonly<Record<string, Feature>> = {
  loopback: {
    daemon: 'connmand',
    on: true,
    summary: 'brings up lo and sets the host name',
    requires: [],
    module: 'plugins/loopback.ts',
  },
  ethernet: {
    daemon: 'connmand',
    on: true,
    summary: 'wired network interfaces',
    requires: [],
    module: 'plugins/ethernet.ts',
  },
  wifi: {
    daemon: 'connmand',
    on: true,
    summary: 'Wi-Fi by wpa_supplicant',
    requires: [],
    module: 'plugins/wifi/wifi.ts',
  },
  vpn: {
    daemon: 'connmand',
    on: true,
    summary: 'VPN connections of connman-vpnd as services',
    requires: [],
    module: 'plugins/vpn.ts',
  },
  wireguard: {
    daemon: 'connman-vpnd',
    on: true,
    summary: 'WireGuard, by the kernel',
    requires: [],
    module: 'vpn/plugins/wireguard.ts',
  },
  openvpn: {
    daemon: 'connman-vpnd',
    on: true,
    summary: 'OpenVPN, by the program openvpn',
    requires: [],
    module: 'vpn/plugins/openvpn.ts',
  },
  openconnect: {
    daemon: 'connman-vpnd',
    on: true,
    summary: 'AnyConnect and its like, by the program openconnect',
    requires: [],
    module: 'vpn/plugins/openconnect.ts',
  },
  vpnc: {
    daemon: 'connman-vpnd',
    on: true,
    summary: 'Cisco IPsec, by the program vpnc',
    requires: [],
    module: 'vpn/plugins/vpnc.ts',
  },
  l2tp: {
    daemon: 'connman-vpnd',
    on: true,
    summary: 'L2TP, by the programs xl2tpd and pppd',
    requires: [],
    module: 'vpn/plugins/l2tp.ts',
  },
  pptp: {
    daemon: 'connman-vpnd',
    on: true,
    summary: 'PPTP, by the programs pppd and pptp',
    requires: [],
    module: 'vpn/plugins/pptp.ts',
  },
  polkit: {
    daemon: 'connmand',
    on: false,
    summary: 'polkit decides who may change what',
    requires: [],
    module: 'plugins/polkit.ts',
    vpnModule: 'vpn/plugins/polkit.ts',
  },
  logind: {
    daemon: 'connmand',
    on: true,
    summary: 'sleep and resume as systemd-logind tells, where it runs',
    requires: [],
    module: 'plugins/logind.ts',
  },
  iwd: {
    daemon: 'connmand',
    on: false,
    summary: 'Wi-Fi over iwd, before wpa_supplicant where both run',
    requires: [],
    module: 'plugins/iwd/iwd.ts',
  },
  nmcompat: {
    daemon: 'connmand',
    on: false,
    summary: 'tells the state as NetworkManager does',
    requires: [],
    module: 'plugins/nmcompat.ts',
  },
  pacrunner: {
    daemon: 'connmand',
    on: true,
    summary: 'PAC files run by pacrunner, when it is there',
    requires: [],
    module: 'plugins/pacrunner.ts',
  },
  wispr: {
    daemon: 'connmand',
    on: true,
    summary: 'WISPr login at captive portals (brings the package undici)',
    requires: [],
    module: 'plugins/wispr.ts',
  },
};

/** One of several implementations, of which the daemon holds one. */
export interface Choice {
  readonly summary: string;
  readonly initial: string;
  readonly options: Readonly<Record<string, { readonly summary: string; readonly module: string }>>;
  /** The name under which src/builtin.ts exports the chosen one. */
  readonly exportName: string;
}

/** The choices, by the name in `--with-NAME=OPTION`. */
export const CHOICES: Readonly<Record<string, Choice>> = {
  'dns-backend': {
    summary: 'how the name servers in use reach programs',
    initial: 'internal',
    options: {
      internal: { summary: 'a caching DNS proxy on the loopback', module: 'src/dns-backend/proxy/proxy.ts' },
      'systemd-resolved': {
        summary: 'systemd-resolved is told over D-Bus',
        module: 'src/dns-backend/systemd-resolved.ts',
      },
      direct: { summary: 'they are written to resolv.conf', module: 'src/dns-backend/direct.ts' },
    },
    exportName: 'dnsBackend',
  },
};

/** ConnMan's features and options that have no module here yet. */
export const RESERVED = {
  features: [
    'gadget', 'bluetooth', 'ofono', 'dundee',
    'session-policy-local', 'neard', 'stats', 'selinux',
  ],
  choices: { 'dns-backend': [], firewall: ['nftables', 'iptables'] },
} as const satisfies { features: readonly string[]; choices: Readonly<Record<string, readonly string[]>> };

/** Flags of ConnMan's build, and of every autoconf build, that decide nothing here. */
export const NO_EFFECT: readonly string[] = [
  'enable-optimization', 'enable-debug', 'enable-pie', 'enable-asan', 'enable-lsan', 'enable-ubsan', 'enable-test',
  'enable-tools', 'enable-client', 'enable-datafiles', 'enable-hh2serial-gps', 'enable-iospm', 'enable-tist',
  'enable-silent-rules', 'enable-dependency-tracking', 'enable-maintainer-mode', 'enable-shared', 'enable-static',
  'enable-option-checking', 'enable-nls', 'enable-fast-install', 'enable-libtool-lock', 'with-stats-max-file-size',
  'with-openconnect', 'with-openvpn', 'with-vpnc', 'with-l2tp', 'with-pptp', 'with-libtool-sysroot', 'host', 'build',
  'target', 'program-prefix', 'program-suffix', 'exec-prefix', 'libexecdir', 'sharedstatedir', 'includedir',
  'oldincludedir', 'infodir', 'docdir', 'htmldir', 'srcdir', 'cache-file',
];
