/**
 * connect and disconnect. With options for passphrase, user name or a hidden network, or on a
 * terminal, an agent of ours answers the daemon's questions while the connection is made.
 */

import { readFileSync } from 'node:fs';
import { peerInterface } from '../../dbus/interfaces/peer.ts';
import { messageOf } from '../../shared/errors.ts';
import { type Agent, coreAgent } from '../agent/agent.ts';
import type { Call, Given } from '../command.ts';
import { type Context, PATIENCE } from '../context.ts';
import { CommandError, failed, invalid, isConnmanError, isUnknownObject, STATUS } from '../errors.ts';
import { NO_SUCH_SERVICE, SERVICE_PATH, withService } from '../find-service.ts';
import { identifierOf } from '../listings.ts';
import { usage } from '../run-command.ts';
import { textOf } from '../values.ts';
import { isReached, waitingTime, wantedState, watchService, withinTime } from '../wait.ts';
import { isIdentifier } from '../words.ts';
import { rethrow } from './read.ts';

/** `connect`. */
export async function connect(context: Context, { words: [word], given, command }: Call): Promise<void> {
  if (word === undefined) throw invalid(command.name, usage(command));
  if (isPeer(word)) return connectPeer(context, word, true);
  const wanted = wantedState(command.name, given);
  const limitMs = waitingTime(command.name, given);
  const agent = context.part(coreAgent);
  const wasRegistered = agent.isRegistered;
  await prepareAgent(context, agent, word, given);
  let connected = '';
  try {
    const path = given.has('hidden') ? await hiddenService(context, agent) : undefined;
    const use = (found: string): Promise<void> => {
      connected = found;
      return connectService(context, found, wanted !== undefined);
    };
    await (path === undefined ? withService(context, command.name, word, use) : use(path));
  } catch (error) {
    throw connectError(word, error, agent);
  } finally {
    await dismissAgent(agent, wasRegistered);
  }
  if (wanted !== undefined) {
    const path = given.has('hidden') ? await serviceCalled(context, word, connected) : connected;
    await waitForService(context, path, wanted, limitMs);
  }
  context.output.print(`Connected ${word}\n`);
}

/** `disconnect`. */
export async function disconnect(context: Context, { words: [word], command }: Call): Promise<void> {
  if (word === undefined) throw invalid(command.name, usage(command));
  if (isPeer(word)) return connectPeer(context, word, false);
  await withService(context, command.name, word, async (path) => {
    const service = await context.service(path);
    await service.Disconnect({}, PATIENCE);
  }).catch(rethrow(`Error ${shownPath(word)}`, NO_SUCH_SERVICE));
  context.output.print(`Disconnected ${word}\n`);
}

async function connectService(context: Context, path: string, isWaiting: boolean): Promise<void> {
  const service = await context.service(path);
  try {
    await service.Connect({}, PATIENCE);
  } catch (error) {
    // Whoever waits for the state does not mind who began.
    if (!isWaiting || !isConnmanError(error, 'AlreadyConnected', 'InProgress')) throw error;
  }
}

async function waitForService(
  context: Context,
  path: string,
  wanted: 'ready' | 'online',
  limitMs: number,
): Promise<void> {
  const name = identifierOf(path);
  const state = await withinTime(context, limitMs, `${name} is not ${wanted}`, (scope) =>
    watchService(context, path, scope, (now) => isReached(now, wanted) || now === 'failure' || now === undefined),
  );
  if (isReached(state, wanted)) return;
  const lines = [`Error ${path}: ${state === undefined ? 'Not found' : 'Input/output error'}`];
  throw new CommandError(STATUS.daemonError, [...lines, `See \`connmanctl services ${name}\`.`], 'Failed');
}

/** Answers from the options; without any, our agent is there only where a person can be asked. */
async function prepareAgent(context: Context, agent: Agent, word: string, given: Given): Promise<void> {
  const answers = new Map<string, string>();
  if (given.has('hidden')) answers.set('Name', word);
  const identity = given.value('identity');
  if (identity !== undefined) for (const field of ['Identity', 'Username']) answers.set(field, identity);
  const passphrase = await readPassphrase(context, given);
  if (passphrase !== undefined) for (const field of ['Passphrase', 'Password']) answers.set(field, passphrase);
  agent.expect(answers);
  if (context.isInteractive && answers.size === 0) return;
  if (answers.size === 0 && context.ask === undefined) return;
  agent.isVerbose = context.isInteractive;
  if (agent.isRegistered) return;
  await agent.register().catch((error: unknown) => {
    throw failed('Error registering Agent', error);
  });
}

/** What was said for this connection is no answer to later questions. */
async function dismissAgent(agent: Agent, wasRegistered: boolean): Promise<void> {
  agent.expect(new Map());
  agent.isVerbose = true;
  // A daemon that has gone has forgotten the agent by itself.
  if (agent.isRegistered && !wasRegistered) await agent.unregister().catch(() => undefined);
}

async function readPassphrase(context: Context, given: Given): Promise<string | undefined> {
  const file = given.value('passphrase-file');
  if (given.has('passphrase-stdin') && context.isInteractive && context.ask !== undefined) {
    return context.ask('Passphrase? ', context.scope.signal);
  }
  const source = given.has('passphrase-stdin') ? 0 : file;
  if (source === undefined) return undefined;
  try {
    return readFileSync(source, 'utf8').split(/\r?\n/, 1)[0] ?? '';
  } catch (error) {
    const reason = messageOf(error);
    throw invalid('connect', `The passphrase cannot be read: ${reason}`);
  }
}

/** The service that stands for networks without a name, protected or open as we have a passphrase or not. */
async function hiddenService(context: Context, agent: Agent): Promise<string> {
  const manager = await context.manager();
  const services = await manager.GetServices({}, PATIENCE);
  const hidden = services.filter(([path, properties]) => {
    return textOf(properties, 'Type') === 'wifi' && /_hidden_[a-z]+_[a-z0-9]+$/.test(path);
  });
  const isOpen = (path: string): boolean => path.endsWith('_none');
  const [found] = hidden.find(([path]) => isOpen(path) !== agent.answers.has('Passphrase')) ?? hidden[0] ?? [];
  if (found !== undefined) return found;
  const lines = ['Error: Not found', 'No hidden network is near: `connmanctl scan wifi` looks again.'];
  throw new CommandError(STATUS.daemonError, lines, 'NotFound');
}

/** What was called by its name is another service than the one without: the one that has the name now. */
async function serviceCalled(context: Context, name: string, otherwise: string): Promise<string> {
  const manager = await context.manager();
  const services = await manager.GetServices({}, PATIENCE);
  const named = services.filter(([, properties]) =>
    textOf(properties, 'Type') === 'wifi' && textOf(properties, 'Name') === name);
  const inUse = named.find(([, properties]) => !['idle', 'failure'].includes(textOf(properties, 'State') ?? ''));
  return (inUse ?? named[0])?.[0] ?? otherwise;
}

function connectError(word: string, error: unknown, agent: Agent): CommandError {
  const { unanswered } = agent;
  const isUnasked = isConnmanError(error, 'NotRegistered', 'PassphraseRequired') && agent.answers.size === 0;
  const problem = failed(`Error ${shownPath(word)}`, error, (answer) => {
    if (isUnknownObject(answer)) return NO_SUCH_SERVICE;
    if (unanswered !== undefined) return `The daemon asks for ${unanswered}: ${HOW_TO_ANSWER}`;
    return isUnasked ? `A question must be answered: ${HOW_TO_ANSWER}` : undefined;
  });
  if (unanswered === undefined && !isUnasked) return problem;
  return new CommandError(STATUS.cannotAsk, problem.lines, problem.errorName);
}

const HOW_TO_ANSWER = 'use --passphrase-file, --passphrase-stdin or --identity, or connect on a terminal.';

async function connectPeer(context: Context, word: string, isOn: boolean): Promise<void> {
  const path = `/net/connman/peer/${word}`;
  const peer = await context.proxy(peerInterface, path);
  await (isOn ? peer.Connect({}, PATIENCE) : peer.Disconnect({}, PATIENCE)).catch(rethrow(`Error ${path}`, NO_PEER));
  context.output.print(`${isOn ? 'Connected' : 'Disconnected'} ${word}\n`);
}

const NO_PEER = 'There is no such peer: `connmanctl peers` lists them.';

function isPeer(word: string): boolean {
  return word.startsWith('peer_') && isIdentifier(word);
}

function shownPath(word: string): string {
  return isIdentifier(word) ? SERVICE_PATH + word : word;
}
