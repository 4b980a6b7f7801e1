/**
 * move-before and move-after: the order of services, which decides the default route.
 */

import type { Call } from '../command.ts';
import { type Context, PATIENCE } from '../context.ts';
import { invalid } from '../errors.ts';
import { NO_SUCH_SERVICE, SERVICE_PATH, withService } from '../find-service.ts';
import { usage } from '../run-command.ts';
import { isIdentifier } from '../words.ts';
import { rethrow } from './read.ts';

/** `move-before SERVICE TARGET`. */
export const moveBefore = (context: Context, call: Call): Promise<void> => move(context, call, 'before');

/** `move-after SERVICE TARGET`. */
export const moveAfter = (context: Context, call: Call): Promise<void> => move(context, call, 'after');

async function move(context: Context, { words, command }: Call, where: 'before' | 'after'): Promise<void> {
  const [word, target] = words;
  if (word === undefined || target === undefined) throw invalid(command.name, usage(command));
  await withService(context, command.name, word, async (path) => {
    const service = await context.service(path);
    await withService(context, command.name, target, (targetPath) => {
      const args = { service: targetPath };
      return where === 'before' ? service.MoveBefore(args, PATIENCE) : service.MoveAfter(args, PATIENCE);
    });
  }).catch(rethrow(`Error ${isIdentifier(word) ? SERVICE_PATH : ''}${word}`, NO_SUCH_SERVICE));
  context.output.print(`Moved ${word} ${where} ${target}\n`);
}
