/**
 * never-default and online-check: what holds for all services of a technology, or of the host, unless
 * one was configured otherwise (net.causeway.Technology1 and Manager1).
 */

import { causewayManagerInterface } from '../../dbus/interfaces/causeway-manager.ts';
import { causewayTechnologyInterface } from '../../dbus/interfaces/causeway-technology.ts';
import { propertiesInterface } from '../../dbus/interfaces/freedesktop.ts';
import { variant } from '../../dbus/signature.ts';
import type { Call } from '../command.ts';
import { type Context, PATIENCE } from '../context.ts';
import { invalid } from '../errors.ts';
import { usage } from '../run-command.ts';
import { isIdentifier, parseBoolean } from '../words.ts';
import { rethrow } from './read.ts';

/** `never-default TECHNOLOGY [yes|no]`. */
export async function neverDefault(context: Context, call: Call): Promise<void> {
  const { command, words: [type, word], given } = call;
  if (type === undefined || !isIdentifier(type)) throw invalid(command.name, usage(command));
  const path = `/net/connman/technology/${type}`;
  const property = { path, interface_name: causewayTechnologyInterface.name, property_name: 'NeverDefault' };
  await showOrSet(context, call, property, { word, isJson: given.has('json') });
}

/** `online-check [on|off]`. */
export async function onlineCheck(context: Context, call: Call): Promise<void> {
  const { words: [word], given } = call;
  const property = { path: '/', interface_name: causewayManagerInterface.name, property_name: 'OnlineCheck' };
  await showOrSet(context, call, property, { word, isJson: given.has('json') });
}

interface Property {
  readonly path: string;
  readonly interface_name: string;
  readonly property_name: string;
}

// oxlint-disable-next-line max-params -- who, what and where
async function showOrSet(
  context: Context, { command }: Call, { path, ...property }: Property,
  { word, isJson }: { readonly word: string | undefined; readonly isJson: boolean },
): Promise<void> {
  const properties = await context.proxy(propertiesInterface, path);
  const advice = rethrow(`Error ${path}`, 'There is no such technology, or the daemon is not Causeway.');
  if (word === undefined) {
    const { value } = await properties.Get(property, PATIENCE).catch(advice);
    const { output } = context;
    const isOn = value === true;
    return output.print(isJson ? `${JSON.stringify({ [property.property_name]: isOn })}\n` : isOn ? 'yes\n' : 'no\n');
  }
  const isOn = parseBoolean(word);
  if (isOn === undefined) throw invalid(command.name, usage(command));
  await properties.Set({ ...property, value: variant('b', isOn) }, PATIENCE).catch(advice);
}
