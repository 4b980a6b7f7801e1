/**
 * config: sets properties of a service, together or not at all, or removes it.
 */

import { causewayServiceInterface } from '../../dbus/interfaces/causeway-service.ts';
import { propertiesInterface } from '../../dbus/interfaces/freedesktop.ts';
import { variant, type Variant } from '../../dbus/signature.ts';
import type { Call, Given } from '../command.ts';
import { type Context, PATIENCE } from '../context.ts';
import { CommandError, failed, invalid, isUnknownObject, STATUS } from '../errors.ts';
import { NO_SUCH_SERVICE, withService } from '../find-service.ts';
import { usage } from '../run-command.ts';
import { applyTogether, type Setting } from '../settings.ts';
import type { Properties } from '../values.ts';
import { type ConfigRequest, parseConfig } from './config-words.ts';

/** `config SERVICE OPTION...`. */
export async function config(context: Context, { words: [word, ...rest], command, given }: Call): Promise<void> {
  if (word === undefined) throw invalid(command.name, usage(command));
  const request = parseConfig(rest);
  for (const unknown of request.unknown) {
    context.output.print(`Error '${context.output.show(unknown)}': Invalid argument\n`);
  }
  if (request.unknown.length > 0 || request.wrong.length > 0) throw badWords(request);
  const settings = withLinkLocal(request.settings, given.value('link-local'));
  const describe = (error: unknown): CommandError =>
    failed(`Error ${word}`, error, (answer) => (isUnknownObject(answer) ? NO_SUCH_SERVICE : undefined));
  try {
    await withService(context, command.name, word, async (path) => {
      await configure(context, path, { ...request, settings }, describe);
      await setOwn(context, path, given);
    });
  } catch (error) {
    throw describe(error);
  }
}

/** Ours alone: the option and its property in net.causeway.Service1. */
const OWN_SETTINGS = {
  metered: 'Metered',
  'never-default': 'NeverDefault',
  'online-check': 'CheckOnline',
  hostname: 'SendHostname',
  'take-hostname': 'TakeHostname',
  mptcp: 'MPTCP',
  band: 'Band',
  bssid: 'BSSID',
  'mac-address': 'MACAddressPolicy',
} as const;

/** `LinkLocal` is a key of `IPv4.Configuration`; by itself it leaves the rest of it alone. */
function withLinkLocal(settings: readonly Setting[], word: string | undefined): readonly Setting[] {
  if (word === undefined) return settings;
  const property = 'IPv4.Configuration';
  const others = settings.filter((each) => each.property !== property);
  const known = settings.findLast((each) => each.property === property)?.value.as('a{sv}') ?? [];
  return [...others, { property, value: variant('a{sv}', new Map([...known, ['LinkLocal', variant('s', word)]])) }];
}

/** As it may be set back: what is absent is said, and what stands in for DHCP is not (`auto`). */
function settable(before: Properties): Properties {
  const ipv4 = before.get('IPv4.Configuration')?.as('a{sv}');
  if (ipv4 === undefined) return before;
  const isFallback = ipv4.get('Method')?.as('s') === 'auto';
  const entries = new Map<string, Variant>([['LinkLocal', variant('s', 'fallback')], ...ipv4]);
  if (isFallback) entries.set('Method', variant('s', 'dhcp'));
  return new Map([...before, ['IPv4.Configuration', variant('a{sv}', entries)]]);
}

async function setOwn(context: Context, path: string, given: Given): Promise<void> {
  for (const [option, property_name] of Object.entries(OWN_SETTINGS)) {
    const text = given.value(option);
    if (text === undefined) continue;
    const properties = await context.proxy(propertiesInterface, path);
    const value = variant('s', text);
    await properties.Set({ interface_name: causewayServiceInterface.name, property_name, value }, PATIENCE);
  }
}

async function configure(
  context: Context,
  path: string,
  { settings, isRemoval }: ConfigRequest,
  describe: (error: unknown) => CommandError,
): Promise<void> {
  const service = await context.service(path);
  const target = {
    read: async () => settable(await service.GetProperties({}, PATIENCE)),
    write: ({ property, value }: (typeof settings)[number]) =>
      service.SetProperty({ name: property, value }, PATIENCE),
    describe: (error: unknown) => {
      // Another service may be meant: the caller looks for it.
      if (isUnknownObject(error)) throw error;
      return describe(error);
    },
  };
  await applyTogether(target, settings);
  if (isRemoval) await service.Remove({}, PATIENCE);
}

function badWords({ wrong }: ConfigRequest): CommandError {
  const lines = wrong.map((word) => `Error ${word}: Invalid argument`);
  return new CommandError(STATUS.invalid, [...lines, 'Nothing was changed. See: connmanctl help config'], 'Invalid');
}
