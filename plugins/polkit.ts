/**
 * Has polkit judge what callers may do (org.freedesktop.PolicyKit1): what changes something needs the
 * action `net.connman.modify`, what hands over a secret `net.connman.secret`, what reads needs none.
 * Users may be asked for a password by their agent. Without polkit root alone may change anything.
 */

import type { Core, Plugin } from '../src/api.ts';
import type { CallToAuthorise } from '../src/dbus/bus.ts';
import type { Call, Proxy } from '../src/dbus/interface.ts';
import { BUS_NAME, BUS_PATH } from '../src/dbus/interfaces/freedesktop.ts';
import { polkitAuthorityInterface } from '../src/dbus/interfaces/polkit.ts';
import { variant } from '../src/dbus/signature.ts';
import { ConnmanError } from '../src/shared/errors.ts';
import { logger } from '../src/shared/log.ts';

const log = logger('plugins/polkit.ts');

const MODIFY = 'net.connman.modify';
const SECRET = 'net.connman.secret';
const ALLOW_USER_INTERACTION = 1;

/** The plugin. */
export const polkit: Plugin<Core> = {
  name: 'polkit',
  description: 'PolicyKit authorization plugin',
  priority: 'high',
  start({ bus }, scope) {
    const authority = bus.proxy(polkitAuthorityInterface, 'org.freedesktop.PolicyKit1',
      '/org/freedesktop/PolicyKit1/Authority');
    let checks = 0;
    let isMissed = false;
    const judgeByUser = async (error: unknown, caller: string): Promise<boolean> => {
      if (!isMissed) log.warn('without polkit only root may: %s', error instanceof Error ? error.message : error);
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
  },
};

/** What a call needs; undefined for what only reads, or takes back what the caller itself has registered. */
export function actionOf({ interface: name, member, args }: Omit<CallToAuthorise, 'call'>): string | undefined {
  if (READING.test(member) || TAKING_BACK.has(member)) return undefined;
  if (name === 'org.freedesktop.DBus.Peer' || name === 'org.freedesktop.DBus.Introspectable') return undefined;
  const property = args['name'] ?? args['property_name'];
  return member.startsWith('Set') && SECRET_PROPERTIES.has(String(property)) ? SECRET : MODIFY;
}

const READING = /^(Get[A-Z]|Get$|Explain|Waiting$|RegisterCounter$|FollowLog$)/;
const TAKING_BACK: ReadonlySet<string> = new Set(['UnregisterAgent', 'UnregisterCounter', 'UnregisterPeerService']);
const SECRET_PROPERTIES: ReadonlySet<string> = new Set(['TetheringPassphrase']);

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
      log.debug('withdrawing a question failed: %s', error instanceof Error ? error.message : error);
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

async function uidOf(bus: Core['bus'], name: string): Promise<unknown> {
  const member = 'GetConnectionUnixUser';
  const call = { destination: BUS_NAME, path: BUS_PATH, interface: BUS_NAME, member, signature: 's', body: [name] };
  return (await bus.call(call)).body[0];
}
