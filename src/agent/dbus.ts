/**
 * What is asked of users' agents on behalf of services (net.connman.Agent).
 */

import { AgentError, type AgentRegistry } from '../daemon/agents.ts';
import type { agentInterface } from '../dbus/interfaces/agent.ts';
import { servicePath } from '../service/dbus.ts';
import type { ServiceEnv } from '../service/service.ts';
import { logger } from '../shared/log.ts';

const log = logger('src/agent/dbus.ts');

/** Tells agents of failed services; they have `timeoutSec` (InputRequestTimeout) to answer. */
export function errorReporter(
  agents: AgentRegistry<typeof agentInterface>,
  timeoutSec: number,
): ServiceEnv['reportError'] {
  return async (service, caller, signal) => {
    const { error } = service;
    if (!agents.hasAgent || error === undefined) return 'nobody';
    const args = { service: servicePath(service), error };
    const options = { timeoutMs: timeoutSec * 1000, signal };
    try {
      await agents.request(caller?.id, (agent, how) => agent.ReportError(args, how), options);
      return 'dismissed';
    } catch (refusal) {
      log.debug('%s: ReportError: %s', service.identifier, refusal instanceof Error ? refusal.message : refusal);
      return refusal instanceof AgentError && refusal.reason === 'Retry' ? 'retry' : 'dismissed';
    }
  };
}
