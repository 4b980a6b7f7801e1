/**
 * Questions to the user's VPN agent (net.connman.vpn.Agent RequestInput): fields out, texts back.
 * Invariant: a question ends, and every way it can fail is one VpnFailure with ConnMan's error.
 */

import { AgentError, type AgentRegistry } from '../src/daemon/agents.ts';
import type { vpnAgentInterface } from '../src/dbus/interfaces/vpn-agent.ts';
import { variant, type Variant } from '../src/dbus/signature.ts';
import { ConnmanError } from '../src/shared/errors.ts';
import { VpnFailure } from './driver.ts';

/** One line of a question. */
export interface Field {
  readonly key: string;
  readonly type: 'string' | 'password' | 'boolean';
  readonly requirement: 'mandatory' | 'optional' | 'informational' | 'control';
  readonly value?: string | boolean;
}

/** Whom to ask and about what. */
export interface Question {
  /** The connection's object path. */
  readonly path: string;
  readonly fields: readonly Field[];
  /** The bus name whose agent is asked first. */
  readonly preferred: string | undefined;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** The texts of the answer by field. Rejects with VpnFailure. */
export async function ask(
  agents: AgentRegistry<typeof vpnAgentInterface>, question: Question,
): Promise<ReadonlyMap<string, string>> {
  const { path, preferred, timeoutMs, signal } = question;
  const fields = new Map(question.fields.map((field) => [field.key, describe(field)] as const));
  try {
    const answer = await agents.request(
      preferred,
      (agent, options) => agent.RequestInput({ service: path, fields }, options),
      { timeoutMs, signal },
    );
    return texts(answer);
  } catch (error) {
    throw failureOf(error);
  }
}

function describe({ type, requirement, value }: Field): Variant {
  const entries: [string, Variant][] = [
    ['Type', variant('s', type)],
    ['Requirement', variant('s', requirement)],
  ];
  if (typeof value === 'boolean') entries.push(['Value', variant('b', value)]);
  else if (value !== undefined) entries.push(['Value', variant('s', value)]);
  return variant('a{sv}', new Map(entries));
}

// As ConnMan reads it: up to the first entry that is no text.
function texts(answer: ReadonlyMap<string, Variant>): ReadonlyMap<string, string> {
  const read = new Map<string, string>();
  for (const [key, value] of answer) {
    const text = value.as('s');
    if (text === undefined) break;
    read.set(key, text);
  }
  return read;
}

function failureOf(error: unknown): unknown {
  if (error instanceof AgentError) {
    return error.reason === 'Canceled'
      ? new VpnFailure('unknown', new ConnmanError('OperationCanceled'), 'idle')
      : new VpnFailure('auth', new ConnmanError('PermissionDenied'));
  }
  if (!(error instanceof ConnmanError)) return error;
  switch (error.code) {
    case 'NotRegistered':
      return new VpnFailure('unknown', error);
    case 'OperationTimeout':
      return new VpnFailure('unknown', error, 'idle');
    default: // an answer that is no dictionary
      return new VpnFailure('auth', new ConnmanError('PermissionDenied'));
  }
}
