/**
 * What main.conf says of the online check, in the terms of src/online-check.
 */

import type { GeneralOptions } from '../daemon/main-conf.ts';
import type { CheckOptions } from '../online-check/check.ts';

/** The options for one address family; undefined when nothing shall be checked. */
export function checkOptions(options: GeneralOptions, family: 4 | 6, version: string): CheckOptions | undefined {
  const mode = options.OnlineCheckMode;
  if (mode === 'none') return undefined;
  return {
    url: family === 4 ? options.OnlineCheckIPv4URL : options.OnlineCheckIPv6URL,
    mode,
    connectTimeoutMs: options.OnlineCheckConnectTimeout * 1000,
    initialInterval: options.OnlineCheckInitialInterval,
    maxInterval: options.OnlineCheckMaxInterval,
    intervalStyle: options.OnlineCheckIntervalStyle,
    failuresThreshold: options.OnlineCheckFailuresThreshold,
    successesThreshold: options.OnlineCheckSuccessesThreshold,
    version,
  };
}
