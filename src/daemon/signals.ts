/**
 * The signals of a daemon: SIGINT and SIGTERM ask it to end, once; SIGHUP to read its files again.
 * SIGUSR1 is taken from Node, which would open its debugger on it.
 */

import type { Scope } from '../shared/scope.ts';

/** What signals ask for. */
export interface SignalHandlers {
  /** Called at the first SIGINT or SIGTERM; later ones are ignored. */
  terminate(signal: NodeJS.Signals): void;
  reload(): void;
}

/** Hears signals until `scope` closes. */
export function handleSignals(handlers: SignalHandlers, scope: Scope): void {
  let isTerminating = false;
  const terminate = (signal: NodeJS.Signals): void => {
    if (isTerminating) return;
    isTerminating = true;
    handlers.terminate(signal);
  };
  hear('SIGINT', terminate, scope);
  hear('SIGTERM', terminate, scope);
  hear('SIGHUP', () => handlers.reload(), scope);
  hear('SIGUSR1', () => undefined, scope);
}

function hear(signal: NodeJS.Signals, handler: (signal: NodeJS.Signals) => void, scope: Scope): void {
  process.on(signal, handler);
  scope.defer(() => void process.off(signal, handler));
}
