/**
 * checkpoint: has everything that is configured put back unless somebody confirms in time.
 */

import { causewayManagerInterface } from '../../dbus/interfaces/causeway-manager.ts';
import type { Call } from '../command.ts';
import { type Context, PATIENCE } from '../context.ts';
import { invalid, isConnmanError } from '../errors.ts';
import { usage } from '../run-command.ts';
import { rethrowOurs } from './host.ts';

/** `checkpoint create|confirm|rollback|list`. */
export async function checkpoint(context: Context, { command, words: [what, id], given }: Call): Promise<void> {
  const manager = await context.proxy(causewayManagerInterface, '/');
  const { output } = context;
  const isJson = given.has('json');
  const rethrow = rethrowOurs('Error', (error) => {
    if (!isConnmanError(error, 'NotFound')) return undefined;
    return id === undefined ? 'There is none, or more than one: `connmanctl checkpoint list`.' : NO_SUCH;
  });
  switch (what) {
    case 'create': {
      if (id !== undefined) throw invalid(command.name, usage(command));
      const timeout = secondsOf(given.value('timeout'));
      if (timeout === undefined) throw invalid(command.name, '--timeout takes seconds, 1 to 86400.');
      const created = await manager.CheckpointCreate({ timeout }, PATIENCE).catch(rethrow);
      const text = `Checkpoint ${created} is put back in ${timeout} s unless confirmed\n`;
      return output.print(isJson ? `${JSON.stringify({ Id: created, Timeout: timeout })}\n` : text);
    }
    case 'confirm':
      await manager.CheckpointConfirm({ id: id ?? '' }, PATIENCE).catch(rethrow);
      return output.print('Confirmed\n');
    case 'rollback':
      await manager.CheckpointRollback({ id: id ?? '' }, PATIENCE).catch(rethrow);
      return output.print('Put back\n');
    case 'list': {
      const all = (await manager.GetCheckpoints({}, PATIENCE).catch(rethrow)).map(([Id, created, Left]) => {
        return { Id, Created: new Date(Number(created / 1000n)).toISOString(), Left };
      });
      if (isJson) return output.print(`${JSON.stringify(all)}\n`);
      const lines = all.map(({ Id, Created, Left }) => `${Id}  made ${Created}  ${Math.ceil(Left)} s left\n`);
      return output.print(lines.join(''));
    }
    default:
      throw invalid(command.name, usage(command));
  }
}

const NO_SUCH = 'No such checkpoint waits: `connmanctl checkpoint list`.';
const DEFAULT_SEC = 60;

function secondsOf(text: string | undefined): number | undefined {
  if (text === undefined) return DEFAULT_SEC;
  const seconds = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0;
  return seconds >= 1 && seconds <= 86_400 ? seconds : undefined;
}
