/**
 * Turns what `ip -o monitor label link address route` prints in a namespace into observations.
 * Invariant: a carrier is reported when it changes, not with every message about a link.
 */

import type { Child } from './child.ts';
import type { EventLog } from './event-log.ts';
import type { Namespace } from './namespace.ts';

/** Watches links, addresses and routes of `namespace` into `log`, until the namespace goes. */
export async function monitorLinks(namespace: Namespace, log: EventLog): Promise<Child> {
  // The first message is one we cause, on a link of no interest: then it is known to listen.
  const monitor = namespace.spawn(['ip', '-o', 'monitor', 'label', 'link', 'address', 'route']);
  const listening = monitor.waitForLine((line) => line.includes(PROBE));
  listening.catch(() => undefined);
  const probe = ['ip', 'link', 'add', PROBE, 'type', 'bridge'];
  for (let isListening = false; !isListening; ) {
    await namespace.output(probe);
    await namespace.output(['ip', 'link', 'delete', PROBE]);
    isListening = await Promise.race([listening.then(() => true), nextTurn()]);
  }
  const carriers = new Map<string, boolean>();
  monitor.observe((line) => {
    if (!line.includes(PROBE)) interpret(line, carriers, log);
  });
  return monitor;
}

const PROBE = 'monitored0';

function nextTurn(): Promise<false> {
  return new Promise((resolve) => setTimeout(() => resolve(false), 5));
}

function interpret(line: string, carriers: Map<string, boolean>, log: EventLog): void {
  const isAdded = !line.includes(']Deleted ');
  const link = /^\[LINK\](?:Deleted )?\d+: ([^@:\s]+)[^<]*<([^>]*)>/.exec(line);
  if (link?.[1] !== undefined) {
    const isOn = isAdded && (link[2] ?? '').split(',').includes('LOWER_UP');
    if ((carriers.get(link[1]) ?? false) !== isOn) log.add({ kind: 'carrier', link: link[1], isOn });
    carriers.set(link[1], isOn);
  }
  const address = /^\[ADDR\](?:Deleted )?\d+: (\S+)\s+inet6? (\S+)/.exec(line);
  if (address?.[1] !== undefined && address[2] !== undefined) {
    log.add({ kind: 'address', link: address[1], address: address[2], isAdded });
  }
  const route = /^\[ROUTE\](?:Deleted )?(.*)$/.exec(line)?.[1]?.trim();
  if (route !== undefined && !/ table local |^multicast /.test(route)) {
    log.add({ kind: 'route', link: / dev (\S+)/.exec(route)?.[1] ?? '', route, isAdded });
  }
}
