/**
 * vpn: connections made from files of other programs or from words. Certificates that a file names are
 * read here and handed over with it; values of the form KEY=@FILE keep secrets out of the command line.
 */

import { closeSync, openSync, readSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { causewayVpnManagerInterface } from '../../dbus/interfaces/causeway-vpn-manager.ts';
import { vpnManagerInterface } from '../../dbus/interfaces/vpn-manager.ts';
import { variant, type Variant } from '../../dbus/signature.ts';
import { VPN_KEYS, vpnValueProblem } from '../../provision/vpn-keys.ts';
import { importProblem, importVpn } from '../../provision/vpn-import.ts';
import { DecodeError, messageOf } from '../../shared/errors.ts';
import type { Call } from '../command.ts';
import { CONNMAN_VPN, type Context, PATIENCE } from '../context.ts';
import { invalid } from '../errors.ts';
import { rethrow } from './read.ts';

/** `vpn import FILE [NAME]` and `vpn create TYPE HOST NAME [KEY=VALUE…]`. */
export async function vpn(context: Context, { words: [what, ...words], command }: Call): Promise<void> {
  if (what === 'import') return importFile(context, command.name, words);
  if (what === 'create') return create(context, command.name, words);
  throw invalid(command.name, 'vpn import FILE [NAME], or vpn create TYPE HOST NAME [KEY=VALUE…]');
}

async function importFile(
  context: Context,
  command: string,
  [file, name, ...more]: readonly string[],
): Promise<void> {
  if (file === undefined || more.length > 0) throw invalid(command, 'vpn import FILE [NAME]');
  const text = withFilesInline(read(command, file), (path) => read(command, resolve(dirname(file), path)));
  try {
    importVpn(text);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw invalid(command, `${file}: ${importProblem(error)}`);
  }
  const manager = await context.proxy(causewayVpnManagerInterface, '/', CONNMAN_VPN);
  const label = name ?? basename(file).replace(/\.[^.]*$/, '');
  const { path, remarks } = await manager.Import({ name: label, text }, PATIENCE).catch(rethrow(`Error ${file}`));
  for (const remark of remarks) context.output.complain(`${file}: ${remark}`);
  context.output.print(`Created ${path}\n`);
}

async function create(context: Context, command: string, words: readonly string[]): Promise<void> {
  const [type, host, name, ...settings] = words;
  if (type === undefined || host === undefined || name === undefined) {
    throw invalid(command, 'vpn create TYPE HOST NAME [KEY=VALUE…]');
  }
  if (!Object.hasOwn(VPN_KEYS, type)) throw invalid(command, `Types are ${Object.keys(VPN_KEYS).join(', ')}.`);
  const properties = new Map<string, Variant>([
    ['Type', variant('s', type)],
    ['Host', variant('s', host)],
    ['Name', variant('s', name)],
  ]);
  for (const word of settings) {
    const [, key, given] = /^([^=]+)=(.*)$/s.exec(word) ?? [];
    if (key === undefined || given === undefined) throw invalid(command, `${word} is not KEY=VALUE.`);
    const value = given.startsWith('@') ? read(command, given.slice(1)).replace(/\r?\n$/, '') : given;
    const problem = vpnValueProblem(type, key, value);
    if (problem !== undefined) throw invalid(command, problem);
    properties.set(
      key,
      key === 'SplitRouting' ? variant('b', value === 'true' || value === 'yes') : variant('s', value),
    );
  }
  const manager = await context.proxy(vpnManagerInterface, '/', CONNMAN_VPN);
  const path = await manager.Create({ properties }, PATIENCE).catch(rethrow('Error'));
  context.output.print(`Created ${path}\n`);
}

function read(command: string, file: string): string {
  try {
    return readText(file);
  } catch (error) {
    throw invalid(command, `${file} cannot be read: ${messageOf(error)}`);
  }
}

/** More is no configuration, and may have no end (a device). */
const MAX_FILE_BYTES = 1 << 20;

function readText(file: string): string {
  const descriptor = openSync(file, 'r');
  try {
    const bytes = Buffer.alloc(MAX_FILE_BYTES + 1);
    let length = 0;
    for (let got = 1; got > 0 && length < bytes.length; length += got) {
      got = readSync(descriptor, bytes, { offset: length });
    }
    if (length > MAX_FILE_BYTES) throw new Error('it is larger than a mebibyte');
    return bytes.toString('utf8', 0, length);
  } finally {
    closeSync(descriptor);
  }
}

/** Directives of openvpn's that name a file of text. */
const FILES = new RegExp(
  '^[ \\t]*(ca|cert|key|tls-auth|tls-crypt|tls-crypt-v2|auth-user-pass)[ \\t]+(?!\\[inline\\])' +
    '("[^"]+"|\\S+)([ \\t]+[01])?[ \\t]*$',
  'gm',
);

// The daemon must not depend on the user's files, nor read any that the user may not.
function withFilesInline(text: string, readPath: (path: string) => string): string {
  if (/^\s*\[Interface\]/im.test(text)) return text;
  return text.replace(FILES, (_, name: string, path: string, direction: string | undefined) => {
    const content = readPath(path.replaceAll('"', ''));
    const way = direction === undefined ? '' : `key-direction${direction}\n`;
    return `${way}<${name}>\n${content.trimEnd()}\n</${name}>`;
  });
}
