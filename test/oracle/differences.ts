/**
 * Where ours and Debian's connmand 1.41 part, and why: the whole list. A line that differs and is
 * not here is a mistake of ours; an entry that no longer occurs has to go.
 */

import type { Difference } from './compare.ts';

/** Lines that only one of the two says. */
export interface Explanation {
  readonly side?: Difference['side'];
  /** All steps, unless given. */
  readonly steps?: RegExp;
  readonly line: RegExp;
  readonly why: string;
  /** On Wi-Fi: seen only in the guest, not on the bench. */
  readonly inGuest?: true;
}

/** All that is known to differ. */
export const EXPLANATIONS: readonly Explanation[] = [
  {
    side: 'oracle',
    line: /^Service eth\d "State" "configuration"$/,
    why: '1.41 passes through configuration on the way down, as IPv6 without a router is still being configured',
  },
  {
    side: 'oracle',
    line: /^Manager \/ "State" "ready"$/,
    why: 'the manager does so too, from online over ready to idle',
  },
  {
    side: 'ours',
    steps: /pulled|SIGTERM/,
    line: /^Service eth\d "IPv4" \{\}$/,
    why: '1.41 does not say that the address is gone when a cable is pulled or the daemon stops',
  },
  {
    line: /^Service eth\d "IPv4" \{"Method":"dhcp".*\}$/,
    why: '1.41 takes the gateway of a service that is not the default away; since 1.43 its route stays, as ours does',
  },
  {
    line: /^Service eth\d "Proxy" /,
    why: 'what is not configured is direct from the start; 1.41 shows nothing where it has not looked for a proxy',
  },
  {
    line: /^Service eth\d "Timeservers" /,
    why: '1.41 empties the list of a service that was the default and does not say when a reconfiguration changes it',
  },
  {
    steps: /^the list$/,
    line: /^> \/ GetServices = /,
    why: 'gateway, proxy and time servers of the service that is not the default, as explained for their signals',
  },
  {
    steps: /^IPv4\.Configuration/,
    line: /^Service eth0 "(?:Domains|Nameservers)" \[\]$/,
    why: 'what goes with a lease is gone when the lease is, not when the next address is there',
  },
  {
    steps: /^offline$/,
    line: /^ObjectManager InterfacesRemoved "eth1"/,
    why: 'two services go at once: which is first does not matter',
  },
  {
    side: 'ours',
    steps: /^offline$/,
    line: /^Manager \/ ServicesChanged \[\["eth0",\{\}\],\["eth1",\{\}\]\] \[\]$/,
    why: 'after quiet the first change of the list is told at once, here the new order, and only then gathered',
  },
  {
    side: 'ours',
    steps: /^SIGTERM$/,
    line: /^< Counter \/counter Usage "eth0" "changes" "changes"$/,
    why: 'a counter gets its last report also when the daemon takes the service down',
  },
];

/** The same on Wi-Fi, where the bench plays a part of the script and the guest all of it. */
export const WIFI_EXPLANATIONS: readonly Explanation[] = [
  {
    side: 'oracle',
    steps: /Disconnect|Remove|another|SIGTERM|power off|throws us out|vanishes/,
    line: /^(?:Service \S+ "State" "configuration"|Manager \/ "State" "ready")$/,
    why: '1.41 passes through configuration on the way down, as for cables',
  },
  {
    line: /^Service \S+ "Proxy" /,
    why: 'what is not configured is direct from the start, as for cables',
  },
  {
    side: 'ours',
    line: /^Service \S+ "AutoConnect" (?:true|false)$/,
    why: '1.41 does not say that what has become a favorite is connected by itself, and the reverse',
  },
  {
    side: 'oracle',
    line: /^< Agent \/agent Cancel$/,
    why: '1.41 withdraws ReportError at once, so that Retry does nothing; since 1.43 it waits for the answer, as we do',
  },
  {
    steps: /a wrong key$/,
    line: /(?:"connect-failed"|"invalid-key")/,
    why: '1.41 takes a wrong key for a network that cannot be joined, the first time',
  },
  {
    steps: /^psk: Connect, not wanted after a wrong key$/,
    line: /./,
    why: 'so it asks no second time but tries the same key again',
  },
  {
    line: /rig-owe\/(?:wep|none)/,
    why: '1.41 knows nothing of OWE and takes it for WEP; for us it is an open network, which it is for users',
  },
  {
    steps: /^(?:start|found|psk: known at start)$/,
    line: /^(?:Manager \/ TechnologyAdded|ObjectManager InterfacesAdded "p2p"|Technology wifi "Powered" true$)/,
    why: 'Wi-Fi that is on is told of as on, not as off and then on; Wi-Fi Direct is there at once, not after a scan',
    inGuest: true,
  },
  {
    steps: /^(?:hidden: Connect|psk: known at start|psk: it returns)$/,
    line: /^(?:Manager \/ ServicesChanged .*"State":"(?:idle|association|failure)"|Service \S+ "State" "association"$)/,
    why: 'what is found is told of at once and then joined; 1.41 tells of it when it is being joined',
  },
  {
    steps: /Remove/,
    line: /^Service \S+ "(?:Favorite" false|Nameservers" \[\])$/,
    why: '1.41 tells last, and sometimes after its answer, that the name servers are gone',
  },
  {
    side: 'ours',
    steps: /SIGTERM/,
    line: /^(?:Service \S+ "IPv4" \{\}|Technology wifi "Powered" false|.*Removed "wifi".*)$/,
    why: 'what goes is told of when the daemon stops, as for cables; on Wi-Fi 1.41 is silent',
    inGuest: true,
  },
  {
    side: 'ours',
    steps: /it vanishes$/,
    line: /^Service \S+ "IPv4" \{\}$/,
    why: '1.41 does not say that the address is gone when the access point is, as for cables',
  },
  {
    side: 'oracle',
    steps: /throws us out$/,
    line: /^Service \S+ "State" "failure"$/,
    why: 'an access point that threw us out is joined again at once; 1.41 fails first',
  },
  {
    steps: /^wps: Connect by/,
    line: /^Service \S+ "Security" /,
    why: 'whether somebody looks for networks while the button is pushed is a matter of time',
  },
  {
    side: 'oracle',
    steps: /power off$/,
    line: /Removed "p2p"/,
    why: 'Wi-Fi Direct stays in the list while Wi-Fi is off, as not powered',
  },
  {
    side: 'oracle',
    steps: /^(?:tethering off|SIGTERM)$/,
    line: /(?:Added|Removed) "p2p"/,
    why: '1.41 takes a link that leaves its bridge for gone; Wi-Fi Direct goes with it, and comes again',
  },
  {
    steps: /^scan while tethering$/,
    line: /^> wifi Scan = /,
    why: 'where the driver can, our access point is beside the station, which goes on hearing networks',
    inGuest: true,
  },
  {
    steps: /^psk: Connect for good$/,
    line: /^(?:Service \S+ "Error" ""|< Agent \/agent RequestInput .*)$/,
    why: 'recorded when another part had left a key, and an error',
  },
];

/** The explanation of a difference, if there is one in `explanations`. */
export function explain({ side, step, line }: Difference, explanations = EXPLANATIONS): Explanation | undefined {
  return explanations.find(
    (each) => (each.side ?? side) === side && (each.steps?.test(step) ?? true) && each.line.test(line),
  );
}
