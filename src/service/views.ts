/**
 * A service as those see it who work for it: the driver that joins its network, the connection that
 * configures its link.
 */

import type { StopMode } from '../ipconfig/session.ts';
import type { JoinContext } from '../network.ts';
import { ConnmanError } from '../shared/errors.ts';
import type { Attempt, AttemptHooks } from './attempt.ts';
import type { ConnectionTarget } from './connection.ts';
import type { ServiceRecord } from './record.ts';
import type { Service } from './service.ts';
import type { ServiceEnv } from './service-env.ts';

/** For the driver: what is known of the network, and whom to ask for more. */
export function joinContextOf(
  service: Service,
  record: ServiceRecord,
  { agent, others, choices }: Pick<ServiceEnv, 'agent' | 'others' | 'choices'>,
  attempt: Attempt,
): JoinContext {
  const { reason, caller, answered } = attempt.wish;
  return {
    isFavorite: service.isFavorite,
    caller,
    lastFailure: service.error,
    stored: record.driverKeys,
    store: (keys) => record.keep(keys),
    ask: (question, signal) => {
      if (reason !== 'user') return Promise.reject(new ConnmanError('PassphraseRequired'));
      return attempt.ask(async () => {
        const answer = await agent.requestInput(service, question, caller, signal);
        service.forgetError();
        return answer;
      });
    },
    provisioned: service.provisioned?.entry.keys,
    begin: () => service.showAttempt(),
    choice: (name) => service.provisioned?.entry.keys[name] ?? choices.wifiChoice(service, name),
    answered,
    handOver(network, given) {
      const other = others.of(network);
      if (other === undefined) throw new ConnmanError('NotFound');
      attempt.moveTo(Promise.resolve().then(() => other.connect('user', caller, given)));
      service.leave('withdraw');
    },
  };
}

/** Leaves its network, unless the daemon stops and the link is one that the next daemon takes over. */
export function leaveNetwork({ network: { control } }: Service, mode: StopMode): Promise<void> | undefined {
  return mode === 'keep' && control.outlivesDaemon === true ? undefined : control.disconnect();
}

/** For an attempt that failed: what an agent may decide of it. */
export function failureHooksOf(service: Service, agent: ServiceEnv['agent']): AttemptHooks {
  return {
    // What failed a VPN its own daemon's agent knows.
    ask: (caller, signal) =>
      service.tunnel === undefined ? agent.reportError(service, caller, signal) : Promise.resolve('nobody'),
    isStillFailed: () => service.state === 'failure',
    settle: () => service.settleFailure(),
    connect: (reason, caller) => service.connect(reason, caller),
  };
}

/** For the connection: what was decided and what is remembered. */
export function targetOf(service: Service, record: ServiceRecord, env: ServiceEnv): ConnectionTarget {
  const { choices } = env;
  return {
    isNeverDefault: () => choices.isNeverDefault(service),
    isChecked: () => choices.isChecked(service) && !choices.isNeverDefault(service),
    hostname: () => choices.hostnameFor(service, env.hostname()),
    identifier: service.identifier,
    device: service.network.device,
    configuration: () => service.configuration,
    nameservers() {
      const { nameservers } = service.configuration;
      return nameservers.length > 0 ? nameservers : (service.provisioned?.entry.keys.Nameservers ?? []);
    },
    lease: record.lease,
    lastAddress: record.lastAddress,
    ipv6Memory: () => record.ipv6,
    prefixWish: service.prefixWish,
    remember: (change) => record.remember(change),
  };
}
