/**
 * The kernel's radio switches in memory, behind `System.device('/dev/rfkill')`: what is there is told
 * to whoever opens it, what changes to all, each event when the reader next turns; a command for a
 * type changes its switches and becomes the state of those to come.
 */

import { SystemError } from '../../src/shared/errors.ts';
import type { Scope } from '../../src/shared/scope.ts';
import type { MessageSocket, System } from '../../src/system/system.ts';

/** enum rfkill_type, linux/rfkill.h. */
export const RFKILL = { wifi: 1, bluetooth: 2, ultraWideband: 3, cellular: 5 } as const;

interface Switch {
  readonly type: number;
  isSoftBlocked: boolean;
  isHardBlocked: boolean;
}

/** Switches, and who watches them. */
export class FakeRfkill {
  /** Commands in order: `1 block`, `1 free`. */
  readonly commands: string[] = [];
  readonly #switches = new Map<number, Switch>();
  readonly #readers = new Set<MessageSocket<undefined>>();
  readonly #defaults = new Map<number, boolean>();
  #next = 0;
  #held: (() => void)[] | undefined;

  /** Adds a switch, as the last command for its type left it unless told; its index. */
  add(type: number, { soft = this.#defaults.get(type) ?? false, hard = false } = {}): number {
    const index = this.#next++;
    this.#switches.set(index, { type, isSoftBlocked: soft, isHardBlocked: hard });
    this.#tell(index, 0);
    return index;
  }

  /** What a user's program or a button does. */
  set(index: number, { soft, hard }: { soft?: boolean; hard?: boolean }): void {
    const found = this.#switches.get(index);
    if (found === undefined) throw new Error(`no switch ${index}`);
    found.isSoftBlocked = soft ?? found.isSoftBlocked;
    found.isHardBlocked = hard ?? found.isHardBlocked;
    this.#tell(index, 2);
  }

  remove(index: number): void {
    this.#tell(index, 1);
    this.#switches.delete(index);
  }

  isSoftBlocked(index: number): boolean | undefined {
    return this.#switches.get(index)?.isSoftBlocked;
  }

  /** Keeps events from readers until `release`. */
  hold(): void {
    this.#held = [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const deliver of held) deliver();
  }

  /** `System.device` on a machine with these switches. */
  readonly device: System['device'] = (path: string, scope: Scope) => {
    if (path !== '/dev/rfkill') throw new SystemError('ENOENT', 2, 'open', 'no such file or directory');
    const reader: MessageSocket<undefined> = {
      localPort: 0,
      onMessage: () => undefined,
      onError: () => undefined,
      send: (bytes) => this.#obey(bytes),
    };
    this.#readers.add(reader);
    scope.defer(() => void this.#readers.delete(reader));
    for (const index of this.#switches.keys()) this.#tell(index, 0, [reader]);
    return reader;
  };

  #obey(bytes: Uint8Array): void {
    const [, , , , type = 0, operation, soft] = bytes;
    if (bytes.length !== 8 || operation !== 3) throw new Error(`an odd command: ${bytes}`);
    const isBlocked = soft !== 0;
    this.commands.push(`${type} ${isBlocked ? 'block' : 'free'}`);
    this.#defaults.set(type, isBlocked);
    for (const [index, each] of this.#switches) {
      if (each.type === type && each.isSoftBlocked !== isBlocked) this.set(index, { soft: isBlocked });
    }
  }

  #tell(index: number, operation: number, readers: Iterable<MessageSocket<undefined>> = this.#readers): void {
    const { type = 0, isSoftBlocked = false, isHardBlocked = false } = this.#switches.get(index) ?? {};
    const bytes = new Uint8Array(8);
    new Uint32Array(bytes.buffer)[0] = index;
    bytes.set([type, operation, Number(isSoftBlocked), Number(isHardBlocked)], 4);
    for (const reader of readers) {
      const deliver = (): void => {
        if (this.#readers.has(reader)) reader.onMessage(bytes, undefined);
      };
      if (this.#held === undefined) queueMicrotask(deliver);
      else this.#held.push(deliver);
    }
  }
}

/** `System.device` on a machine without any device. */
export const noDevice: System['device'] = (path) => {
  throw new SystemError('ENOENT', 2, 'open', `${path}: no such file or directory`);
};
