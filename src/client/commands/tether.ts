/**
 * tether: shares a connection; for Wi-Fi also under which name, passphrase and frequency.
 */

import { variant, type Variant } from '../../dbus/signature.ts';
import type { Call } from '../command.ts';
import { type Context, PATIENCE } from '../context.ts';
import { CommandError, failed, invalid, isUnknownObject, tooMany } from '../errors.ts';
import { usage } from '../run-command.ts';
import { isIdentifier, parseBoolean } from '../words.ts';

/** `tether TECHNOLOGY on|off`, or `tether wifi [on|off] SSID PASSPHRASE [FREQUENCY]`. */
export async function tether(context: Context, { words, command }: Call): Promise<void> {
  const [type, ...rest] = words;
  if (type === undefined || !isIdentifier(type) || rest.length === 0) throw invalid(command.name, usage(command));
  const { isOn, settings } = type === 'wifi' ? wifiRequest(rest) : plainRequest(rest);
  if (isOn === undefined && settings.length === 0) throw invalid(command.name, usage(command));
  const technology = await context.technology(type);
  const problems: CommandError[] = [];
  for (const { property, value, done, what } of settings) {
    const isSet = technology.SetProperty({ name: property, value }, PATIENCE);
    const error = await isSet.then(() => undefined, asFailure(what));
    if (error === undefined) context.output.print(`${done}\n`);
    else problems.push(error);
  }
  if (problems.length > 0) throw together(problems);
  if (isOn === undefined) return;
  await technology.SetProperty({ name: 'Tethering', value: variant('b', isOn) }, PATIENCE).catch((error: unknown) => {
    throw asFailure(`${isOn ? 'enabling' : 'disabling'} ${type} tethering`)(error);
  });
  context.output.print(`${isOn ? 'Enabled' : 'Disabled'} tethering for ${type}\n`);
}

interface Setting {
  readonly property: string;
  readonly value: Variant;
  /** What is printed when it is set. */
  readonly done: string;
  /** What failed when it is not. */
  readonly what: string;
}

interface Request {
  readonly isOn: boolean | undefined;
  readonly settings: readonly Setting[];
}

function plainRequest(words: readonly string[]): Request {
  if (words.length > 1) throw tooMany('tether');
  return { isOn: parseBoolean(words[0]), settings: [] };
}

// Two words are an SSID and a passphrase, even where the first is `on`; only three begin with a switch.
function wifiRequest(words: readonly string[]): Request {
  if (words.length === 1) return plainRequest(words);
  if (words.length === 2) return { isOn: undefined, settings: wifiSettings(words) };
  const isOn = parseBoolean(words[0]);
  if (isOn === undefined) return { isOn, settings: [] };
  return { isOn, settings: wifiSettings(words.slice(1)) };
}

function wifiSettings([ssid = '', passphrase = '', frequency]: readonly string[]): Setting[] {
  const settings: Setting[] = [
    { property: 'TetheringIdentifier', value: variant('s', ssid), done: 'Wifi SSID set', what: 'setting wifi SSID' },
    {
      property: 'TetheringPassphrase',
      value: variant('s', passphrase),
      done: 'Wifi passphrase set',
      what: 'setting wifi passphrase',
    },
  ];
  if (frequency === undefined) return settings;
  if (!/^[0-9]{1,6}$/.test(frequency)) throw invalid('tether', 'The frequency is a number of MHz, such as 2412.');
  const value = variant('i', Number(frequency));
  const done = 'Wifi access point frequency set';
  return [...settings, { property: 'TetheringFreq', value, done, what: 'setting wifi frequency' }];
}

function asFailure(what: string) {
  return (error: unknown): CommandError =>
    failed(`Error ${what}`, error, (answer) => (isUnknownObject(answer) ? NO_TECHNOLOGY : undefined));
}

const NO_TECHNOLOGY = 'There is no such technology: `connmanctl technologies` lists them.';

/** Every first line, then every advice once. */
function together(problems: readonly CommandError[]): CommandError {
  const [first, ...others] = problems;
  if (first === undefined || others.length === 0) return first ?? invalid('tether');
  const heads = problems.map(({ lines }) => lines[0] ?? '');
  const advice = new Set(problems.flatMap(({ lines }) => lines.slice(1)));
  return new CommandError(first.status, [...heads, ...advice], first.errorName);
}
