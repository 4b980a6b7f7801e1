/**
 * D-Bus values as ConnMan's console prints them, and as JSON. The former was recorded from Debian's
 * connmanctl 1.41 for every type (test/transcripts), oddities included: scripts read it.
 */

import {
  ARRAY,
  BOOLEAN,
  DICT_ENTRY,
  DOUBLE,
  INT16,
  INT64,
  SIGNATURE,
  STRUCT,
  UINT32,
  VARIANT,
  type CompleteType,
  parseCompleteType,
} from '../dbus/complete-type.ts';
import { Variant } from '../dbus/signature.ts';
import type { Show } from './text.ts';

/** A dictionary of properties. */
export type Properties = ReadonlyMap<string, Variant>;

/** `  Key = Value` a line, each ended; an empty dictionary is an empty line. */
export function formatProperties(properties: Properties, show: Show): string {
  return formatLines([...properties].map(([key, value]) => `  ${show(key)} = ${formatVariant(value, show)}`));
}

/** What connmanctl does with every list: an empty one is an empty line. */
export function formatLines(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`;
}

/** The value inside a variant. */
export function formatVariant(variant: Variant, show: Show): string {
  return formatValue(variant.value, parseCompleteType(variant.signature), show);
}

/** `[ Key=Value, … ]`. */
export function formatDictionary(properties: Properties, show: Show): string {
  const entries = [...properties].map(([key, value]) => `${show(key)}=${formatVariant(value, show)}`);
  return `[ ${entries.join(', ')} ]`;
}

function formatValue(value: unknown, type: CompleteType, show: Show): string {
  switch (type.code) {
    case VARIANT:
      return value instanceof Variant ? formatVariant(value, show) : '';
    case BOOLEAN:
      return value === true ? 'True' : 'False';
    case DOUBLE:
      return typeof value === 'number' ? value.toFixed(6) : '';
    case UINT32:
      return typeof value === 'number' ? String(value | 0) : ''; // printed as signed
    case INT16:
    case INT64:
    case SIGNATURE:
      return `<type ${type.signature}>`;
    case STRUCT:
      return `{ ${parts(value, type.parts, show).join(' ')} }`;
    case ARRAY:
      return `[ ${elements(value, type, show).join(', ')} ]`;
    default:
      return show(String(value));
  }
}

function parts(value: unknown, types: readonly CompleteType[], show: Show): string[] {
  const fields: readonly unknown[] = Array.isArray(value) ? value : [];
  return types.map((type, index) => formatValue(fields[index], type, show));
}

function elements(value: unknown, { parts: [element] }: CompleteType, show: Show): string[] {
  if (element === undefined) return [];
  const [keyType, valueType] = element.parts;
  if (element.code === DICT_ENTRY && value instanceof Map && keyType !== undefined && valueType !== undefined) {
    const entries: readonly (readonly [unknown, unknown])[] = [...value];
    return entries.map(([key, inner]) => `${formatValue(key, keyType, show)}=${formatValue(inner, valueType, show)}`);
  }
  if (value instanceof Uint8Array) return [...value].map(String);
  const items: readonly unknown[] = Array.isArray(value) ? value : [];
  return items.map((item) => formatValue(item, element, show));
}

/** JSON as contract and README say: 64-bit numbers as numbers where safe, else strings; bytes as arrays. */
export type Json = string | number | boolean | Json[] | { [key: string]: Json };

/** A dictionary with its keys as on D-Bus. */
export function propertiesToJson(properties: Properties): Json {
  return Object.fromEntries([...properties].map(([key, value]) => [key, toJson(value)]));
}

/** Any value read from the bus. */
export function toJson(value: unknown): Json {
  if (value instanceof Variant) return toJson(value.value);
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, inner]) => [String(key), toJson(inner)]));
  if (value instanceof Uint8Array) return [...value];
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value === 'bigint') return isSafe(value) ? Number(value) : String(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  return typeof value === 'boolean' ? value : String(value);
}

function isSafe(value: bigint): boolean {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
}

/** A string property, if it is there and one. */
export function textOf(properties: Properties, key: string): string | undefined {
  return properties.get(key)?.as('s');
}

/** A boolean property; absent is false. */
export function isSet(properties: Properties, key: string): boolean {
  return properties.get(key)?.as('b') === true;
}
