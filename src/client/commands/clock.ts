/**
 * clock: shows the system clock, and with `set` changes it, together or not at all.
 */

import { variant } from '../../dbus/signature.ts';
import type { Call } from '../command.ts';
import { type Context, PATIENCE } from '../context.ts';
import { failed, invalid, tooMany } from '../errors.ts';
import { applyTogether, type Setting } from '../settings.ts';
import { usage } from '../run-command.ts';
import { printProperties, rethrow } from './read.ts';

/** `clock`, or `clock set OPTION...`. */
export async function clock(context: Context, { words: [verb, ...words], given, command }: Call): Promise<void> {
  const proxy = await context.systemClock();
  if (verb === undefined) {
    const properties = await proxy.GetProperties({}, PATIENCE).catch(rethrow('Error'));
    return printProperties(context, properties, given.has('json'));
  }
  if (verb !== 'set') throw tooMany(command.name, usage(command));
  const settings = parseClock(words);
  if (settings.length === 0) throw invalid(command.name, 'Say what to set: connmanctl help clock');
  await applyTogether(
    {
      read: () => proxy.GetProperties({}, PATIENCE),
      write: ({ property, value }) => proxy.SetProperty({ name: property, value }, PATIENCE),
      describe: (error) =>
        failed('Error clock', error, ({ name }) =>
          name.endsWith('.PermissionDenied') ? 'While updates are auto it is not yours to set.' : undefined,
        ),
    },
    settings,
  );
}

/** Reads the words after `clock set`. Throws CommandError. */
export function parseClock(words: readonly string[]): Setting[] {
  const settings: Setting[] = [];
  const queue = [...words];
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    const name = word.replace(/^--/, '');
    if (name === 'timeservers') {
      const end = queue.findIndex((next) => next.startsWith('--'));
      const servers = queue.splice(0, end < 0 ? queue.length : end);
      settings.push({ property: 'Timeservers', value: variant('as', servers) });
      continue;
    }
    const value = queue.shift();
    if (value === undefined) throw invalid('clock', `--${name} needs a value.`);
    settings.push(clockSetting(name, value));
  }
  return settings;
}

function clockSetting(name: string, value: string): Setting {
  switch (name) {
    case 'time':
      return { property: 'Time', value: variant('t', parseTime(value)) };
    case 'timezone':
      return { property: 'Timezone', value: variant('s', value) };
    case 'timeupdates':
      return { property: 'TimeUpdates', value: variant('s', value) };
    case 'timezoneupdates':
      return { property: 'TimezoneUpdates', value: variant('s', value) };
    default:
      throw invalid('clock', `${name} is not a property of the clock: connmanctl help clock`);
  }
}

/** Seconds since 1970, or a date as ISO 8601 has it. */
function parseTime(text: string): bigint {
  if (/^\d{1,12}$/.test(text)) return BigInt(text);
  // Date.parse alone takes almost anything.
  const milliseconds = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(milliseconds) || milliseconds < 0) {
    throw invalid('clock', '--time takes seconds since 1970 or a date such as 2026-01-31T12:00:00Z.');
  }
  return BigInt(Math.floor(milliseconds / 1000));
}
