/**
 * Asks the default agent on behalf of captive portals: RequestBrowser, and RequestInput for user name
 * and password (net.connman.Agent).
 */

import { AgentError, type AgentRegistry } from '../daemon/agents.ts';
import type { agentInterface } from '../dbus/interfaces/agent.ts';
import { variant, type Variant } from '../dbus/signature.ts';
import { servicePath } from '../service/dbus.ts';
import { messageOf } from '../shared/errors.ts';
import { logger } from '../shared/log.ts';
import type { LoginAnswer, PortalAgent } from './agent.ts';

const log = logger('src/portal/dbus.ts');

/** What main.conf says of agents. */
export interface PortalAgentOptions {
  readonly BrowserLaunchTimeout: number;
  readonly InputRequestTimeout: number;
}

/** Users, as far as `agents` reach them. */
export function portalAgent(agents: AgentRegistry<typeof agentInterface>, options: PortalAgentOptions): PortalAgent {
  return {
    async requestBrowser(service, url, signal) {
      if (!agents.hasAgent) return 'nobody';
      const args = { service: servicePath(service), url };
      const timeoutMs = options.BrowserLaunchTimeout * 1000;
      try {
        await agents.request(undefined, (agent, how) => agent.RequestBrowser(args, how), { timeoutMs, signal });
        return 'done';
      } catch (error) {
        signal.throwIfAborted();
        log.debug('%s: RequestBrowser: %s', service.identifier, messageOf(error));
        return agents.hasAgent ? 'dismissed' : 'nobody';
      }
    },
    async requestLogin(service, signal) {
      const args = { service: servicePath(service), fields: LOGIN_FIELDS };
      const timeoutMs = options.InputRequestTimeout * 1000;
      try {
        const answer = await agents.request(undefined, (agent, how) => agent.RequestInput(args, how), {
          timeoutMs, signal, isComplete: (fields) => credentialsOf(fields) !== undefined,
        });
        return credentialsOf(answer) ?? { kind: 'refused' };
      } catch (error) {
        signal.throwIfAborted();
        log.debug('%s: RequestInput: %s', service.identifier, messageOf(error));
        const wantsBrowser = !agents.hasAgent || (error instanceof AgentError && error.reason === 'LaunchBrowser');
        return { kind: wantsBrowser ? 'browser' : 'refused' };
      }
    },
  };
}

function field(type: string): Variant {
  return variant('a{sv}', new Map([['Type', variant('s', type)], ['Requirement', variant('s', 'mandatory')]]));
}

const LOGIN_FIELDS: ReadonlyMap<string, Variant> = new Map([
  ['Username', field('string')],
  ['Password', field('passphrase')],
]);

function credentialsOf(fields: ReadonlyMap<string, Variant>): LoginAnswer | undefined {
  const [username, password] = [fields.get('Username')?.as('s'), fields.get('Password')?.as('s')];
  return username === undefined || password === undefined ? undefined : { kind: 'credentials', username, password };
}
