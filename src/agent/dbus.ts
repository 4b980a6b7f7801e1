/**
 * What is asked of users' agents on behalf of services (net.connman.Agent).
 */

import { decodeAnswer, encodeFields } from '../daemon/agent-input.ts';
import { AgentError, type AgentRegistry, toConnmanError } from '../daemon/agents.ts';
import type { agentInterface } from '../dbus/interfaces/agent.ts';
import { servicePath } from '../service/dbus.ts';
import { messageOf } from '../shared/errors.ts';
import { logger } from '../shared/log.ts';
import type { ServiceAgent } from './agent.ts';

const log = logger('src/agent/dbus.ts');

type Agents = AgentRegistry<typeof agentInterface>;

/** Users, as far as `agents` reach them; they have `timeoutSec` (InputRequestTimeout) to answer. */
export function serviceAgent(agents: Agents, timeoutSec: number): ServiceAgent {
  const timeoutMs = timeoutSec * 1000;
  return { reportError: errorReporter(agents, timeoutMs), requestInput: inputRequester(agents, timeoutMs) };
}

function errorReporter(agents: Agents, timeoutMs: number): ServiceAgent['reportError'] {
  return async (service, caller, signal) => {
    const { error } = service;
    if (!agents.hasAgent || error === undefined) return 'nobody';
    const args = { service: servicePath(service), error };
    try {
      await agents.request(caller?.id, (agent, how) => agent.ReportError(args, how), { timeoutMs, signal });
      return 'dismissed';
    } catch (refusal) {
      log.debug('%s: ReportError: %s', service.identifier, messageOf(refusal));
      return refusal instanceof AgentError && refusal.reason === 'Retry' ? 'retry' : 'dismissed';
    }
  };
}

function inputRequester(agents: Agents, timeoutMs: number): ServiceAgent['requestInput'] {
  return async (service, { fields, isComplete }, caller, signal) => {
    const args = { service: servicePath(service), fields: encodeFields(fields) };
    try {
      const answer = await agents.request(caller?.id, (agent, how) => agent.RequestInput(args, how), {
        timeoutMs,
        signal,
        isComplete: (given) => isComplete(decodeAnswer(given, fields)),
      });
      return decodeAnswer(answer, fields);
    } catch (error) {
      if (signal.aborted) throw error;
      throw toConnmanError(error);
    }
  };
}
