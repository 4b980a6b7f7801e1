/**
 * The lines of openvpn's management interface that concern secrets (management-notes.txt, "password"),
 * and the answers to them. Total: what is no question is undefined.
 */

/** A question of the server's, asked once the password was right (management-notes.txt, "dynamic challenge"). */
export interface DynamicChallenge {
  readonly state: string;
  readonly username: string;
  readonly text: string;
}

/** What openvpn wants or refused. */
export type Question =
  /** `challenge`: the text of a static challenge. */
  | { readonly kind: 'auth'; readonly challenge?: string }
  | { readonly kind: 'key' }
  | { readonly kind: 'authRefused'; readonly dynamic?: DynamicChallenge }
  | { readonly kind: 'keyRefused' };

/** Reads a line. */
export function parseQuestion(line: string): Question | undefined {
  const [, what, kind, rest = ''] = /^>PASSWORD:(Need|Verification Failed:) '(Auth|Private Key)'(.*)$/.exec(line) ?? [];
  if (what === undefined) return undefined;
  if (kind === 'Private Key') return { kind: what === 'Need' ? 'key' : 'keyRefused' };
  if (what === 'Need') {
    const challenge = /SC:[01],(.*)$/.exec(rest)?.[1];
    return { kind: 'auth', ...(challenge !== undefined && { challenge }) };
  }
  // CRV1:FLAGS:STATE:USER:TEXT, the user in base64
  const [, state, user, text] = /\['CRV1:[^:]*:([^:]*):([^:]*):(.*)'\]$/.exec(rest) ?? [];
  if (state === undefined || user === undefined || text === undefined) return { kind: 'authRefused' };
  return { kind: 'authRefused', dynamic: { state, username: Buffer.from(user, 'base64').toString(), text } };
}

/** The password that answers a static challenge: both in base64. */
export function staticResponse(password: string, response: string): string {
  return `SCRV1:${Buffer.from(password).toString('base64')}:${Buffer.from(response).toString('base64')}`;
}

/** The password that answers a dynamic challenge. */
export function dynamicResponse({ state }: DynamicChallenge, response: string): string {
  return `CRV1::${state}::${response}`;
}

/** A line that answers; blanks, quotes and backslashes are safe in it, line breaks are left out. */
export function answer(what: 'username' | 'password', of: 'Auth' | 'Private Key', text: string): string {
  const escaped = text.replace(/[\r\n\0]/g, '').replace(/[\\" ]/g, '\\$&');
  return `${what} "${of}" "${escaped}"`;
}
