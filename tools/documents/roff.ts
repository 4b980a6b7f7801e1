/**
 * man(7) source: a page of sections, and lists of terms. Text is escaped, so that no word of it is
 * taken for a request.
 */

/** A page; `date` is left out, so that building twice gives the same bytes. */
export function page(name: string, section: number, about: string, body: readonly string[]): string {
  const head = `.TH ${name.toUpperCase()} ${section} "" Causeway`;
  return `${[head, heading('NAME'), `${escape(name)} \\- ${escape(about)}`, ...body].join('\n')}\n`;
}

/** `.SH`. */
export function heading(title: string): string {
  return `.SH ${title}`;
}

/** A paragraph. */
export function paragraph(text: string): string {
  return `.PP\n${escape(text)}`;
}

/** Lines as they are. */
export function verbatim(lines: readonly string[]): string {
  return ['.PP', '.nf', ...lines.map(escape), '.fi'].join('\n');
}

/** A term in bold and what it is. */
export function term(name: string, text: string): string {
  return `.TP\n.B ${escape(name)}\n${escape(text)}`;
}

/** Backslashes, dashes, and dots and quotes that begin a line are requests elsewhere. */
export function escape(text: string): string {
  return text.replace(/\\/g, '\\e').replace(/-/g, '\\-').replace(/^(?=[.'])/gm, '\\&');
}
