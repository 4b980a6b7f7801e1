/**
 * The lab's timeline: which observations of a cell are worth a line, and in which words. What is
 * left out are the kernel's own link-local addresses and routes, and signals beside the states.
 */

import type { CellEvent } from '../../test/helpers/event-log.ts';

/** A line of the timeline, without its time. */
export interface Milestone {
  readonly what: string;
  readonly detail: string;
}

/** The milestone in an observation, if it is one. */
export function milestone(event: CellEvent): Milestone | undefined {
  switch (event.kind) {
    case 'carrier':
      return event.link === 'lo' ? undefined : { what: event.isOn ? 'carrier' : 'carrier lost', detail: event.link };
    case 'dhcp':
      return dhcpMilestone(event.message, event.text);
    case 'address':
      if (event.address.startsWith('fe80:')) return undefined;
      return { what: event.isAdded ? 'address' : 'address removed', detail: `${event.address} on ${event.link}` };
    case 'route':
      if (!event.route.startsWith('default ')) return undefined;
      return { what: event.isAdded ? 'route' : 'route removed', detail: event.route };
    case 'file':
      return { what: 'DNS', detail: nameservers(event.text) };
    case 'dns':
      return { what: 'DNS query', detail: event.query };
    case 'http':
      return { what: 'online check', detail: `GET ${event.path}` };
    case 'owner':
    case 'call':
      return undefined;
    case 'signal':
      return stateMilestone(event);
  }
}

function dhcpMilestone(message: string, text: string): Milestone {
  const address = /\d+(?:\.\d+){3}/.exec(text)?.[0] ?? '';
  const words: Readonly<Record<string, string>> = {
    DHCPDISCOVER: 'DHCP discover',
    DHCPOFFER: 'DHCP offer',
    DHCPREQUEST: 'DHCP request',
    DHCPACK: 'DHCP lease',
    DHCPNAK: 'DHCP refusal',
    DHCPRELEASE: 'DHCP release',
  };
  return { what: words[message] ?? message, detail: address };
}

function stateMilestone(event: CellEvent & { kind: 'signal' }): Milestone | undefined {
  const [property, value] = event.body;
  if (property !== 'State' || typeof value !== 'string') return undefined;
  if (event.name === 'net.connman.Manager.PropertyChanged') return { what: value, detail: 'the manager says' };
  if (event.name !== 'net.connman.Service.PropertyChanged') return undefined;
  return { what: 'service', detail: `${event.path.split('/').at(-1)} is ${value}` };
}

function nameservers(text: string): string {
  const servers = [...text.matchAll(/^nameserver (\S+)/gm)].map(([, server]) => server);
  return servers.length === 0 ? 'resolv.conf: no nameserver' : `resolv.conf: nameserver ${servers.join(', ')}`;
}
