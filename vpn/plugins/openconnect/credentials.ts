/**
 * How OpenConnect lets a user in (OpenConnect.AuthType), and what an agent is asked for each way. Order and
 * requirements of the fields are ConnMan's. Invariant: what an agent says is used and never shown.
 */

import type { Field, Session, Settings } from '../../api.ts';
import { afterRefusal, KEEPING, refused, secretField, told } from '../lib/questions.ts';

/** In front of every option. */
export const KEY = 'OpenConnect.';

/** What is forgotten once it was used or refused. */
export const SECRETS = ['Username', 'Password', 'SecondPassword', 'Cookie', 'PKCSPassword'].map((name) => KEY + name);

/** A way in. */
export type Mode = 'cookie' | 'cookie_with_userpass' | 'userpass' | 'publickey' | 'pkcs';

const MODES: readonly Mode[] = ['cookie', 'cookie_with_userpass', 'userpass', 'publickey', 'pkcs'];

/** The way in that the settings name. Throws VpnFailure where its certificate is not named. */
export function modeOf(settings: Settings): Mode {
  const mode = MODES.find((each) => each === settings.get(`${KEY}AuthType`)) ?? 'cookie';
  const certificates = { publickey: ['ClientCert', 'UserPrivateKey'], pkcs: ['PKCSClientCert'] };
  const needed = mode === 'publickey' || mode === 'pkcs' ? certificates[mode] : [];
  if (needed.some((name) => settings.get(KEY + name) === undefined)) throw refused();
  return mode;
}

/** Asks for what is not known yet. Rejects with VpnFailure. */
export async function askWhatLacks(session: Session, mode: Mode): Promise<void> {
  const { settings } = session;
  const needed = neededFor(mode, settings);
  if (needed.every((name) => settings.secret(KEY + name) !== undefined)) return;
  const answer = await session.ask(questionFor(session, mode, needed));
  for (const name of needed) {
    const value = answer.get(name) ?? answer.get(KEY + name);
    if (value === undefined || value === '') throw refused();
    settings.setHidden(KEY + name, value);
  }
  for (const name of ['ServerCert', 'VPNHost']) {
    const value = answer.get(KEY + name);
    if (mode === 'cookie' && value !== undefined && value !== '') settings.setHidden(KEY + name, value);
  }
}

function neededFor(mode: Mode, settings: Settings): string[] {
  switch (mode) {
    case 'cookie':
      return ['Cookie'];
    case 'cookie_with_userpass':
    case 'userpass':
      return ['Username', 'Password', ...(settings.flag(`${KEY}UseSecondPassword`) ? ['SecondPassword'] : [])];
    case 'publickey':
      return [];
    case 'pkcs':
      return ['PKCSPassword'];
  }
}

function questionFor(session: Session, mode: Mode, needed: readonly string[]): Field[] {
  const { settings } = session;
  const known = (name: string): Field[] => {
    const value = settings.secret(KEY + name);
    return value === undefined ? [] : [told(KEY + name, value)];
  };
  const choice = (name: string): Field[] => {
    const value = settings.secret(KEY + name);
    return [{ key: KEY + name, type: 'string', requirement: 'optional', ...(value !== undefined && { value }) }];
  };
  const isCookie = mode === 'cookie' || mode === 'cookie_with_userpass';
  const wanted = needed.map((name): Field => {
    const isOpen = name === 'Username' || name === 'Cookie';
    const field = secretField(settings, KEY + name, isOpen ? 'string' : 'password');
    return name === 'Username' || name === 'Password' ? { ...field, key: name } : field;
  });
  return [
    ...known('CACert'),
    ...(isCookie ? [...choice('ServerCert'), ...choice('VPNHost')] : [...known('ServerCert'), ...known('VPNHost')]),
    ...afterRefusal(session),
    ...(mode === 'pkcs' ? [...known('PKCSClientCert'), ...KEEPING] : []),
    ...wanted,
  ];
}
