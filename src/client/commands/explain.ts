/**
 * explain: why something is or is not connected, default or online, in the sentences of our daemon
 * (net.causeway.Manager1, Service1, Technology1).
 */

import { causewayManagerInterface } from '../../dbus/interfaces/causeway-manager.ts';
import { causewayServiceInterface } from '../../dbus/interfaces/causeway-service.ts';
import { causewayTechnologyInterface } from '../../dbus/interfaces/causeway-technology.ts';
import type { Call } from '../command.ts';
import { type Context, PATIENCE } from '../context.ts';
import { invalid, isUnknownObject } from '../errors.ts';
import { withService } from '../find-service.ts';
import { wrap } from '../text.ts';
import { type Properties, propertiesToJson, textOf } from '../values.ts';
import { isIdentifier } from '../words.ts';
import { NO_SUCH_SUBJECT, rethrow } from './read.ts';

/** `explain`, of everything, a technology, a service or an interface. */
export async function explain(context: Context, { command, words: [word], given }: Call): Promise<void> {
  const findings = await ask(context, command.name, word).catch(rethrow(`Error ${word ?? ''}`.trim(), NO_SUCH_SUBJECT));
  const { output } = context;
  if (given.has('json')) return output.print(`${JSON.stringify(findings.map(propertiesToJson))}\n`);
  let subject = '';
  for (const finding of findings) {
    const next = textOf(finding, 'Subject') ?? '';
    if (next !== subject) output.print(`${output.show(next)}\n`);
    subject = next;
    const line = `  ${output.show(textOf(finding, 'Text') ?? '')}\n`;
    output.print(output.isTerminal ? wrap(line, output.columns) : line);
  }
}

async function ask(context: Context, command: string, word: string | undefined): Promise<readonly Properties[]> {
  const manager = await context.proxy(causewayManagerInterface, '/');
  if (word === undefined) return manager.Explain({}, PATIENCE);
  if (TECHNOLOGIES.includes(word)) {
    const technology = await context.proxy(causewayTechnologyInterface, `/net/connman/technology/${word}`);
    return technology.Explain({}, PATIENCE).catch(async (error: unknown) => {
      // One that no program can power is not on the bus.
      if (isUnknownObject(error)) return named(await manager.Explain({}, PATIENCE), command, word);
      throw error;
    });
  }
  const all = isIdentifier(word) && word.includes('_') ? [] : await manager.Explain({}, PATIENCE);
  const found = all.filter((finding) => textOf(finding, 'Subject') === word);
  if (found.length > 0) return found;
  return withService(context, command, word, async (path) => {
    const service = await context.proxy(causewayServiceInterface, path);
    return service.Explain({}, PATIENCE);
  });
}

function named(all: readonly Properties[], command: string, word: string): readonly Properties[] {
  const found = all.filter((finding) => textOf(finding, 'Subject') === word);
  if (found.length === 0) throw invalid(command, NO_SUCH_SUBJECT);
  return found;
}

const TECHNOLOGIES: readonly string[] = ['ethernet', 'wifi', 'cellular', 'bluetooth', 'p2p', 'gadget'];
