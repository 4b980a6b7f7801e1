/**
 * org.freedesktop.resolve1.Manager (org.freedesktop.resolve1(5)): the methods by which a network
 * manager tells systemd-resolved about a link.
 */

import { describeInterface } from '../interface.ts';

/** systemd-resolved's manager at /org/freedesktop/resolve1. */
export const resolve1Interface = describeInterface({
  name: 'org.freedesktop.resolve1.Manager',
  methods: {
    SetLinkDNS: { in: { ifindex: 'i', addresses: 'a(iay)' } },
    SetLinkDNSEx: { in: { ifindex: 'i', addresses: 'a(iayqs)' } },
    SetLinkDomains: { in: { ifindex: 'i', domains: 'a(sb)' } },
    SetLinkDefaultRoute: { in: { ifindex: 'i', enable: 'b' } },
    SetLinkMulticastDNS: { in: { ifindex: 'i', mode: 's' } },
    SetLinkDNSOverTLS: { in: { ifindex: 'i', mode: 's' } },
    RevertLink: { in: { ifindex: 'i' } },
  },
  signals: {},
});
