/**
 * The states of a service; the words are what clients read on D-Bus (ConnMan's).
 */

/** What a service is doing. `disconnect` is passed through on the way to `idle`. */
export type ServiceState = 'idle' | 'association' | 'configuration' | 'ready' | 'online' | 'disconnect' | 'failure';

/** Whether addresses are in use: `ready` or `online`. */
export function isConnected(state: ServiceState): boolean {
  return state === 'ready' || state === 'online';
}

/** Whether the service is on its way up. */
export function isConnecting(state: ServiceState): boolean {
  return state === 'association' || state === 'configuration';
}

/** Whether the service is up or on its way there. */
export function isActive(state: ServiceState): boolean {
  return isConnecting(state) || isConnected(state);
}

/** Whether one state after the other is a connection that has come about. */
export function isNewConnection(before: ServiceState, after: ServiceState): boolean {
  return after === 'ready' && before !== 'online';
}

/** From one state to another; `isShown`: for clients, too. */
export interface StateChange {
  readonly before: ServiceState;
  readonly after: ServiceState;
  readonly isShown: boolean;
}
