/**
 * Which service a word means. ConnMan's identifiers come first and cost no further question; a name
 * (an SSID) or an interface counts where exactly one service has it. Whoever names his network
 * after another's interface thus makes the word ambiguous, not his.
 */

import { type Context, PATIENCE } from './context.ts';
import { CommandError, invalid, isUnknownObject, STATUS } from './errors.ts';
import { identifierOf, type Listed } from './listings.ts';
import { textOf } from './values.ts';
import { isIdentifier } from './words.ts';

/** Where services live. */
export const SERVICE_PATH = '/net/connman/service/';

/**
 * Calls `use` with the path of the service that `word` means. If the daemon knows no such
 * identifier, or the word cannot be one, it is looked for among names and interfaces. Throws
 * CommandError when that leaves none or several; what `use` throws otherwise comes through.
 */
export async function withService<T>(
  context: Context,
  command: string,
  word: string,
  use: (path: string) => Promise<T>,
): Promise<T> {
  if (!isIdentifier(word)) {
    const found = await servicesCalled(context, word);
    return use(theOnly(found, word) ?? fail(command, word));
  }
  try {
    return await use(SERVICE_PATH + word);
  } catch (error) {
    if (!isUnknownObject(error)) throw error;
    const path = theOnly(await servicesCalled(context, word).catch(() => []), word);
    if (path === undefined || path === SERVICE_PATH + word) throw error;
    return use(path);
  }
}

/** What to do when there is no service of that name. */
export const NO_SUCH_SERVICE = 'There is no such service: `connmanctl services` lists them.';

/** All services with this identifier, name or interface. */
function matchServices(services: readonly Listed[], word: string): Listed[] {
  const exact = services.filter(([path]) => identifierOf(path) === word);
  if (exact.length > 0) return exact;
  return services.filter(([, properties]) => {
    const ethernet = properties.get('Ethernet')?.as('a{sv}');
    return textOf(properties, 'Name') === word || (ethernet && textOf(ethernet, 'Interface')) === word;
  });
}

async function servicesCalled(context: Context, word: string): Promise<Listed[]> {
  const manager = await context.manager();
  return matchServices(await manager.GetServices({}, PATIENCE), word);
}

function theOnly(found: readonly Listed[], word: string): string | undefined {
  const [first, second] = found;
  if (second === undefined) return first?.[0];
  const identifiers = found.map(([path]) => identifierOf(path)).join(' ');
  const lines = [`Error ${word}: Not unique`, `Several services are called that: ${identifiers}`];
  throw new CommandError(STATUS.invalid, lines, 'NotUnique');
}

function fail(command: string, word: string): never {
  throw invalid(command, `No service is called "${word}": \`connmanctl services\` lists them.`);
}
