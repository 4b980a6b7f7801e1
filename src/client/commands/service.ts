/**
 * `--offline service`: writes, changes, shows and checks provisioning files without daemon or bus,
 * as those do who build images. Nothing is written that the daemon would complain about as a
 * mistake; what only looks odd is said on standard error.
 */

import { formatComplaint } from '../../provision/key-table.ts';
import { parseServiceFile, SERVICE_PREFIX } from '../../provision/service-file.ts';
import { SERVICE_KEYS } from '../../provision/service-keys.ts';
import { KeyFile, parseKeyFile } from '../../shared/keyfile.ts';
import type { Call } from '../command.ts';
import { type ConfigFile, type ConfigFiles, filesIn, standardFiles } from '../config-files.ts';
import type { Context } from '../context.ts';
import { CommandError, invalid, STATUS } from '../errors.ts';
import { usage } from '../run-command.ts';
import { isIdentifier } from '../words.ts';
import { type Change, parseServiceWords, type ServiceWords } from './service-words.ts';

/** `service add|set|show|check`. */
export async function service(context: Context, call: Call): Promise<void> {
  const { command, words, given } = call;
  if (!given.has('offline')) throw invalid(command.name, 'It works on files alone: connmanctl --offline service …');
  const [action = '', ...rest] = words;
  const [name] = rest[0]?.startsWith('-') === false ? rest : [];
  if (name !== undefined && !isIdentifier(name)) throw invalid(command.name, 'A name has letters, digits and _.');
  const directory = given.value('dir');
  const files = directory === undefined ? standardFiles(context) : filesIn(directory);
  const job: Job = { context, files, name, isJson: given.has('json'), isInDirectory: directory !== undefined };
  const options = name === undefined ? rest : rest.slice(1);
  switch (action) {
    case 'add':
      return add(job, read(command.name, options));
    case 'set':
      return set(job, read(command.name, options));
    case 'show':
    case 'check':
      if (options.length > 0) throw invalid(command.name, `${action} takes no ${options[0]}.`);
      return action === 'show' ? show(job) : check(job);
    default:
      throw invalid(command.name, usage(command));
  }
}

interface Job {
  readonly context: Context;
  readonly files: ConfigFiles;
  /** Of the service: its group without `service_`. */
  readonly name: string | undefined;
  readonly isJson: boolean;
  readonly isInDirectory: boolean;
}

function read(command: string, words: readonly string[]): ServiceWords {
  const request = parseServiceWords(words);
  if (request.wrong.length === 0) return request;
  const lines = request.wrong.map((word) => `Error '${word}': Invalid argument`);
  throw new CommandError(STATUS.invalid, [...lines, `See: connmanctl help ${command}`], 'InvalidArgument');
}

/** A file of its own, unless one of that name is there already. */
async function add(job: Job, { changes, isRemoval }: ServiceWords): Promise<void> {
  if (isRemoval) throw invalid('service', '--remove goes with set.');
  const type = changes.findLast(([key]) => key === 'Type')?.[1];
  if (type === undefined) throw invalid('service', `--type is needed: ${SERVICE_KEYS.Type.parse.wants}.`);
  const name = job.name ?? (isIdentifier(type) ? type : 'new');
  const group = SERVICE_PREFIX + name;
  const there = job.isInDirectory ? await job.files.read() : [];
  if (there.some((file) => parse(file).hasGroup(group))) {
    throw new CommandError(STATUS.already, [`Error: ${group} exists already`, 'Change it with set.'], 'AlreadyExists');
  }
  const fileName = `${name}.config`;
  const before = there.find((file) => file.name === fileName);
  const file = before === undefined ? new KeyFile() : parse(before);
  const order = Object.keys(SERVICE_KEYS);
  apply(file, group, [...changes].sort(([one], [other]) => order.indexOf(one) - order.indexOf(other)));
  save(job, { name: fileName, text: file.toString() });
}

async function set(job: Job, { changes, isRemoval }: ServiceWords): Promise<void> {
  const found = (await job.files.read()).flatMap((text) => {
    const file = parse(text);
    return servicesOf(file, job.name).map((group) => ({ ...text, file, group }));
  });
  const [one, other] = found;
  if (one === undefined) throw invalid('service', `There is no ${SERVICE_PREFIX}${job.name ?? 'NAME'}.`);
  if (other !== undefined) throw invalid('service', `Which? ${found.map(({ group }) => nameOf(group)).join(', ')}`);
  if (isRemoval) one.file.remove(one.group);
  else apply(one.file, one.group, changes);
  const isEmpty = servicesOf(one.file, undefined).length === 0;
  if (isEmpty) job.files.write(one.name, '');
  else save(job, { name: one.name, text: one.file.toString() });
}

async function show(job: Job): Promise<void> {
  const all = (await job.files.read()).flatMap(({ name, text }) => {
    const file = parseKeyFile(text, () => undefined);
    const groups = servicesOf(file, job.name);
    return groups.map((group) => ({ file: name, service: nameOf(group), keys: keysOf(file, group) }));
  });
  const { output } = job.context;
  if (job.isJson) return output.print(`${JSON.stringify(all)}\n`);
  for (const { file, service: name, keys } of all) {
    const lines = Object.entries(keys).map(([key, value]) => `  ${output.show(key)} = ${output.show(value)}\n`);
    output.print(`${output.show(name)}${job.isInDirectory ? ` (${output.show(file)})` : ''}\n${lines.join('')}`);
  }
}

async function check(job: Job): Promise<void> {
  const all = (await job.files.read()).filter(({ text }) => isAbout(text, job.name));
  const found = all.flatMap(({ name: file, text }) =>
    parseServiceFile(text).complaints.map((complaint) => ({ file, ...complaint })),
  );
  const lines = found.map((each) => formatComplaint(each.file, each));
  const { output } = job.context;
  if (job.isJson) output.print(`${JSON.stringify(found)}\n`);
  if (found.some(({ kind }) => kind === 'mistake')) throw new CommandError(STATUS.invalid, lines, 'Invalid');
  if (!job.isJson) lines.forEach((line) => output.complain(line));
}

/** Writes a file that has no mistakes. */
function save({ context, files }: Job, { name, text }: ConfigFile): void {
  const { complaints } = parseServiceFile(text);
  const lines = complaints.map((complaint) => formatComplaint(name, complaint));
  if (complaints.some(({ kind }) => kind === 'mistake')) {
    throw new CommandError(STATUS.invalid, [...lines, 'Nothing was written.'], 'Invalid');
  }
  for (const line of lines) context.output.complain(line);
  files.write(name, text);
}

/** Strict: what cannot be read must not be lost by writing the rest. */
function parse({ name, text }: ConfigFile): KeyFile {
  const mistakes: string[] = [];
  const file = parseKeyFile(text, (line, what, content) => {
    mistakes.push(formatComplaint(name, { line, kind: 'mistake', text: `${content}: ${what}` }));
  });
  if (mistakes.length > 0) throw new CommandError(STATUS.invalid, [...mistakes, 'Nothing was written.'], 'Invalid');
  return file;
}

function apply(file: KeyFile, group: string, changes: readonly Change[]): void {
  for (const [key, value] of changes) {
    if (value === undefined) file.remove(group, key);
    else file.set(group, key, value);
  }
}

function servicesOf(file: KeyFile, name: string | undefined): string[] {
  const all = file.groups().filter((group) => group.startsWith(SERVICE_PREFIX));
  return name === undefined ? all : all.filter((group) => nameOf(group) === name);
}

function nameOf(group: string): string {
  return group.slice(SERVICE_PREFIX.length);
}

function isAbout(text: string, name: string | undefined): boolean {
  return name === undefined || servicesOf(parseKeyFile(text, () => undefined), name).length > 0;
}

/** As they stand in the file, secrets hidden. */
function keysOf(file: KeyFile, group: string): Record<string, string> {
  const table = new Map<string, object>(Object.entries(SERVICE_KEYS));
  const isSecret = (key: string): boolean => 'secret' in (table.get(key) ?? {});
  return Object.fromEntries(
    file.keys(group).map((key) => [key, isSecret(key) ? '***' : (file.get(group, key) ?? '')]),
  );
}
