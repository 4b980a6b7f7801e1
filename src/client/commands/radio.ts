/**
 * country and access-point: where the radios of Wi-Fi are, and how and where an access point of ours
 * may be (net.causeway.Technology1).
 */

import { causewayTechnologyInterface } from '../../dbus/interfaces/causeway-technology.ts';
import { propertiesInterface } from '../../dbus/interfaces/freedesktop.ts';
import { variant } from '../../dbus/signature.ts';
import type { Call } from '../command.ts';
import { type Context, PATIENCE } from '../context.ts';
import { invalid } from '../errors.ts';
import { usage } from '../run-command.ts';
import { rethrow } from './read.ts';

const PATH = '/net/connman/technology/wifi';
const ADVICE = 'There is no Wi-Fi, or the daemon is not Causeway.';
const INTERFACE = causewayTechnologyInterface.name;

/** `country [CODE|auto]`. */
export async function country(context: Context, { command, words: [code], given }: Call): Promise<void> {
  if (code === undefined) {
    const value = await read(context, 'Country');
    return context.output.print(given.has('json') ? `${JSON.stringify({ Country: value })}\n` : `${value || 'auto'}\n`);
  }
  const wanted = code === 'auto' ? '' : code.toUpperCase();
  if (wanted !== '' && !/^[A-Z]{2}$/.test(wanted)) throw invalid(command.name, usage(command));
  await write(context, 'Country', wanted);
}

/** `access-point [security WORD]`. */
export async function accessPoint(context: Context, { command, words: [word, security], given }: Call): Promise<void> {
  if (word !== undefined) {
    if (word !== 'security' || security === undefined) throw invalid(command.name, usage(command));
    return write(context, 'TetheringSecurity', security);
  }
  const value = await read(context, 'TetheringSecurity');
  const technology = await context.proxy(causewayTechnologyInterface, PATH);
  const frequencies = await technology.GetTetheringFrequencies({}, PATIENCE).catch(rethrow(`Error ${PATH}`));
  const { output } = context;
  if (given.has('json')) {
    return output.print(`${JSON.stringify({ TetheringSecurity: value, TetheringFrequencies: frequencies })}\n`);
  }
  output.print(`security = ${value}\nfrequencies = ${frequencies.join(' ')}\n`);
}

async function read(context: Context, name: string): Promise<string> {
  const properties = await context.proxy(propertiesInterface, PATH);
  const request = { interface_name: INTERFACE, property_name: name };
  return (await properties.Get(request, PATIENCE).catch(rethrow(`Error ${PATH}`, ADVICE))).as('s') ?? '';
}

async function write(context: Context, name: string, value: string): Promise<void> {
  const properties = await context.proxy(propertiesInterface, PATH);
  const request = { interface_name: INTERFACE, property_name: name, value: variant('s', value) };
  await properties.Set(request, PATIENCE).catch(rethrow(`Error ${PATH}`, ADVICE));
}
