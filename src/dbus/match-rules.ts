/**
 * Which signals we hear (D-Bus specification, "Match Rules"): rules kept at the bus as long as
 * somebody needs them, and the observers that each signal is for. A signal's sender is checked
 * here too, since anyone on the bus may send us one directly.
 */

import { stackOf } from '../shared/errors.ts';
import type { Scope } from '../shared/scope.ts';
import { logger } from '../shared/log.ts';
import type { SignalMatch } from './bus.ts';
import type { Message } from './message.ts';
import type { ReceivedMessage } from './read-message.ts';

const log = logger('src/dbus/match-rules.ts');

/** Asks the bus to add or drop a rule. */
export interface RuleKeeper {
  addMatch(rule: string): Promise<unknown>;
  removeMatch(rule: string): void;
}

/** A match in the bus's notation. */
function formatMatchRule(match: SignalMatch): string {
  const { sender, path, pathNamespace, interface: name, member, arg0 } = match;
  const parts = Object.entries({ sender, path, path_namespace: pathNamespace, interface: name, member, arg0 })
    .filter(([, value]) => value !== undefined)
    .map(([key, value = '']) => `,${key}='${value.replaceAll("'", String.raw`'\''`)}'`);
  return `type='signal'${parts.join('')}`;
}

interface Subscription {
  readonly match: SignalMatch;
  /** The unique name that signals must come from; undefined for any. */
  readonly sender: () => string | undefined;
  readonly observer: (message: Message) => void;
}

/** The rules we have at the bus and the observers behind them. */
export class MatchRules {
  readonly #keeper: RuleKeeper;
  readonly #rules = new Map<string, { users: number; readonly added: Promise<unknown> }>();
  /** By member; those that match any member under the empty one. */
  readonly #subscriptions = new Map<string, readonly Subscription[]>();

  constructor(keeper: RuleKeeper) {
    this.#keeper = keeper;
  }

  /**
   * Hears what `match` says until `scope` closes; `sender` gives the unique name that owns a
   * well-known `match.sender` at the moment. Resolves once the bus has the rule.
   */
  async add(
    match: SignalMatch,
    scope: Scope,
    observer: (message: Message) => void,
    sender: () => string | undefined = () => match.sender,
  ): Promise<void> {
    const subscription: Subscription = { match, sender, observer };
    const member = match.member ?? '';
    this.#subscriptions.set(member, [...(this.#subscriptions.get(member) ?? []), subscription]);
    scope.defer(() => this.#remove(member, subscription));
    await this.#addRule(formatMatchRule(match), scope);
  }

  /** Hands a signal to all it is for. Throws DecodeError for a body that cannot be read. */
  dispatch(received: ReceivedMessage): void {
    const { message } = received;
    let isRead = false;
    for (const member of [message.member ?? '', '']) {
      for (const subscription of this.#subscriptions.get(member) ?? []) {
        if (!matchesHeader(subscription, message)) continue;
        if (!isRead) received.readBody();
        isRead = true;
        const { arg0 } = subscription.match;
        if (arg0 === undefined || (message.signature.startsWith('s') && message.body[0] === arg0)) {
          tell(subscription, message);
        }
      }
    }
  }

  #remove(member: string, subscription: Subscription): void {
    const rest = (this.#subscriptions.get(member) ?? []).filter((other) => other !== subscription);
    if (rest.length > 0) this.#subscriptions.set(member, rest);
    else this.#subscriptions.delete(member);
  }

  async #addRule(rule: string, scope: Scope): Promise<void> {
    const kept = this.#rules.get(rule) ?? { users: 0, added: this.#keeper.addMatch(rule) };
    kept.users++;
    this.#rules.set(rule, kept);
    scope.defer(() => {
      if (--kept.users > 0) return;
      this.#rules.delete(rule);
      this.#keeper.removeMatch(rule);
    });
    await kept.added;
  }
}

function matchesHeader({ match, sender }: Subscription, message: Message): boolean {
  if (match.interface !== undefined && match.interface !== message.interface) return false;
  if (match.path !== undefined && match.path !== message.path) return false;
  if (match.pathNamespace !== undefined && !isWithin(match.pathNamespace, message.path ?? '')) return false;
  return match.sender === undefined || sender() === message.sender;
}

function isWithin(namespace: string, path: string): boolean {
  return namespace === '/' || path === namespace || path.startsWith(`${namespace}/`);
}

function tell({ observer }: Subscription, message: Message): void {
  try {
    observer(message);
  } catch (error) {
    log.error('an observer of %s failed: %s', message.member, stackOf(error));
  }
}
