/**
 * What openconnect(8) says: on standard error why it failed, on standard output what a login gave. Read as
 * untrusted text; total.
 */

import { ConnmanError } from '../../../src/shared/errors.ts';
import { VpnFailure } from '../../api.ts';
import { refused } from '../lib/questions.ts';

/** What openconnect says on standard error that decides how it failed. */
export class Notes {
  /** Why it failed, as far as it has said. */
  failure: VpnFailure | undefined;
  /** Of a certificate that it would not take. */
  fingerprint: string | undefined;

  /** Takes a line in. */
  read(line: string): void {
    const fingerprint = /^\s+--servercert (\S+)$/.exec(line)?.[1];
    if (fingerprint !== undefined) this.fingerprint = fingerprint;
    const isRefused =
      /^(Got inappropriate HTTP CONNECT response: HTTP\/1\.1 401|VPN service unavailable|(Login|Auth\w+) failed)/;
    if (isRefused.test(line)) this.failure = refused();
    const isUnreachable = /^Failed to (connect to|open HTTPS connection to|reconnect to host)/;
    if (isUnreachable.test(line)) this.failure = new VpnFailure('connect', new ConnmanError('NotConnected'));
  }
}

/** `NAME='value'` lines, as for a shell. */
export function readAnswer(output: Uint8Array): Readonly<Record<string, string | undefined>> {
  const text = Buffer.from(output).toString('utf8');
  return Object.fromEntries(
    [...text.matchAll(/^([A-Z_]+)='((?:[^']|'\\'')*)'$/gm)].map(([, name = '', value = '']) => [
      name,
      value.replaceAll("'\\''", "'"),
    ]),
  );
}
