/**
 * What is asked of users on behalf of captive portals; src/portal/dbus.ts asks.
 */

import type { Service } from '../service/service.ts';

/** What became of a request for a browser: `nobody` was there to be asked. */
export type BrowserAnswer = 'done' | 'dismissed' | 'nobody';

/** What a user says to a login: `browser` means rather that way. */
export type LoginAnswer =
  | { readonly kind: 'credentials'; readonly username: string; readonly password: string }
  | { readonly kind: 'browser' }
  | { readonly kind: 'refused' };

/** The default agent. `signal` withdraws the question; both reject with its reason, and with nothing else. */
export interface PortalAgent {
  requestBrowser(service: Service, url: string, signal: AbortSignal): Promise<BrowserAnswer>;
  requestLogin(service: Service, signal: AbortSignal): Promise<LoginAnswer>;
}
