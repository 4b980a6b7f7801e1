/**
 * A helper that calls a script of vpnc's kind (vpnc(8), "Script") with what its tunnel is: openconnect and
 * vpnc. Its word is taken as long as it runs, and its end is the tunnel's.
 */

import { logger } from '../../../src/shared/log.ts';
import type { ChildExit, Session, TaskOptions, VpnFailure } from '../../api.ts';
import { readScriptTunnel } from './vpnc-script.ts';

const log = logger('vpn/plugins/lib/scripted.ts');

/** What to run, and how it fails. */
export interface Scripted extends Omit<TaskOptions, 'onNotice' | 'environment'> {
  /** Why there was no tunnel, once the helper has ended without one. */
  failure(exit: ChildExit): VpnFailure;
}

/** The helper is trying by itself: not the end. */
const PASSING = new Set(['attempt-reconnect', 'reconnect']);

/** The arguments that name the script. */
export function scriptArguments({ env }: Session): string[] {
  return ['--script', `${env.scriptDirectory}/vpn-script`];
}

/** Runs the helper; resolves when its tunnel has ended. Rejects with VpnFailure. */
export async function runScripted(session: Session, { failure, ...options }: Scripted): Promise<void> {
  const { ident, host, signal } = session;
  let isUp = false;
  const task = session.startTask({
    ...options,
    environment: { LANG: 'C', LC_ALL: 'C' },
    onNotice({ reason, environment }) {
      const tunnel = reason === 'connect' ? readScriptTunnel(environment, host) : undefined;
      if (tunnel !== undefined) {
        isUp = true;
        session.up(tunnel);
        return;
      }
      log.info('%s: %s reports %s', ident, options.file, reason);
      if (!PASSING.has(reason)) void task.stop();
    },
  });
  signal.addEventListener('abort', () => void task.stop(), { once: true });
  const exit = await task.exited;
  if (!isUp && !signal.aborted) throw failure(exit);
}
