/**
 * Wi-Fi over iwd: radios are iwd's while it runs, before wpa_supplicant's where both do. iwd asks
 * its agent for passphrases, which is us.
 */

import type { Core, Plugin, Scope } from '../../src/api.ts';
import { DBusError } from '../../src/dbus/errors.ts';
import { iwdAgentManagerInterface } from '../../src/dbus/interfaces/iwd.ts';
import { iwdAgentInterface } from '../../src/dbus/interfaces/iwd-agent.ts';
import { logger } from '../../src/shared/log.ts';
import { IWD, IwdObjects } from './objects.ts';
import { attachIwdRadio } from './radio.ts';

const log = logger('plugins/iwd/iwd.ts');

const AGENT_PATH = '/net/connman/iwd_agent';
const MANAGER_PATH = '/net/connman/iwd';

/** The plugin. */
export const iwd: Plugin<Core> = {
  name: 'iwd',
  description: 'Wi-Fi over iwd',
  priority: 'default',
  start(core, scope) {
    let life: Scope | undefined;
    core.bus.watchName(IWD, scope, (owner) => {
      void life?.close();
      life = owner === undefined ? undefined : scope.child();
      if (life !== undefined) void begin(core, life);
    });
  },
};

async function begin(core: Core, life: Scope): Promise<void> {
  try {
    const passphrases = new Map<string, string>();
    const objects = await IwdObjects.open(core.bus, life);
    life.signal.throwIfAborted();
    core.bus.export(AGENT_PATH, iwdAgentInterface, {
      methods: {
        Release: () => undefined,
        Cancel: ({ reason }) => log.debug('iwd asks no more: %s', reason),
        RequestPassphrase({ path }) {
          const passphrase = passphrases.get(path);
          if (passphrase === undefined) throw new DBusError(`${IWD}.Agent.Error.Failed`, 'Invalid parameters');
          return passphrase;
        },
      },
    }, life);
    await objects.proxy(iwdAgentManagerInterface, MANAGER_PATH).RegisterAgent({ path: AGENT_PATH });
    life.signal.throwIfAborted();
    const env = { core, objects, passphrases };
    core.technologies.register({
      type: 'wifi', rank: 1, attach: (device, own) => attachIwdRadio(env, device, own),
    }, life);
  } catch (error) {
    if (!life.signal.aborted) log.error('iwd cannot be used: %s', error instanceof Error ? error.message : error);
  }
}
