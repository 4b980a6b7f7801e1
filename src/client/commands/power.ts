/**
 * enable, disable and scan: what is done to a technology as a whole, and offline mode.
 */

import { DBusError } from '../../dbus/errors.ts';
import { causewayManagerInterface } from '../../dbus/interfaces/causeway-manager.ts';
import { causewayTechnologyInterface } from '../../dbus/interfaces/causeway-technology.ts';
import { propertiesInterface } from '../../dbus/interfaces/freedesktop.ts';
import { variant } from '../../dbus/signature.ts';
import type { Call } from '../command.ts';
import { type Context, PATIENCE } from '../context.ts';
import { CommandError, failed, invalid, isConnmanError, isUnknownObject, STATUS } from '../errors.ts';
import { type Properties, textOf } from '../values.ts';
import { isReached, waitingTime, wantedState, watchManager, withinTime } from '../wait.ts';
import { isIdentifier } from '../words.ts';
import { usage } from '../run-command.ts';

/** `enable`, with `--wait` until the system is ready or online. */
export async function enable(context: Context, call: Call): Promise<void> {
  const wanted = wantedState('enable', call.given);
  const limitMs = waitingTime('enable', call.given);
  const problem = await setPower(context, call, true);
  if (wanted !== undefined && (problem === undefined || problem.errorName.endsWith('AlreadyEnabled'))) {
    if (problem !== undefined) for (const line of problem.lines) context.output.complain(line);
    await withinTime(context, limitMs, `the system is not ${wanted}`, (scope) =>
      watchManager(context, scope, (state) => isReached(state, wanted)),
    );
  } else if (problem !== undefined) throw problem;
}

/** `disable`. */
export async function disable(context: Context, call: Call): Promise<void> {
  const problem = await setPower(context, call, false);
  if (problem !== undefined) throw problem;
}

/** `scan`: returns when the scan has been made. */
export async function scan(context: Context, { words: [type], command }: Call): Promise<void> {
  if (type === undefined || !isIdentifier(type)) throw invalid(command.name, usage(command));
  const technology = await context.technology(type);
  const path = `/net/connman/technology/${type}`;
  await technology.Scan({}, PATIENCE).catch(async (error: unknown) => {
    const why = isAnswer(error) ? await whyNotScanned(context, path) : undefined;
    const whyNot = isUnknownObject(error) ? await whyNotThere(context, type) : undefined;
    throw failed(`Error ${path}`, error, () => whyNot ?? why);
  });
  context.output.print(`Scan completed for ${type}\n`);
}

/** What Causeway's word for it means; undefined where the daemon has none. */
async function whyNotScanned(context: Context, path: string): Promise<string | undefined> {
  const properties = await context.proxy(propertiesInterface, path);
  const property = { interface_name: causewayTechnologyInterface.name, property_name: 'LastScan' };
  const value = await properties.Get(property, PATIENCE).catch(() => undefined);
  const facts = value?.as('a{sv}');
  const reason = facts?.get('Reason')?.as('s');
  if (reason === undefined) return undefined;
  const sentence = SCAN_TROUBLES[reason] ?? facts?.get('Detail')?.as('s') ?? 'It was refused.';
  return `${context.output.show(sentence)} [${context.output.show(reason)}]`;
}

function isAnswer(error: unknown): boolean {
  return error instanceof DBusError && error.name.startsWith('net.connman.Error.');
}

const SCAN_TROUBLES: Readonly<Record<string, string>> = {
  'no-device': 'No device of it can scan.',
  off: 'It is turned off: connmanctl enable turns it on.',
  'soft-blocked': 'Its radio is blocked: connmanctl enable frees it.',
  'hard-blocked': 'The switch of the device is off.',
  busy: 'A network is just being joined, or others may join here: try again later.',
  aborted: 'Somebody else ended the scan: try again.',
  timeout: 'The driver does not end the scan: turn it off and on again.',
  gone: 'The device went meanwhile.',
};

const NO_TECHNOLOGY = 'There is no such technology: `connmanctl technologies` lists them.';

// One that no program can power is not on the bus, but Causeway says why.
async function whyNotThere(context: Context, type: string): Promise<string> {
  const manager = await context.proxy(causewayManagerInterface, '/');
  const all = await manager.Explain({}, PATIENCE).catch((): readonly Properties[] => []);
  const finding = all.find((each) => textOf(each, 'Subject') === type && textOf(each, 'About') === 'power');
  return (finding && textOf(finding, 'Text')) ?? NO_TECHNOLOGY;
}

async function setPower(context: Context, call: Call, isOn: boolean): Promise<CommandError | undefined> {
  const { words: [type], command } = call;
  if (type === undefined || !isIdentifier(type)) throw invalid(command.name, usage(command));
  try {
    if (type === 'offline') {
      const manager = await context.manager();
      await manager.SetProperty({ name: 'OfflineMode', value: variant('b', isOn) }, PATIENCE);
    } else {
      const technology = await context.technology(type);
      await technology.SetProperty({ name: 'Powered', value: variant('b', isOn) }, PATIENCE);
    }
  } catch (error) {
    return powerError(context, { type, isOn }, error);
  }
  context.output.print(isOn ? `Enabled ${type}\n` : `Disable ${type}\n`);
  return undefined;
}

async function powerError(
  context: Context, { type, isOn }: { readonly type: string; readonly isOn: boolean }, error: unknown,
): Promise<CommandError> {
  if (isUnknownObject(error)) {
    const lines = [`${type} is not available`, context.output.show(await whyNotThere(context, type))];
    return new CommandError(STATUS.daemonError, lines, 'UnknownObject');
  }
  if (isConnmanError(error, 'AlreadyEnabled', 'AlreadyDisabled')) {
    const name = `net.connman.Error.Already${isOn ? 'Enabled' : 'Disabled'}`;
    return new CommandError(STATUS.daemonError, [`${type} is already ${isOn ? 'enabled' : 'disabled'}`], name);
  }
  return failed(`Error ${type}`, error);
}
