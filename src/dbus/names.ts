/**
 * Which texts are valid object paths and names (D-Bus specification, "Valid Object Paths", "Valid
 * Names"). All are linear in the text.
 */

/** An object path: `/`, or elements of [A-Za-z0-9_] each after a slash. */
export function isObjectPath(text: string): boolean {
  if (text.charCodeAt(0) !== SLASH) return false;
  if (text.length === 1) return true;
  let previous = SLASH;
  for (let at = 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === SLASH ? previous === SLASH : !isWord(code)) return false;
    previous = code;
  }
  return previous !== SLASH;
}

/** An interface or error name: two elements or more, none beginning with a digit, 255 bytes at most. */
export function isInterfaceName(text: string): boolean {
  return hasElements(text, 0, INTERFACE);
}

/** A method or signal name: one element, not beginning with a digit, 255 bytes at most. */
export function isMemberName(text: string): boolean {
  if (text.length === 0 || text.length > LONGEST_NAME || isDigit(text.charCodeAt(0))) return false;
  for (let at = 0; at < text.length; at++) if (!isWord(text.charCodeAt(at))) return false;
  return true;
}

/** A bus name, unique (`:1.5`) or well-known: elements may hold `-`, unique ones begin with digits. */
export function isBusName(text: string): boolean {
  return isUniqueName(text) ? hasElements(text, 1, UNIQUE) : hasElements(text, 0, WELL_KNOWN);
}

/** Whether a valid bus name is one the bus gives to a connection. */
export function isUniqueName(name: string): boolean {
  return name.charCodeAt(0) === COLON;
}

const SLASH = 0x2f;
const DOT = 0x2e;
const COLON = 0x3a;
const HYPHEN = 0x2d;
const UNDERSCORE = 0x5f;
const LONGEST_NAME = 255;

/** What elements may be besides words. */
interface ElementRules {
  readonly mayBeginWithDigit: boolean;
  readonly mayHoldHyphen: boolean;
}

const INTERFACE: ElementRules = { mayBeginWithDigit: false, mayHoldHyphen: false };
const WELL_KNOWN: ElementRules = { mayBeginWithDigit: false, mayHoldHyphen: true };
const UNIQUE: ElementRules = { mayBeginWithDigit: true, mayHoldHyphen: true };

function hasElements(text: string, start: number, rules: ElementRules): boolean {
  const { mayBeginWithDigit, mayHoldHyphen } = rules;
  if (text.length > LONGEST_NAME) return false;
  let isFirst = true;
  let dots = 0;
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === DOT) {
      if (isFirst) return false;
      isFirst = true;
      dots++;
      continue;
    }
    if (!isWord(code) && !(mayHoldHyphen && code === HYPHEN)) return false;
    if (isFirst && isDigit(code) && !mayBeginWithDigit) return false;
    isFirst = false;
  }
  return dots > 0 && !isFirst;
}

function isWord(code: number): boolean {
  const letter = code | 0x20;
  return (letter >= 0x61 && letter <= 0x7a) || isDigit(code) || code === UNDERSCORE;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}
