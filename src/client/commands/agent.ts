/**
 * agent and vpnagent: whether this console answers the questions of the daemons. Only where someone
 * stays to answer: in the interactive console.
 */

import { type Agent, coreAgent, vpnAgent as theVpnAgent } from '../agent/agent.ts';
import type { Call } from '../command.ts';
import type { Context } from '../context.ts';
import { CommandError, failed, invalid, STATUS } from '../errors.ts';
import { usage } from '../run-command.ts';
import { parseBoolean } from '../words.ts';

/** `agent on|off`. */
export function agent(context: Context, call: Call): Promise<void> {
  return toggle(context, call, { make: coreAgent, title: 'Agent' });
}

/** `vpnagent on|off`. */
export function vpnAgent(context: Context, call: Call): Promise<void> {
  return toggle(context, call, { make: theVpnAgent, title: 'VPN Agent' });
}

interface Kind {
  readonly make: (context: Context) => Agent;
  readonly title: string;
}

async function toggle(context: Context, { words: [word], command }: Call, { make, title }: Kind): Promise<void> {
  if (!context.isInteractive) {
    const advice = 'Start connmanctl without a command, or give `connect` the passphrase: connmanctl help connect';
    throw new CommandError(STATUS.cannotAsk, ['Error: Not supported in non-interactive mode', advice], 'NotSupported');
  }
  const isOn = parseBoolean(word);
  if (isOn === undefined) throw invalid(command.name, usage(command));
  const ours = context.part(make);
  if (isOn === ours.isRegistered) {
    const line = isOn ? `${title} already registered` : `${title} not registered`;
    throw new CommandError(STATUS.already, [line], 'AlreadyDone');
  }
  try {
    if (isOn) await ours.register();
    else await ours.unregister();
  } catch (error) {
    throw failed(`Error ${isOn ? '' : 'un'}registering ${title}`, error);
  }
  context.output.print(`${title} ${isOn ? '' : 'un'}registered\n`);
}
