/**
 * What the netlink integration tests share: a namespace's Rtnetlink over the real kernel, ip(8)
 * beside it, and waiting for the mirror.
 */

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { openRtnetlink } from '../../src/netlink/rtnetlink.ts';
import type { Rtnetlink } from '../../src/netlink/rtnetlink.ts';
import { formatHex } from '../../src/shared/bytes.ts';
import { DeadlineClock, nodeTimeSource } from '../../src/shared/clock.ts';
import { createScope } from '../../src/shared/scope.ts';
import type { Scope } from '../../src/shared/scope.ts';
import { testSystem } from './system.ts';
import { patience } from './patience.ts';

const system = testSystem();
const clock = new DeadlineClock(nodeTimeSource());

/** Opens the namespace's network configuration. */
export function openReal(scope: Scope, eventBufferBytes?: number): Promise<Rtnetlink> {
  const buffer = eventBufferBytes === undefined ? {} : { eventBufferBytes };
  return openRtnetlink({ system, clock, ...buffer }, scope);
}

/** Runs ip(8) and returns what it printed. */
export function runIp(...args: string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Runs many commands of ip(8) in one go; those that fail are passed over. */
export function runIpBatch(lines: readonly string[]): void {
  try {
    execFileSync('ip', ['-force', '-batch', '-'], { input: lines.join('\n'), stdio: ['pipe', 'ignore', 'ignore'] });
  } catch {
    // Its exit status tells that some failed.
  }
}

/** No address detection, no solicitations: nothing happens in the namespace that the test did not do. */
export function quietIpv6(): void {
  for (const name of ['accept_dad', 'router_solicitations', 'dad_transmits']) {
    writeFileSync(`/proc/sys/net/ipv6/conf/default/${name}`, '0');
  }
}

/** Resolves once `isDone` holds, asked after every change of the mirror; throws after ten seconds. */
export async function until(rtnetlink: Rtnetlink, isDone: () => boolean, what: string): Promise<void> {
  const { mirror } = rtnetlink;
  const scope = createScope();
  try {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), patience(10_000));
      scope.defer(() => clearTimeout(timer));
      const ask = (): void => {
        if (isDone()) resolve();
      };
      mirror.linkChanged.observe(scope, ask);
      mirror.addressChanged.observe(scope, ask);
      mirror.routeChanged.observe(scope, ask);
      mirror.resynchronised.observe(scope, ask);
      ask();
    });
  } finally {
    await scope.close();
  }
}

/** The whole mirror as lines, without what changes by itself. */
export function snapshot({ mirror }: Rtnetlink): string[] {
  const volatile = new Set(['statistics', 'validLifetimeSec', 'preferredLifetimeSec']);
  const line = (entry: object): string => JSON.stringify(Object.entries(entry)
    .filter(([name, value]) => value !== undefined && !volatile.has(name))
    .sort(([one], [other]) => (one < other ? -1 : 1)), plainly);
  return [...mirror.links.values(), ...mirror.addresses.values(), ...mirror.routes.values()].map(line).sort();
}

/** What a mirror filled this moment holds. */
export async function freshSnapshot(): Promise<string[]> {
  const scope = createScope();
  try {
    return snapshot(await openReal(scope));
  } finally {
    await scope.close();
  }
}

/** Resolves once the mirror equals a fresh one; otherwise tells the lines that differ. */
export async function untilTrue(rtnetlink: Rtnetlink): Promise<void> {
  let difference: string[] = [];
  for (let attempt = 0; attempt < 40; attempt++) {
    const fresh = new Set(await freshSnapshot());
    const ours = new Set(snapshot(rtnetlink));
    difference = [
      ...[...fresh].filter((line) => !ours.has(line)).map((line) => `missed ${line}`),
      ...[...ours].filter((line) => !fresh.has(line)).map((line) => `ghost ${line}`),
    ];
    if (difference.length === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 50)); // events under way; there is none to wait for
  }
  throw new Error(`the mirror is not true:\n${difference.join('\n')}`);
}

function plainly(_: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return formatHex(value, ':');
  return typeof value === 'object' && value !== null && 'bytes' in value ? String(value) : value;
}
