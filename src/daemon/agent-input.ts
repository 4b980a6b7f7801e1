/**
 * Questions to agents as plain data, and their way over the bus: the fields of RequestInput of
 * net.connman.Agent and net.connman.vpn.Agent, and what is answered.
 */

import { variant, type Variant } from '../dbus/signature.ts';
import { ConnmanError } from '../shared/errors.ts';

/** One thing to ask for, or to show. */
export interface InputField {
  readonly name: string;
  /** ConnMan's words; they decide how a client asks (hidden, digits …). */
  readonly type: 'psk' | 'wep' | 'passphrase' | 'password' | 'response' | 'string' | 'ssid' | 'wpspin' | 'boolean';
  readonly requirement: 'mandatory' | 'optional' | 'alternate' | 'informational' | 'control';
  /** Fields any of which will do instead. */
  readonly alternates?: readonly string[];
  /** What is known already. */
  readonly value?: string;
}

/** Values by field. */
export type InputAnswer = ReadonlyMap<string, string | Uint8Array>;

/** What to ask; an answer that is not complete is asked for again. */
export interface InputQuestion {
  readonly fields: readonly InputField[];
  isComplete(answer: InputAnswer): boolean;
}

/** The fields as RequestInput takes them. */
export function encodeFields(fields: readonly InputField[]): ReadonlyMap<string, Variant> {
  return new Map(fields.map(({ name, type, requirement, alternates, value }) => [
    name,
    variant('a{sv}', new Map([
      ['Type', variant('s', type)],
      ['Requirement', variant('s', requirement)],
      ...(alternates === undefined ? [] : [['Alternates', variant('as', alternates)] as const]),
      ...(value === undefined ? [] : [['Value', variant('s', value)] as const]),
    ])),
  ]));
}

/**
 * Reads an answer; keys that were not asked for are left out. Throws InvalidArguments for a value
 * that is neither text nor, for a field of type `ssid`, bytes.
 */
export function decodeAnswer(answer: ReadonlyMap<string, Variant>, fields: readonly InputField[]): InputAnswer {
  const read = new Map<string, string | Uint8Array>();
  for (const { name, type } of fields) {
    const given = answer.get(name);
    if (given === undefined) continue;
    const value = type === 'ssid' ? given.as('ay') : given.as('s');
    if (value === undefined) throw new ConnmanError('InvalidArguments');
    read.set(name, value);
  }
  return read;
}
