/**
 * A service as those see it who work for it: the driver that joins its network, the connection that
 * configures its link.
 */

import type { ServiceAgent } from '../agent/agent.ts';
import type { JoinContext } from '../network.ts';
import type { Caller } from '../shared/caller.ts';
import { ConnmanError } from '../shared/errors.ts';
import type { ConnectReason } from './attempt.ts';
import type { ConnectionTarget } from './connection.ts';
import type { ServiceRecord } from './record.ts';
import type { Service } from './service.ts';

/** For the driver: what is known of the network, and whom to ask for more. */
export function joinContextOf(
  service: Service,
  record: ServiceRecord,
  agent: ServiceAgent,
  { reason, caller }: { reason: ConnectReason; caller: Caller | undefined },
): JoinContext {
  return {
    isFavorite: service.isFavorite,
    caller,
    lastFailure: service.error,
    stored: record.driverKeys,
    store: (keys) => record.keep(keys),
    ask: (question, signal) => {
      if (reason !== 'user') return Promise.reject(new ConnmanError('PassphraseRequired'));
      return agent.requestInput(service, question, caller, signal);
    },
  };
}

/** For the connection: what was decided and what is remembered. */
export function targetOf(service: Service, record: ServiceRecord): ConnectionTarget {
  return {
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
    remember: (change) => record.remember(change),
  };
}
