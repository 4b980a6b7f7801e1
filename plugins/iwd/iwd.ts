/**
 * Wi-Fi over iwd: radios that iwd has are its while it runs, before wpa_supplicant's where both do;
 * one that it leaves alone (its -I) is the other's. iwd asks its agent for secrets, which is us, and
 * connects nothing by itself.
 */

import type { Core, Plugin, Scope } from '../../src/api.ts';
import {
  iwdAgentManagerInterface, iwdDeviceInterface, iwdKnownNetworkInterface,
} from '../../src/dbus/interfaces/iwd.ts';
import { variant } from '../../src/dbus/signature.ts';
import { messageOf } from '../../src/shared/errors.ts';
import { logger } from '../../src/shared/log.ts';
import { followDaemon } from '../lib/wifi/daemon-lives.ts';
import { AGENT_PATH, IwdAgent } from './agent.ts';
import { attachIwdRadio, deviceNamed } from './attach.ts';
import type { IwdEnv } from './joiner.ts';
import { KernelAir } from './kernel-air.ts';
import { IWD, IwdObjects } from './objects.ts';
import { IwdProfiles } from './profiles.ts';

const log = logger('plugins/iwd/iwd.ts');

const MANAGER_PATH = '/net/connman/iwd';

const ABSENCE = 'iwd does not run';

/** How long iwd may take to show a device for an interface before it counts as not its. */
const CLAIM_MS = 3_000;

/** The plugin. */
export const iwd: Plugin<Core> = {
  name: 'iwd',
  description: 'Wi-Fi over iwd',
  priority: 'default',
  start(core, scope) {
    const { absences } = core.technologies;
    const noteAbsent = (): void => {
      if (!absences.has('wifi')) absences.set('wifi', ABSENCE);
    };
    noteAbsent();
    // It takes radios by itself: nobody is to be surprised who has another supplicant.
    const isWanted = (): boolean => !core.technologies.isServed('wifi');
    followDaemon({ name: IWD, isWanted }, core, scope, (life) => {
      if (absences.get('wifi') === ABSENCE) absences.delete('wifi');
      life.defer(noteAbsent);
      void begin(core, life);
    });
  },
};

async function begin(core: Core, life: Scope): Promise<void> {
  try {
    const objects = await IwdObjects.open(core.bus, life);
    const agent = new IwdAgent(core, life);
    // It owns its name before it serves anything.
    await objects.wait(() => objects.get(MANAGER_PATH, iwdAgentManagerInterface), life.signal, life);
    await objects.proxy(iwdAgentManagerInterface, MANAGER_PATH).RegisterAgent({ path: AGENT_PATH });
    life.signal.throwIfAborted();
    const profiles = new IwdProfiles(objects, core.clock, life);
    const env = { core, objects, profiles, agent, air: new KernelAir(core, life) };
    forbidAutoconnect(env, life);
    serve(env, life);
  } catch (error) {
    if (!life.signal.aborted) log.error('iwd cannot be used: %s', messageOf(error));
  }
}

// What is connected is decided here, not there.
function forbidAutoconnect({ objects }: IwdEnv, life: Scope): void {
  const forbid = (path: string): void => {
    if (objects.get(path, iwdKnownNetworkInterface)?.get('AutoConnect')?.value !== true) return;
    objects.set(path, iwdKnownNetworkInterface, 'AutoConnect', variant('b', false))
      .catch((error: unknown) => log.debug('%s: %s', path, error));
  };
  objects.changed.observe(life, (change) => {
    if (change.interface === iwdKnownNetworkInterface.name) forbid(change.path);
  });
  for (const path of objects.with(iwdKnownNetworkInterface)) forbid(path);
}

// An interface is iwd's until it has had the time to say so.
function serve(env: IwdEnv, life: Scope): void {
  const { core, objects } = env;
  const left = new Set<string>();
  const reconsider = core.technologies.register({
    type: 'wifi',
    rank: 1,
    hasAccessPoints: true,
    has: (name) => !left.has(name),
    attach: (device, own) => attachIwdRadio(env, device, own),
  }, life);
  const judge = (name: string): void => {
    const isLeft = deviceNamed(env, name) === undefined;
    if (isLeft === left.has(name)) return;
    if (isLeft) left.add(name);
    else left.delete(name);
    log.debug('%s is %s', name, isLeft ? 'none of iwd\'s' : 'iwd\'s');
    reconsider();
  };
  const judgeLater = (name: string, scope: Scope): void => {
    core.clock.after(`see whether iwd has ${name}`, CLAIM_MS, scope, () => judge(name));
  };
  const follow = (type: string, name: string, scope: Scope): void => {
    if (type !== 'wifi') return;
    const own = life.child();
    scope.defer(() => own.close());
    judgeLater(name, own);
  };
  for (const { type, link, scope } of core.interfaces.managed) follow(type, link.name, scope);
  core.interfaces.appeared.observe(life, ({ type, link, scope }) => follow(type, link.name, scope));
  objects.changed.observe(life, ({ path, interface: changed }) => {
    if (changed !== iwdDeviceInterface.name) return;
    const name = objects.get(path, iwdDeviceInterface)?.get('Name')?.as('s');
    if (name !== undefined && left.has(name)) judge(name);
  });
}
