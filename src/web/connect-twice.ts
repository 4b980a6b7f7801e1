/**
 * A connection that a lost packet does not hold up: where the first attempt has no answer after half
 * a second, a second one goes out beside it, and the first to be answered counts. The kernel by
 * itself repeats a SYN after a second (RFC 6298, 2.1), and asks for a neighbour as rarely.
 */

import type { Clock } from '../shared/clock.ts';
import type { Scope } from '../shared/scope.ts';

const SECOND_AFTER_MS = 500;

/**
 * What `connect` makes in the scope it is given, which then stays open until `scope` closes; scopes
 * of attempts that lost are closed. The first failure counts as an answer too.
 */
export function connectTwice<T>(connect: (scope: Scope) => Promise<T>, clock: Clock, scope: Scope): Promise<T> {
  const timer = scope.child();
  const attempts = new Set<Scope>();
  return new Promise<T>((resolve, reject) => {
    const settle = (own: Scope, tell: () => void): void => {
      if (!attempts.delete(own)) return;
      for (const lost of attempts) void lost.close();
      attempts.clear();
      void timer.close();
      tell();
    };
    const attempt = (): void => {
      const own = scope.child();
      attempts.add(own);
      connect(own).then(
        (made) => settle(own, () => resolve(made)),
        (error: unknown) => settle(own, () => {
          void own.close();
          reject(error);
        }),
      );
    };
    clock.after('second attempt to connect', SECOND_AFTER_MS, timer, attempt);
    attempt();
  });
}
