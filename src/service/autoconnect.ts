/**
 * Which services to connect by themselves, as ConnMan decides: walk the list in its order, stop at
 * the first that is up or coming up, and skip what the user left or what cannot connect. Pure.
 */

import type { ServiceType } from '../types.ts';
import { isActive, isConnecting, type ServiceState } from './state.ts';

/** What the decision looks at. */
export interface Candidate {
  readonly type: ServiceType;
  readonly state: ServiceState;
  readonly isFavorite: boolean;
  readonly isAutoconnect: boolean;
  /** The user disconnected it; only the user brings it back. */
  readonly isIgnored: boolean;
  /** At least one address family may be configured. */
  readonly isConfigurable: boolean;
  /** Its device is on, and is not about to be turned off. */
  readonly isReachable: boolean;
}

/** What main.conf says of it. */
export interface AutoconnectOptions {
  readonly preferredTechnologies: readonly ServiceType[];
  readonly alwaysConnectedTechnologies: readonly ServiceType[];
}

/** The services to connect now, from `services` in their order. */
export function chooseAutoconnect<S extends Candidate>(services: readonly S[], options: AutoconnectOptions): S[] {
  const preferred = options.preferredTechnologies.flatMap((type) =>
    services.filter((service) => service.type === type),
  );
  const chosen = walk(preferred, options, 'skip');
  const isComingUp = (service: S): boolean => isConnecting(service.state);
  return chosen.length > 0 || preferred.some(isComingUp) ? chosen : walk(services, options, 'stop');
}

function walk<S extends Candidate>(
  services: readonly S[],
  options: AutoconnectOptions,
  nonFavorite: 'skip' | 'stop',
): S[] {
  const chosen: S[] = [];
  const handledTypes = new Set<ServiceType>();
  for (const service of services) {
    if (service.type === 'vpn' || handledTypes.has(service.type)) continue;
    const isAlways = options.alwaysConnectedTechnologies.includes(service.type);
    if (isActive(service.state)) {
      if (!isAlways) return chosen;
      handledTypes.add(service.type);
      continue;
    }
    if (!service.isFavorite) {
      if (nonFavorite === 'stop') return chosen;
      continue;
    }
    if (!mayConnect(service)) continue;
    chosen.push(service);
    if (!isAlways) return chosen;
    handledTypes.add(service.type); // an always connected technology has one service up, not all
  }
  return chosen;
}

function mayConnect(service: Candidate): boolean {
  return (
    service.state === 'idle' &&
    service.isAutoconnect &&
    !service.isIgnored &&
    service.isConfigurable &&
    service.isReachable
  );
}
