/**
 * Starts the plugins a build selected: by priority, then in list order; each in a scope of its own,
 * so that closing `scope` stops them in reverse. A plugin that fails to start is logged and its
 * scope closed; the daemon goes on without it.
 */

import { stackOf } from '../shared/errors.ts';
import { matchesGlob } from '../shared/glob.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';

const log = logger('src/daemon/plugin-host.ts');

/** A unit of function that configure.ts can leave out. `C` is what the host offers it. */
export interface Plugin<C> {
  /** What `-p` and `-P` match. */
  readonly name: string;
  /** One line for people. */
  readonly description: string;
  readonly priority: 'low' | 'default' | 'high';
  /** Registers what the plugin offers; all of it belongs to `scope`. */
  start(core: C, scope: Scope): void | Promise<void>;
}

/** Glob patterns of `-p` and `-P`; `noplugin` is asked first. */
export interface PluginFilter {
  readonly plugin?: readonly string[] | undefined;
  readonly noplugin?: readonly string[] | undefined;
}

const RANK = { high: 0, default: 1, low: 2 } as const;

/** Resolves when every plugin has started or failed; none waits for another's promise. */
export async function startPlugins<C>(
  plugins: readonly Plugin<C>[],
  core: C,
  filter: PluginFilter,
  scope: Scope,
): Promise<void> {
  const chosen = plugins.filter((plugin) => isChosen(plugin, filter));
  chosen.sort((one, other) => RANK[one.priority] - RANK[other.priority]);
  await Promise.all(chosen.map((plugin) => startOne(plugin, core, scope.child())));
}

function isChosen(plugin: Plugin<never>, filter: PluginFilter): boolean {
  const matches = (pattern: string): boolean => matchesGlob(pattern, plugin.name);
  if (filter.noplugin?.some(matches) === true) {
    log.info('Excluding %s', plugin.description);
    return false;
  }
  if (filter.plugin?.some(matches) === false) {
    log.info('Ignoring %s', plugin.description);
    return false;
  }
  return true;
}

async function startOne<C>(plugin: Plugin<C>, core: C, scope: Scope): Promise<void> {
  try {
    await plugin.start(core, scope);
    log.debug('plugin %s started', plugin.name);
  } catch (error) {
    log.error('plugin %s failed to start: %s', plugin.name, stackOf(error));
    await scope.close();
  }
}
