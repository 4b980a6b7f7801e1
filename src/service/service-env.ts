/**
 * What services take from the core. Types only.
 */

import type { ServiceAgent } from '../agent/agent.ts';
import type { TimePolicy } from '../clock/settings.ts';
import type { ConnectionEnv } from './connection.ts';
import type { OwnSettings } from './own-settings.ts';
import type { RecordEnv } from './record.ts';

/** `Error` of a service. */
export type ServiceError = 'connect-failed' | 'dhcp-failed' | 'invalid-key' | 'blocked' | 'online-check-failed';

/** What services take from the core. */
export interface ServiceEnv extends ConnectionEnv, RecordEnv {
  /** The time servers of all services, put behind a service's own. */
  timeservers(): { readonly policy: TimePolicy; readonly global: readonly string[] };
  readonly agent: ServiceAgent;
  readonly ownSettings: OwnSettings;
}
