/**
 * The functions of proxy auto-configuration files that look at host names alone (Netscape's
 * "Navigator Proxy Auto-Config File Format", 1996). Arguments are the script's and of any type.
 */

type Argument = unknown;

/** What scripts find under these names. */
export function pacFunctions(): Readonly<Record<string, (...words: Argument[]) => unknown>> {
  return { isPlainHostName, dnsDomainIs, localHostOrDomainIs, dnsDomainLevels, shExpMatch };
}

/** Whether a host has no domain. */
function isPlainHostName(host: Argument): boolean {
  return !String(host).includes('.');
}

/** Whether a host ends in a domain, which is given with its dot in front. */
function dnsDomainIs(host: Argument, domain: Argument): boolean {
  return lower(host).endsWith(lower(domain));
}

/** Whether a host is `name`, or its first label where it has no domain. */
function localHostOrDomainIs(host: Argument, name: Argument): boolean {
  const [asked, full] = [lower(host), lower(name)];
  return asked === full || (!asked.includes('.') && full.startsWith(`${asked}.`));
}

/** How many dots a host name has. */
function dnsDomainLevels(host: Argument): number {
  return String(host).split('.').length - 1;
}

/**
 * Whether the whole of `text` matches a shell expression: `*` any characters, `?` one, and all others
 * themselves. Takes time in proportion to the product of the lengths at most.
 */
function shExpMatch(text: Argument, expression: Argument): boolean {
  const [subject, pattern] = [String(text), String(expression)];
  let [at, from] = [0, 0];
  /** Where to go on when what follows the last `*` does not fit: one character further. */
  let retry: { at: number; from: number } | undefined;
  while (at < subject.length) {
    const wanted = pattern[from];
    if (wanted === '*') {
      retry = { at, from: ++from };
    } else if (wanted === '?' || wanted === subject[at]) {
      at++;
      from++;
    } else if (retry !== undefined) {
      retry = { at: retry.at + 1, from: retry.from };
      ({ at, from } = retry);
    } else {
      return false;
    }
  }
  return /^\**$/.test(pattern.slice(from));
}

function lower(word: Argument): string {
  return String(word).toLowerCase();
}
