/**
 * The lines of openvpn's management interface that concern secrets (management-notes.txt, "password") and
 * the tunnel ("--management-up-down", "state"), and the answers to them. Total: what is neither is undefined.
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

/** What openvpn tells of its tunnel. */
export type Report =
  /** With what an up script would find in its environment. */
  | { readonly kind: 'up'; readonly environment: ReadonlyMap<string, string> }
  /** It stands, perhaps again and with another server than before. */
  | { readonly kind: 'connected'; readonly server: string }
  /** A configuration wants openvpn to wait for a word. */
  | { readonly kind: 'waiting' };

/** More variables than openvpn has for the longest chain of certificates and all routes it takes. */
const MAX_VARIABLES = 8192;

/** Reads reports, of which one may take many lines. */
export class ReportReader {
  #environment: Map<string, string> | undefined;

  read(line: string): Report | undefined {
    if (line === '>UPDOWN:UP') this.#environment = new Map();
    else if (line.startsWith('>UPDOWN:DOWN')) this.#environment = undefined;
    else if (line === '>UPDOWN:ENV,END') return this.#end();
    else if (line.startsWith('>UPDOWN:ENV,')) this.#note(line.slice('>UPDOWN:ENV,'.length));
    else if (line.startsWith('>HOLD:')) return { kind: 'waiting' };
    // >STATE:TIME,CONNECTED,SUCCESS,ADDRESS,SERVER,PORT,…
    const server = /^>STATE:\d*,CONNECTED,[^,]*,[^,]*,([^,]+)/.exec(line)?.[1];
    return server === undefined ? undefined : { kind: 'connected', server };
  }

  #note(variable: string): void {
    const equals = variable.indexOf('=');
    const environment = this.#environment;
    if (environment === undefined || equals < 0 || environment.size >= MAX_VARIABLES) return;
    environment.set(variable.slice(0, equals), variable.slice(equals + 1));
  }

  #end(): Report | undefined {
    const environment = this.#environment;
    this.#environment = undefined;
    return environment && { kind: 'up', environment };
  }
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
