/**
 * Has polkit judge what callers may do (org.freedesktop.PolicyKit1). Users may be asked for a password by their
 * agent. Without polkit root alone may do what needs an action.
 */

import type { Bus, CallToAuthorise } from '../dbus/bus.ts';
import type { Call, Proxy } from '../dbus/interface.ts';
import { BUS_NAME, BUS_PATH } from '../dbus/interfaces/freedesktop.ts';
import { polkitAuthorityInterface } from '../dbus/interfaces/polkit.ts';
import { variant } from '../dbus/signature.ts';
import { ConnmanError, messageOf } from '../shared/errors.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';

const log = logger('src/daemon/polkit.ts');

const ALLOW_USER_INTERACTION = 1;

/** What a call is, without who makes it. */
export type WhatIsCalled = Omit<CallToAuthorise, 'call'>;

/** Until `scope` closes, calls need the action that `actionOf` says, if any. */
export function authoriseByPolkit(
  bus: Bus, actionOf: (called: WhatIsCalled) => string | undefined, scope: Scope,
): void {
  const authority = bus.proxy(polkitAuthorityInterface, 'org.freedesktop.PolicyKit1',
    '/org/freedesktop/PolicyKit1/Authority');
  let checks = 0;
  let isMissed = false;
  const judgeByUser = async (error: unknown, caller: string): Promise<boolean> => {
    if (!isMissed) log.warn('without polkit only root may: %s', messageOf(error));
    isMissed = true;
    return (await uidOf(bus, caller).catch(() => undefined)) === 0;
  };
  bus.authorise((request) => {
    const action = actionOf(request);
    if (action === undefined) return undefined;
    const { call } = request;
    const { id } = call.caller;
    const question = { authority, action, cancellation: `${bus.uniqueName} ${++checks}` };
    return ask(question, call).catch((error: unknown) => {
      if (call.signal.aborted) throw error;
      return judgeByUser(error, id);
    }).then((isAllowed) => {
      if (isAllowed) return;
      log.info('%s may not %s', id, action);
      throw new ConnmanError('PermissionDenied');
    });
  }, scope);
}

/** Whether whoever calls is told about the bus itself, which everybody may know. */
export function isAboutTheBus({ interface: name }: WhatIsCalled): boolean {
  return name === 'org.freedesktop.DBus.Peer' || name === 'org.freedesktop.DBus.Introspectable';
}

interface Question {
  readonly authority: Proxy<typeof polkitAuthorityInterface>;
  readonly action: string;
  /** Unique among ours. */
  readonly cancellation: string;
}

/** Waits as long as the user takes; the question is withdrawn when the caller leaves the bus. */
async function ask({ authority, action, cancellation }: Question, { caller, signal }: Call): Promise<boolean> {
  const withdraw = (): void => {
    authority.CancelCheckAuthorization({ cancellation_id: cancellation }).catch((error: unknown) => {
      log.debug('withdrawing a question failed: %s', messageOf(error));
    });
  };
  signal.addEventListener('abort', withdraw, { once: true });
  try {
    const [isAllowed] = await authority.CheckAuthorization({
      subject: ['system-bus-name', new Map([['name', variant('s', caller.id)]])],
      action_id: action,
      details: new Map(),
      flags: ALLOW_USER_INTERACTION,
      cancellation_id: cancellation,
    }, { timeoutMs: Infinity, signal });
    return isAllowed;
  } finally {
    signal.removeEventListener('abort', withdraw);
  }
}

async function uidOf(bus: Bus, name: string): Promise<unknown> {
  const member = 'GetConnectionUnixUser';
  const call = { destination: BUS_NAME, path: BUS_PATH, interface: BUS_NAME, member, signature: 's', body: [name] };
  return (await bus.call(call)).body[0];
}
