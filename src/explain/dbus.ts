/**
 * Explanations on the bus, as dictionaries: Subject, About, Cause, Facts, Next, NextIn (seconds, where
 * it happens by itself) and Text.
 */

import { variant, type Variant } from '../dbus/signature.ts';
import type { Explanation } from '../explain.ts';
import type { Facts } from './finding.ts';

/** For Explain of net.causeway.Manager1, Service1 and Technology1. */
export function explanationDictionary(explanation: Explanation): Map<string, Variant> {
  const { subject, about, cause, facts, next, inMs, text } = explanation;
  return new Map([
    ['Subject', variant('s', subject)],
    ['About', variant('s', about)],
    ['Cause', variant('s', cause)],
    ['Facts', variant('a{sv}', factsDictionary(facts))],
    ['Next', variant('s', next)],
    ...(inMs === undefined ? [] : [['NextIn', variant('d', inMs / 1000)] as const]),
    ['Text', variant('s', text)],
  ]);
}

function factsDictionary(facts: Facts): Map<string, Variant> {
  return new Map(Object.entries(facts).map(([key, value]) => [key, factVariant(value)]));
}

function factVariant(value: Facts[string]): Variant {
  if (typeof value === 'string') return variant('s', value);
  return typeof value === 'number' ? variant('u', value) : variant('as', value);
}
