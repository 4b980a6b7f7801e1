/**
 * `--wait[=ready|online] --timeout S`: goes on when a state is reached. Signals are heard before the
 * state is read, so none is missed; a daemon that is not there yet is waited for as well.
 */

import { managerInterface } from '../dbus/interfaces/manager.ts';
import { serviceInterface } from '../dbus/interfaces/service.ts';
import { ConnmanError } from '../shared/errors.ts';
import type { Scope } from '../shared/scope.ts';
import type { Given } from './command.ts';
import { CONNMAN, type Context, PATIENCE } from './context.ts';
import { CommandError, invalid, STATUS } from './errors.ts';
import { textOf } from './values.ts';

/** What `--wait` asks for: undefined when it was not given. Throws CommandError. */
export function wantedState(command: string, given: Given): 'ready' | 'online' | undefined {
  const word = given.value('wait');
  if (word === undefined) return undefined;
  if (word === '' || word === 'ready') return 'ready';
  if (word === 'online') return 'online';
  throw invalid(command, '--wait takes ready or online.');
}

/** The limit in milliseconds: `--timeout`, else two minutes; 0 is none. Throws CommandError. */
export function waitingTime(command: string, given: Given): number {
  const word = given.value('timeout') ?? '120';
  if (!/^\d+(\.\d+)?$/.test(word)) throw invalid(command, '--timeout takes seconds.');
  return word === '0' ? Infinity : Number(word) * 1000;
}

/** `state --wait`: until the manager says so. */
export async function waitForState(context: Context, given: Given): Promise<void> {
  const wanted = wantedState('state', given);
  if (wanted === undefined) return;
  await withinTime(context, waitingTime('state', given), `the system is not ${wanted}`, (scope) =>
    watchManager(context, scope, (state) => isReached(state, wanted)),
  );
}

/** Whether `state` is what was wanted, or better. */
export function isReached(state: string | undefined, wanted: 'ready' | 'online'): boolean {
  return state === 'online' || (wanted === 'ready' && state === 'ready');
}

/** Runs `wait` and throws CommandError with status 110 when it takes longer than `limitMs`. */
export async function withinTime<T>(
  context: Context,
  limitMs: number,
  complaint: string,
  wait: (scope: Scope) => Promise<T>,
): Promise<T> {
  const scope = context.scope.child();
  try {
    const expired = new Promise<never>((_, reject) => {
      if (limitMs === Infinity) return;
      context.clock.after('--timeout', limitMs, scope, () => reject(new ConnmanError('OperationTimeout')));
    });
    return await Promise.race([wait(scope), expired]);
  } catch (error) {
    if (!(error instanceof ConnmanError)) throw error;
    const lines = ['Error: Connection timed out', `After ${limitMs / 1000} s ${complaint}.`];
    throw new CommandError(STATUS.timeout, lines, 'net.connman.Error.OperationTimeout');
  } finally {
    await scope.close();
  }
}

/** Resolves when `isDone` says so of the manager's State, now or later; survives a restart of the daemon. */
export async function watchManager(
  context: Context,
  scope: Scope,
  isDone: (state: string | undefined) => boolean,
): Promise<void> {
  const bus = await context.bus();
  const manager = await context.manager();
  await new Promise<void>((resolve, reject) => {
    const look = (state: string | undefined): void => {
      if (isDone(state)) resolve();
    };
    const read = async (): Promise<void> => look(textOf(await manager.GetProperties({}, PATIENCE), 'State'));
    bus.lost.observe(scope, () => reject(busLost()));
    bus
      .subscribe(managerInterface, 'PropertyChanged', { sender: CONNMAN, path: '/' }, scope, ({ name, value }) => {
        if (name === 'State') look(value.as('s'));
      })
      .catch(reject);
    bus.watchName(CONNMAN, scope, (owner) => {
      if (owner === undefined) look(undefined);
      else read().catch(() => undefined); // gone again: its next owner is told
    });
  });
}

/** Resolves with the first state of a service for which `isDone`; that it is gone counts as undefined. */
export async function watchService(
  context: Context,
  path: string,
  scope: Scope,
  isDone: (state: string | undefined) => boolean,
): Promise<string | undefined> {
  const bus = await context.bus();
  const service = await context.service(path);
  return new Promise((resolve, reject) => {
    const look = (state: string | undefined): void => {
      if (isDone(state)) resolve(state);
    };
    const read = async (): Promise<void> => look(textOf(await service.GetProperties({}, PATIENCE), 'State'));
    bus.lost.observe(scope, () => reject(busLost()));
    bus
      .subscribe(serviceInterface, 'PropertyChanged', { sender: CONNMAN, path }, scope, ({ name, value }) => {
        if (name === 'State') look(value.as('s'));
      })
      .then(() => read())
      .catch(() => look(undefined));
  });
}

/** Status 2: nothing more will be heard. */
export function busLost(): CommandError {
  const lines = ['Error: Disconnected from D-Bus', 'The bus went away.'];
  return new CommandError(STATUS.unreachable, lines, 'org.freedesktop.DBus.Error.Disconnected');
}
