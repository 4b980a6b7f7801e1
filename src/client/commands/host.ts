/**
 * reload, device and extras: has the daemon look at files or at a link again, and shows what of a
 * service ConnMan has no word for.
 */

import type { DBusError } from '../../dbus/errors.ts';
import { causewayManagerInterface } from '../../dbus/interfaces/causeway-manager.ts';
import { causewayServiceInterface } from '../../dbus/interfaces/causeway-service.ts';
import { propertiesInterface } from '../../dbus/interfaces/freedesktop.ts';
import { variant } from '../../dbus/signature.ts';
import type { Call } from '../command.ts';
import { type Context, PATIENCE } from '../context.ts';
import { type CommandError, failed, invalid, isConnmanError, isUnknownObject } from '../errors.ts';
import { withService } from '../find-service.ts';
import { usage } from '../run-command.ts';
import { wrap } from '../text.ts';
import { formatProperties, type Properties } from '../values.ts';
import { NO_SUCH_SUBJECT, printProperties, rethrow } from './read.ts';

/** `reload`. */
export async function reload(context: Context): Promise<void> {
  const manager = await context.proxy(causewayManagerInterface, '/');
  await manager.Reload({}, PATIENCE).catch(rethrowOurs('Error'));
}

/** `device reapply INTERFACE`. */
export async function device(context: Context, { command, words: [what, name] }: Call): Promise<void> {
  if (what !== 'reapply' || name === undefined) throw invalid(command.name, usage(command));
  const manager = await context.proxy(causewayManagerInterface, '/');
  await manager.Reapply({ interface: name }, PATIENCE).catch(rethrowOurs(`Error ${name}`, (error) => {
    if (isConnmanError(error, 'NotFound')) return 'No service is on such an interface: `connmanctl status` lists them.';
    return isConnmanError(error, 'NotConnected') ? 'Nothing is connected there: `connmanctl connect`.' : undefined;
  }));
  context.output.print(`Reapplied ${name}\n`);
}

/** `extras SERVICE`. */
export async function extras(context: Context, { command, words: [word], given }: Call): Promise<void> {
  if (word === undefined) throw invalid(command.name, usage(command));
  const interface_name = causewayServiceInterface.name;
  await withService(context, command.name, word, async (path) => {
    const properties = await context.proxy(propertiesInterface, path);
    const all = await properties.GetAll({ interface_name }, PATIENCE);
    if (given.has('json')) return printProperties(context, all, true);
    const { isTerminal, columns, show, print } = context.output;
    const text = formatProperties(withReadableTime(all), show);
    print(isTerminal ? wrap(text, columns) : text);
  }).catch(rethrow(`Error ${word}`, NO_SUCH_SUBJECT));
}

/** ConnMan's text of a property says nothing of 64-bit numbers: microseconds since 1970 become a date. */
function withReadableTime(properties: Properties): Properties {
  const check = new Map(properties.get('OnlineCheck')?.as('a{sv}'));
  const at = check.get('Timestamp')?.as('x');
  if (at === undefined) return properties;
  check.set('Timestamp', variant('s', new Date(Number(at / 1000n)).toISOString()));
  return new Map([...properties, ['OnlineCheck', variant('a{sv}', check)]]);
}

/** Throws what a call of ours threw; where another daemon answers, that is said. */
export function rethrowOurs(
  prefix: string, advise: (error: DBusError) => string | undefined = () => undefined,
): (error: unknown) => never {
  const advice = (error: DBusError): string | undefined => (isUnknownObject(error) ? NOT_OURS : advise(error));
  return (error): never => {
    const failure: CommandError = failed(prefix, error, advice);
    throw failure;
  };
}

const NOT_OURS = 'Only Causeway can do that: another connection manager, or an older one, is running.';
