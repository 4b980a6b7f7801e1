/**
 * What a command is: data for parsing, help, completion and man page, and a function that is loaded
 * when the command runs.
 */

import type { Context } from './context.ts';

/** An option of ours that ConnMan's console does not have; taken anywhere among a command's words. */
export interface Extra {
  /** Stands for the value in help; none when absent. */
  readonly value?: string;
  /** The value may be left out, and is given as `--name=VALUE` only. */
  readonly isOptional?: true;
  readonly about: string;
}

/** ConnMan's options of a command, read by the command itself, with or without dashes. */
export interface WordOption {
  readonly name: string;
  /** As help shows what follows it. */
  readonly help: string;
  readonly complete?: Completion;
}

/** What the words of a command may be, for completion. */
export type Completion = 'technology' | 'service' | 'peer' | 'vpn' | 'switch' | 'option' | readonly string[];

/** The options of ours that were given. */
export class Given {
  readonly #values: ReadonlyMap<string, string>;

  constructor(values: ReadonlyMap<string, string>) {
    this.#values = values;
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** Its value; `''` when it has none, undefined when it was not given. */
  value(name: string): string | undefined {
    return this.#values.get(name);
  }
}

/** How a command was called. */
export interface Call {
  readonly command: Command;
  readonly words: readonly string[];
  readonly given: Given;
}

/** Does the work; throws CommandError. */
export type Run = (context: Context, call: Call) => Promise<void>;

/** One command. */
export interface Command {
  readonly name: string;
  /** Its arguments and description exactly as ConnMan's help has them. */
  readonly arguments: string;
  readonly about: string;
  readonly options?: readonly WordOption[];
  /** More words than these are too many. */
  readonly most: number;
  readonly extras?: Readonly<Record<string, Extra>>;
  /** By place; the last one also stands for what follows. */
  readonly complete?: readonly Completion[];
  /** ConnMan's console does not have it: not in the help that scripts may read. */
  readonly isOurs?: true;
  /** Further text for `help COMMAND` and the man page. */
  readonly details?: string;
  readonly load: () => Promise<Run>;
}
