/**
 * The words of explanations: causes and next steps as codes that programs rely on. Additions only.
 */

import type { CAUSES, STEPS } from './sentences.ts';

/** Why something is as it is. */
export type Cause = keyof typeof CAUSES;

/** What happens next, or what somebody has to do. */
export type Step = keyof typeof STEPS;

/** One thing that was found out. */
export interface Finding {
  /** Identifier of a service, type of a technology, name of an interface, or `host`. */
  readonly subject: string;
  readonly about: 'power' | 'connected' | 'default' | 'online' | 'tethering';
  readonly cause: Cause;
  readonly facts: Facts;
  readonly next: Step;
  /** Until it happens by itself. */
  readonly inMs?: number;
}

/** What the cause is known by, in D-Bus's spelling. */
export type Facts = Readonly<Record<string, string | number | readonly string[]>>;
