/**
 * How a failed check is told in the log: a negative errno and its text, as ConnMan does, but with
 * the errno that fits where ConnMan says "Invalid argument" to everything.
 */

import type { FailureReason, Outcome } from './machine.ts';

const TEXTS: Readonly<Record<FailureReason, string>> = {
  url: '-22: Invalid argument',
  dns: '-2: No such file or directory',
  refused: '-111: Connection refused',
  unreachable: '-101: Network is unreachable',
  connectTimeout: '-110: Connection timed out',
  timeout: '-110: Connection timed out',
  reset: '-104: Connection reset by peer',
  malformed: '-74: Bad message',
  tooLarge: '-90: Message too long',
  tls: '-71: Protocol error',
  route: '-101: Network is unreachable',
  status: '-22: Invalid argument',
};

/** `-N: text`, and in parentheses what was seen. */
export function formatFailure(outcome: Extract<Outcome, { kind: 'failed' }>): string {
  return `${TEXTS[outcome.reason]} (${outcome.detail})`;
}
