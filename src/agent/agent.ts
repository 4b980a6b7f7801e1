/**
 * What services ask of users, through the agents of their programs; src/agent/dbus.ts asks.
 */

import type { InputAnswer, InputQuestion } from '../daemon/agent-input.ts';
import type { Service } from '../service/service.ts';
import type { Caller } from '../shared/caller.ts';

/** What became of an error that agents were told of. */
export type ErrorAnswer = 'retry' | 'dismissed' | 'nobody';

/** Whose agent is asked about what: that of `caller`, or any. `signal` withdraws the question. */
export interface ServiceAgent {
  /** Tells that `service` failed. */
  reportError(service: Service, caller: Caller | undefined, signal: AbortSignal): Promise<ErrorAnswer>;
  /**
   * Asks for what `service` needs. Rejects with the reason of `signal`, or ConnmanError:
   * NotRegistered, OperationAborted (cancelled), OperationTimeout, InvalidArguments.
   */
  requestInput(
    service: Service, question: InputQuestion, caller: Caller | undefined, signal: AbortSignal,
  ): Promise<InputAnswer>;
}
