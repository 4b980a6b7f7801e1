/**
 * Several properties set as one: in order, each once; when the daemon refuses one, those before it
 * get their old values back, so that nothing is left half done.
 */

import type { Variant } from '../dbus/signature.ts';
import { CommandError } from './errors.ts';
import type { Properties } from './values.ts';

/** One property to set. */
export interface Setting {
  readonly property: string;
  readonly value: Variant;
}

/** The object that has the properties. */
export interface Target {
  read(): Promise<Properties>;
  write(setting: Setting): Promise<void>;
  /** What is thrown for a refusal. */
  describe(error: unknown): CommandError;
}

/** Sets all or none. Throws CommandError; its last line says when a value could not be set back. */
export async function applyTogether(target: Target, settings: readonly Setting[]): Promise<void> {
  const describe = (error: unknown): never => {
    throw target.describe(error);
  };
  // One setting needs no way back, and so no further question.
  const before = settings.length > 1 ? await target.read().catch(describe) : new Map<string, Variant>();
  const done: string[] = [];
  for (const setting of settings) {
    try {
      await target.write(setting);
      done.push(setting.property);
    } catch (error) {
      const left = await setBack(target, before, done.reverse());
      const { status, lines, errorName } = target.describe(error);
      throw new CommandError(status, [...lines, ...outcome(settings, setting, left)], errorName);
    }
  }
}

async function setBack(target: Target, before: Properties, properties: readonly string[]): Promise<string[]> {
  const left: string[] = [];
  for (const property of properties) {
    const value = before.get(property);
    try {
      if (value === undefined) left.push(property);
      else await target.write({ property, value });
    } catch {
      left.push(property);
    }
  }
  return left;
}

function outcome(settings: readonly Setting[], refused: Setting, left: readonly string[]): string[] {
  if (settings.length === 1) return [];
  if (left.length === 0) return [`${refused.property} was refused; nothing has been changed.`];
  return [`${refused.property} was refused; still changed: ${left.join(', ')}.`];
}
