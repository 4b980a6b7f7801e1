/**
 * `npm run configure -- FLAGS` decides what is built and where it is installed: it writes
 * src/builtin.ts, vpn/builtin.ts and src/directories.ts, which git ignores. Without flags it
 * chooses the defaults; `--again` repeats the flags of the last time.
 */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf } from './src/shared/errors.ts';
import { DIRECTORY_FLAGS, completeDirectories } from './tools/configure/directories.ts';
import { parseFlags, type ParsedFlags } from './tools/configure/flags.ts';
import { generatedModules } from './tools/configure/modules.ts';
import { CHOICES, FEATURES, RESERVED } from './tools/configure/tables.ts';

/** The flags of the last time, a JSON list. */
const LAST_FLAGS = 'build/configure.json';

function main(args: readonly string[]): void {
  const flags = args.filter((arg) => arg !== '--quiet' && arg !== '--again');
  if (flags.includes('--help')) {
    console.log(help());
    return;
  }
  if (args.includes('--again')) flags.unshift(...lastFlags());
  const parsed = parseFlags(flags);
  for (const [path, text] of generatedModules(parsed.configuration)) writeFileSync(path, text);
  mkdirSync(dirname(LAST_FLAGS), { recursive: true });
  writeFileSync(LAST_FLAGS, `${JSON.stringify(flags)}\n`);
  if (!args.includes('--quiet')) console.log(summary(parsed));
}

function lastFlags(): string[] {
  try {
    const flags: unknown = JSON.parse(readFileSync(LAST_FLAGS, 'utf8'));
    return Array.isArray(flags) ? flags.map(String) : [];
  } catch {
    return [];
  }
}

function summary({ configuration, withoutEffect }: ParsedFlags): string {
  return [
    ...withoutEffect.map((flag) => `${flag}: no effect`),
    ...Object.keys(FEATURES).map((name) => line(name, configuration.features.includes(name) ? 'yes' : 'no')),
    ...configuration.plugins.map((path) => line('plugin', path)),
    ...Object.entries(configuration.choices).map(([name, option]) => line(name, option)),
    ...Object.entries(configuration.directories).map(([name, path]) => line(name, path)),
  ].join('\n');
}

function help(): string {
  const defaults = completeDirectories({});
  return [
    'usage: npm run configure -- [FLAG]…',
    '',
    'Features (--enable-NAME, --disable-NAME):',
    ...Object.entries(FEATURES).map(([name, { on, summary: text }]) => line(name, `${text} (${on ? 'on' : 'off'})`)),
    `  not built yet: ${RESERVED.features.join(' ')}`,
    '',
    'Choices:',
    ...Object.entries(CHOICES).flatMap(([name, choice]) => [
      line(`--with-${name}=…`, `${choice.summary} (${choice.initial})`),
      ...Object.entries(choice.options).map(([option, { summary: text }]) => line(`  ${option}`, text)),
    ]),
    ...Object.entries(RESERVED.choices).map(([name, later]) => `  not built yet: --with-${name}=${later.join('|')}`),
    '',
    'Directories:',
    ...Object.entries(DIRECTORY_FLAGS).map(([flag, name]) => line(`--${flag}=DIR`, defaults[name])),
    '',
    line('--with-plugin=DIR', 'links DIR/NAME.ts, NAME being the last part of DIR, into connmand'),
    line('--again', 'repeats the flags of the last time'),
    line('--quiet', 'prints nothing'),
  ].join('\n');
}

function line(name: string, text: string): string {
  return `  ${name.padEnd(28)}${text}`;
}

try {
  main(process.argv.slice(2));
} catch (error) {
  console.error(`configure: ${messageOf(error)}`);
  process.exitCode = 1;
}
