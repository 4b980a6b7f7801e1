/**
 * What a confined program may say, each a line of JSON with one key: `ask` a question, `result` the
 * end, `error` the end without result. Everything else is nothing: the program may be in the hands
 * of whoever sent what it reads.
 */

/** One message. The values are JSON of any shape. */
export type Message =
  | { readonly kind: 'ask' | 'result'; readonly value: unknown }
  | { readonly kind: 'error'; readonly text: string };

/** The message a line holds, or undefined. Never throws. */
export function parseMessage(line: string): Message | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const [entry, ...others] = Object.entries(value);
  if (entry === undefined || others.length > 0) return undefined;
  const [kind, content] = entry;
  if (kind === 'ask' || kind === 'result') return { kind, value: content };
  return kind === 'error' && typeof content === 'string' ? { kind, text: printable(content) } : undefined;
}

/** A member of an object, or undefined where `value` is no object or has none of its own. Never throws. */
export function memberOf(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.getOwnPropertyDescriptor(value, key)?.value;
}

/** A member that is a text of at most `longest` characters, none of them a control character. */
export function textOf(value: unknown, key: string, longest = 2048): string | undefined {
  const text = memberOf(value, key);
  if (typeof text !== 'string' || text.length > longest || text !== printable(text)) return undefined;
  return text;
}

function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?').slice(0, 2048);
}
