/**
 * A real dbus-daemon on a socket of its own in a temporary directory: nothing of the machine's own
 * buses is touched. Ended with the scope.
 */

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import type { Scope } from '../../src/shared/scope.ts';

/** A running dbus-daemon. */
export interface PrivateBus {
  readonly address: string;
  /** Sends the daemon a signal: SIGKILL ends it, SIGSTOP makes it deaf. */
  kill(signal: NodeJS.Signals): void;
}

/** Starts a bus; `limits` are dbus-daemon's `<limit>` names and values. */
export async function startPrivateBus(scope: Scope, limits: Limits = {}): Promise<PrivateBus> {
  const directory = mkdtempSync(`${tmpdir()}/causeway-bus-`);
  scope.defer(() => rmSync(directory, { recursive: true, force: true }));
  const config = `${directory}/bus.conf`;
  writeFileSync(config, configuration(`${directory}/socket`, limits));
  const args = ['--nofork', '--nopidfile', '--nosyslog', `--config-file=${config}`, '--print-address=1'];
  const daemon = spawn('dbus-daemon', args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = new Promise<void>((resolve) => daemon.once('exit', () => resolve()));
  scope.defer(() => {
    daemon.kill('SIGKILL');
    return ended;
  });
  const lines = createInterface(daemon.stdout);
  const address = await new Promise<string>((resolve, reject) => {
    lines.once('line', resolve);
    daemon.once('error', reject);
    daemon.once('exit', (code) => reject(new Error(`dbus-daemon ended with ${code}`)));
  });
  return { address, kill: (signal) => void daemon.kill(signal) };
}

type Limits = Readonly<Record<string, number>>;

function configuration(socket: string, limits: Limits): string {
  const lines = Object.entries(limits).map(([name, value]) => `<limit name="${name}">${value}</limit>`);
  return `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=${socket}</listen><auth>EXTERNAL</auth>
<policy context="default">
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
</policy>
${lines.join('')}</busconfig>
`;
}
