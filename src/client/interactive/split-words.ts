/**
 * A line of the interactive console as words: split at blanks, as ConnMan's console does; a word in
 * quotes may hold blanks, as names of networks do.
 */

/** The words of a line. A quote counts only where a word begins and ends with it. */
export function splitWords(line: string): string[] {
  const words = line.matchAll(/"([^"]*)"(?=\s|$)|'([^']*)'(?=\s|$)|(\S+)/g);
  return [...words].map(([, double, single, bare]) => double ?? single ?? bare ?? '');
}
