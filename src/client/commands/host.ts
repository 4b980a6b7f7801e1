/**
 * reload and device: has the daemon look at files or at a link again.
 */

import type { DBusError } from '../../dbus/errors.ts';
import { causewayManagerInterface } from '../../dbus/interfaces/causeway-manager.ts';
import type { Call } from '../command.ts';
import { type Context, PATIENCE } from '../context.ts';
import { type CommandError, failed, invalid, isConnmanError, isUnknownObject } from '../errors.ts';
import { usage } from '../run-command.ts';

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
