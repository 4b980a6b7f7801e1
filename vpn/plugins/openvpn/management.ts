/**
 * The lines of openvpn's management interface that concern secrets (management-notes.txt, "password"),
 * and the answers to them. Total: what is no question is undefined.
 */

/** What openvpn wants or refused. */
export type Question =
  /** `challenge`: the text of a static challenge. */
  | { readonly kind: 'auth'; readonly challenge?: string }
  | { readonly kind: 'key' }
  | { readonly kind: 'authRefused'; readonly challenge?: string }
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
  // CRV1:FLAGS:STATE:USER:TEXT, a challenge of the server's
  const challenge = /\['CRV1:[^:]*:[^:]*:[^:]*:(.*)'\]$/.exec(rest)?.[1];
  return { kind: 'authRefused', ...(challenge !== undefined && { challenge }) };
}

/** A line that answers; blanks, quotes and backslashes are safe in it, line breaks are left out. */
export function answer(what: 'username' | 'password', of: 'Auth' | 'Private Key', text: string): string {
  const escaped = text.replace(/[\r\n\0]/g, '').replace(/[\\" ]/g, '\\$&');
  return `${what} "${of}" "${escaped}"`;
}
