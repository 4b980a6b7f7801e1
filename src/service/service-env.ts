/**
 * What services take from the core. Types only.
 */

import type { ServiceAgent } from '../agent/agent.ts';
import type { Explain } from '../explain.ts';
import type { AddressProgress } from '../ipconfig/session.ts';
import type { TimePolicy } from '../clock/settings.ts';
import type { Network } from '../network.ts';
import type { Mptcp } from '../mptcp.ts';
import type { Attempt } from './attempt.ts';
import type { ConnectionEnv } from './connection.ts';
import type { OwnChoices } from './own-choices.ts';
import type { OwnSettings } from './own-settings.ts';
import type { RecordEnv } from './record.ts';
import type { Service } from './service.ts';

/** `Error` of a service. */
export type ServiceError = 'connect-failed' | 'dhcp-failed' | 'invalid-key' | 'blocked' | 'online-check-failed';

/** How a connection comes about. */
export interface ServiceProgress {
  /** The last attempt; undefined before the first. */
  readonly attempt: Pick<Attempt, 'failure' | 'isAskingForInput' | 'isAskingToRetry'> | undefined;
  /** Of IPv4, while there is a connection. */
  readonly address: AddressProgress | undefined;
}

/** What services take from the core. */
export interface ServiceEnv extends ConnectionEnv, RecordEnv {
  /** The time servers of all services, put behind a service's own. */
  timeservers(): { readonly policy: TimePolicy; readonly global: readonly string[] };
  readonly agent: ServiceAgent;
  readonly ownSettings: OwnSettings;
  readonly choices: OwnChoices;
  readonly explain: Explain;
  readonly mptcp: Mptcp;
  readonly others: OtherServices;
}

/** What a service may do with the others. */
export interface OtherServices {
  /** Has those leave that are in the way of `service`: a device is in one network at a time. */
  makeRoom(service: Service): void;
  /** Has `service` take its place among them, as clients see it. */
  reorder(service: Service): void;
  of(network: Network): Service | undefined;
}
