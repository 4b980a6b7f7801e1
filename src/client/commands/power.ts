/**
 * enable, disable and scan: what is done to a technology as a whole, and offline mode.
 */

import { variant } from '../../dbus/signature.ts';
import type { Call } from '../command.ts';
import { type Context, PATIENCE } from '../context.ts';
import { CommandError, failed, invalid, isConnmanError, isUnknownObject, STATUS } from '../errors.ts';
import { isReached, waitingTime, wantedState, watchManager, withinTime } from '../wait.ts';
import { isIdentifier } from '../words.ts';
import { usage } from '../run-command.ts';
import { rethrow } from './read.ts';

/** `enable`, with `--wait` until the system is ready or online. */
export async function enable(context: Context, call: Call): Promise<void> {
  const wanted = wantedState('enable', call.given);
  const limitMs = waitingTime('enable', call.given);
  const problem = await setPower(context, call, true);
  if (wanted !== undefined && (problem === undefined || problem.errorName.endsWith('AlreadyEnabled'))) {
    if (problem !== undefined) for (const line of problem.lines) context.output.complain(line);
    await withinTime(context, limitMs, `the system is not ${wanted}`, (scope) =>
      watchManager(context, scope, (state) => isReached(state, wanted)),
    );
  } else if (problem !== undefined) throw problem;
}

/** `disable`. */
export async function disable(context: Context, call: Call): Promise<void> {
  const problem = await setPower(context, call, false);
  if (problem !== undefined) throw problem;
}

/** `scan`: returns when the scan has been made. */
export async function scan(context: Context, { words: [type], command }: Call): Promise<void> {
  if (type === undefined || !isIdentifier(type)) throw invalid(command.name, usage(command));
  const technology = await context.technology(type);
  await technology.Scan({}, PATIENCE).catch(rethrow(`Error /net/connman/technology/${type}`, NO_TECHNOLOGY));
  context.output.print(`Scan completed for ${type}\n`);
}

const NO_TECHNOLOGY = 'There is no such technology: `connmanctl technologies` lists them.';

async function setPower(context: Context, call: Call, isOn: boolean): Promise<CommandError | undefined> {
  const { words: [type], command } = call;
  if (type === undefined || !isIdentifier(type)) throw invalid(command.name, usage(command));
  try {
    if (type === 'offline') {
      const manager = await context.manager();
      await manager.SetProperty({ name: 'OfflineMode', value: variant('b', isOn) }, PATIENCE);
    } else {
      const technology = await context.technology(type);
      await technology.SetProperty({ name: 'Powered', value: variant('b', isOn) }, PATIENCE);
    }
  } catch (error) {
    return powerError(type, isOn, error);
  }
  context.output.print(isOn ? `Enabled ${type}\n` : `Disable ${type}\n`);
  return undefined;
}

function powerError(type: string, isOn: boolean, error: unknown): CommandError {
  if (isUnknownObject(error)) {
    return new CommandError(STATUS.daemonError, [`${type} is not available`, NO_TECHNOLOGY], 'UnknownObject');
  }
  if (isConnmanError(error, 'AlreadyEnabled', 'AlreadyDisabled')) {
    const name = `net.connman.Error.Already${isOn ? 'Enabled' : 'Disabled'}`;
    return new CommandError(STATUS.daemonError, [`${type} is already ${isOn ? 'enabled' : 'disabled'}`], name);
  }
  return failed(`Error ${type}`, error);
}
