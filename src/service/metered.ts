/**
 * Whether a network costs by what is carried: set by somebody, or guessed. Phones that share their
 * connection say so in option 43 of DHCP (RFC 2132, 8.4), mobile networks usually do.
 */

import { OPTION } from '../dhcp/options.ts';
import { ConnmanError } from '../shared/errors.ts';
import type { OwnSettings } from './own-settings.ts';
import type { Service } from './service.ts';

/** Set, or as far as can be guessed. */
export type Metered = 'yes' | 'no' | 'guess-yes' | 'guess-no';

const KEY = 'Metered';
/** What Android puts into option 43. */
const SIGN_OF_A_PHONE = 'ANDROID_METERED';

/** What is looked at of a service. */
export interface MeteredService extends Pick<Service, 'identifier' | 'type'> {
  readonly inUse: Pick<Service['inUse'], 'lease'>;
}

/** As it is now. */
export function meteredOf(service: MeteredService, settings: OwnSettings): Metered {
  const set = settings.get(service.identifier, KEY);
  if (set === 'yes' || set === 'no') return set;
  const vendor = service.inUse.lease?.options.get(OPTION.vendorInformation);
  const isPhone = vendor !== undefined && Buffer.from(vendor).includes(SIGN_OF_A_PHONE);
  return isPhone || service.type === 'cellular' ? 'guess-yes' : 'guess-no';
}

/** `yes` and `no` are kept, `auto` goes back to guessing. Throws InvalidArguments. */
export function setMetered(service: Pick<Service, 'identifier'>, settings: OwnSettings, value: string): void {
  if (!['yes', 'no', 'auto'].includes(value)) throw new ConnmanError('InvalidArguments');
  settings.set(service.identifier, KEY, value === 'auto' ? undefined : value);
}
