/**
 * Access points gathered into networks: one per name and security, as strong as its best access
 * point, or, while connected, as the one in use. Pure: callers are told what to do by `update`.
 * Invariant: a group exists while it has an access point.
 */

import type { FrameProtection } from '../lib/wifi/elements.ts';
import type { Bss } from './bss.ts';

/** All access points of one network. */
export interface Group {
  readonly name: string;
  readonly members: ReadonlyMap<string, Bss>;
}

/** What became of the groups. */
export interface GroupChange {
  readonly appeared?: string;
  readonly vanished?: string;
  /** Its members or their signals are others. */
  readonly changed?: string;
}

/** The table of one radio. */
export class AccessPoints {
  readonly #byPath = new Map<string, Bss>();
  readonly #groups = new Map<string, Map<string, Bss>>();

  get groups(): ReadonlyMap<string, ReadonlyMap<string, Bss>> {
    return this.#groups;
  }

  get(path: string): Bss | undefined {
    return this.#byPath.get(path);
  }

  /** Whether there is an access point of a name, given in the digits of groups (`ssidGroup`). */
  isHeard(ssid: string): boolean {
    return [...this.#groups.keys()].some((group) => group.startsWith(`${ssid}_`));
  }

  /** Takes in what is known of an access point; undefined when it is gone. */
  update(path: string, bss: Bss | undefined): readonly GroupChange[] {
    const before = this.#byPath.get(path);
    const changes: GroupChange[] = [];
    if (before !== undefined && before.group !== bss?.group) changes.push(this.#leave(before));
    if (bss === undefined) {
      this.#byPath.delete(path);
      return changes;
    }
    this.#byPath.set(path, bss);
    const members = this.#groups.get(bss.group) ?? new Map<string, Bss>();
    const isNew = members.size === 0;
    members.set(path, bss);
    this.#groups.set(bss.group, members);
    changes.push(isNew ? { appeared: bss.group } : { changed: bss.group });
    return changes;
  }

  /** Forgets all; returns the names of the groups there were. */
  clear(): readonly string[] {
    const names = [...this.#groups.keys()];
    this.#groups.clear();
    this.#byPath.clear();
    return names;
  }

  #leave({ path, group }: Bss): GroupChange {
    const members = this.#groups.get(group);
    members?.delete(path);
    if (members !== undefined && members.size > 0) return { changed: group };
    this.#groups.delete(group);
    return { vanished: group };
  }
}

/** The member heard best. */
export function bestOf(members: ReadonlyMap<string, Bss>): Bss | undefined {
  let best: Bss | undefined;
  for (const bss of members.values()) if (best === undefined || bss.signalDbm > best.signalDbm) best = bss;
  return best;
}

/** dBm in ConnMan's percent: 120 more, between 0 and 100. */
export function strengthOf(signalDbm: number): number {
  return Math.max(0, Math.min(100, 120 + signalDbm));
}

/** Every key management that some member offers: what may be asked for. */
export function keyManagementsOf(members: ReadonlyMap<string, Bss>): ReadonlySet<string> {
  return new Set([...members.values()].flatMap(({ keyManagements }) => keyManagements));
}

/** What all members want of management frames: required by each, or offered by some. */
export function frameProtectionOf(members: ReadonlyMap<string, Bss>): FrameProtection {
  const wishes = [...members.values()].map(({ elements }) => elements.frameProtection);
  if (wishes.length > 0 && wishes.every((wish) => wish === 'required')) return 'required';
  return wishes.some((wish) => wish !== 'none') ? 'optional' : 'none';
}
