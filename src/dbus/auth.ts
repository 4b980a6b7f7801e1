/**
 * The client's side of D-Bus authentication (D-Bus specification, "Authentication Protocol"): the
 * EXTERNAL mechanism without a name, so that the socket's credentials say who we are in whatever
 * user namespace, then NEGOTIATE_UNIX_FD. A pure machine: lines in, lines out.
 */

import { DBusError } from './errors.ts';

/** What is sent first, its NUL included. */
export const AUTH_GREETING = '\0AUTH EXTERNAL\r\n';

/** Where the conversation is: what answer is awaited. */
export type AuthState =
  | { readonly name: 'challenge' }
  | { readonly name: 'verdict' }
  | { readonly name: 'descriptors' }
  | { readonly name: 'done'; readonly canPassFds: boolean };

/** Answers one line of the server's. Throws DBusError `AuthFailed` when there is no way on. */
export function authStep(state: AuthState, line: string, wantsFds: boolean): { state: AuthState; send?: string } {
  const word = /^[A-Z_]+/.exec(line)?.[0];
  switch (state.name) {
    case 'challenge':
      if (word === 'OK') return accepted(wantsFds);
      if (word === 'DATA') return { state: { name: 'verdict' }, send: 'DATA\r\n' };
      throw refused(line);
    case 'verdict':
      if (word === 'OK') return accepted(wantsFds);
      throw refused(line);
    case 'descriptors':
      return begin(word === 'AGREE_UNIX_FD');
    case 'done':
      throw refused(line);
  }
}

function accepted(wantsFds: boolean): { state: AuthState; send: string } {
  return wantsFds ? { state: { name: 'descriptors' }, send: 'NEGOTIATE_UNIX_FD\r\n' } : begin(false);
}

function begin(canPassFds: boolean): { state: AuthState; send: string } {
  return { state: { name: 'done', canPassFds }, send: 'BEGIN\r\n' };
}

function refused(line: string): DBusError {
  return new DBusError(
    'org.freedesktop.DBus.Error.AuthFailed',
    `the bus does not let us in: ${JSON.stringify(line.slice(0, 200))}`,
  );
}
