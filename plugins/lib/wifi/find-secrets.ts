/**
 * What proves who we are to a network, from whoever knows it: a provisioning file, what is stored
 * unless it was refused, else the user, asked through an agent. Checked before it is tried.
 */

import { JoinError, type InputAnswer, type JoinContext, type ServiceKeys } from '../../../src/api.ts';
import { ConnmanError } from '../../../src/shared/errors.ts';
import { type Answer, isAnswered, readAnswer, type Wanted, wantedFields } from './credentials.ts';
import { type EapCredentials, passphraseComplaint, type Secrets } from './secrets.ts';
import type { Security } from './security.ts';
import { unescapeText } from '../../../src/shared/stored-text.ts';

/** What is to be joined. */
export interface Door {
  readonly security: Security;
  readonly hasWps: boolean;
  /** Somebody has just pushed the access point's button: no secret is needed. */
  readonly isWpsOpen: boolean;
}

/** What is asked of the machine. */
export interface SecretsEnv {
  /** Of the file system a file is on; undefined where there is no such file. */
  fileSystemId(path: string): string | undefined;
}

/** Where secrets may be found. */
export interface Sources {
  readonly context: JoinContext;
  readonly env: SecretsEnv;
  /** What a user said last and was refused. */
  readonly refused?: string | undefined;
}

/** What was found: a secret, or that WPS gives one, with a PIN or by push button. */
export type Found =
  | { readonly kind: 'secrets'; readonly secrets: Secrets }
  | { readonly kind: 'wps'; readonly pin: string | undefined };

/** Rejects with PassphraseRequired, InvalidArguments, JoinError (a secret that cannot be right), or as `ask`. */
export async function findSecrets(door: Door, { context, env, refused }: Sources, signal: AbortSignal): Promise<Found> {
  const { security } = door;
  if (security === 'none') return { kind: 'secrets', secrets: {} };
  const eap = security === 'ieee8021x' ? eapOf(context.provisioned, env) : undefined;
  if (security === 'ieee8021x' && eap === undefined) throw new ConnmanError('InvalidArguments');
  const known = { passphrase: knownPassphrase(context), identity: eap?.identity };
  if (eap?.method === 'tls') return found(security, known.passphrase, eap);
  const needsIdentity = eap !== undefined && known.identity === undefined;
  if (known.passphrase !== undefined && !needsIdentity) return found(security, known.passphrase, eap);
  if (door.isWpsOpen) return { kind: 'wps', pin: undefined };
  const wanted: Wanted = {
    security,
    isHidden: false,
    hasWps: door.hasWps,
    needsIdentity,
    phase2: eap?.phase2,
    previousPassphrase: (context.lastFailure === 'invalid-key' ? refused : undefined) ?? storedPassphrase(context),
  };
  const answer = await askFor(wanted, context, signal);
  if (answer.wpsPin !== undefined && answer.passphrase === undefined) {
    return { kind: 'wps', pin: checkedPin(answer.wpsPin) };
  }
  if (answer.passphrase === undefined) throw new ConnmanError('PassphraseRequired');
  const { identity = answer.identity } = known;
  return found(security, answer.passphrase, eap && { ...eap, ...(identity !== undefined && { identity }) });
}

/** Asks the user, unless what he has said already is enough. */
export async function askFor(wanted: Wanted, context: JoinContext, signal: AbortSignal): Promise<Answer> {
  if (context.answered !== undefined) {
    const said = readAnswer(context.answered);
    if (isAnswered({ ...wanted, isHidden: false }, said)) return said;
  }
  const isComplete = (given: InputAnswer): boolean => isAnswered(wanted, readAnswer(given));
  return readAnswer(await context.ask({ fields: wantedFields(wanted), isComplete }, signal));
}

/** What a provisioning file says of 802.1X; undefined where it names no method. */
export function eapOf(keys: ServiceKeys | undefined, env: SecretsEnv): EapCredentials | undefined {
  const method = keys?.EAP;
  if (keys === undefined || method === undefined) return undefined;
  const given = {
    identity: keys.Identity,
    anonymousIdentity: keys.AnonymousIdentity,
    caCertFile: keys.CACertFile,
    clientCertFile: keys.ClientCertFile,
    privateKeyFile: keys.PrivateKeyFile,
    privateKeyPassphrase: keyPassphrase(keys, env),
    phase2: keys.Phase2,
    subjectMatch: keys.SubjectMatch,
    altSubjectMatch: keys.AltSubjectMatch,
    domainSuffixMatch: keys.DomainSuffixMatch,
    domainMatch: keys.DomainMatch,
  };
  return { method, ...defined(given) };
}

// A key that only a machine with that file system can use.
function keyPassphrase(keys: ServiceKeys, env: SecretsEnv): string | undefined {
  const { PrivateKeyPassphrase, PrivateKeyPassphraseType, PrivateKeyFile } = keys;
  if (PrivateKeyPassphraseType !== 'fsid' || PrivateKeyFile === undefined) return PrivateKeyPassphrase;
  return env.fileSystemId(PrivateKeyFile) ?? PrivateKeyPassphrase;
}

function knownPassphrase(context: JoinContext): string | undefined {
  const provisioned = context.provisioned?.Passphrase;
  if (provisioned !== undefined) return provisioned;
  if (context.answered !== undefined || context.lastFailure === 'invalid-key') return undefined;
  return storedPassphrase(context);
}

function storedPassphrase({ stored, lastFailure, answered }: JoinContext): string | undefined {
  const text = stored.get('Passphrase');
  const isOfUse = answered === undefined || lastFailure === 'invalid-key';
  return text === undefined || !isOfUse ? undefined : unescapeText(text);
}

function found(security: Security, passphrase: string | undefined, eap: EapCredentials | undefined): Found {
  const complaint = passphrase === undefined ? undefined : passphraseComplaint(security, passphrase);
  if (complaint !== undefined) throw new JoinError('invalid-key', { cause: new Error(complaint) });
  return { kind: 'secrets', secrets: { ...defined({ passphrase, eap }) } };
}

function checkedPin(pin: string): string | undefined {
  if (pin === '') return undefined;
  if (/^\d{8}$/.test(pin)) return pin;
  throw new JoinError('invalid-key', { cause: new Error('a WPS PIN has eight digits') });
}

type Defined<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> };

// What is absent is no key at all.
function defined<T extends object>(given: T): Defined<T> {
  // Object.fromEntries knows nothing of the keys it is given.
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Defined<T>;
}
