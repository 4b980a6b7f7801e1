/**
 * The policies we install, read by the real bus: the plain one lets root own and call the names.
 * Each runs on a private dbus-daemon of type `system`, as on a machine.
 */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { completeDirectories } from '../../tools/configure/directories.ts';
import { TEMPLATES, fillIn } from '../../tools/install-files.ts';

const DOCTYPE = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">`;

/** What a system bus allows by itself: calls to the bus and method returns, no names. */
const SYSTEM_RULES = `<policy context="default"><allow user="*"/><deny own="*"/><deny send_type="method_call"/>
 <allow send_type="signal"/><allow send_requested_reply="true" send_type="method_return"/>
 <allow send_requested_reply="true" send_type="error"/><allow receive_type="method_call"/>
 <allow receive_type="method_return"/><allow receive_type="error"/><allow receive_type="signal"/>
 <allow send_destination="org.freedesktop.DBus"/></policy>`;

const policies = TEMPLATES.filter(({ target }) => target(completeDirectories({})).includes('/dbus-1/system.d/'));

for (const { template, program } of policies) {
  const name = program === 'connmand' ? 'net.connman' : 'net.connman.vpn';
  test(`${template} lets root own ${name} and nothing else`, () => {
    withBus(template, (address) => {
      assert.is(requestName(address, name), 'uint32 1');
      assert.match(requestName(address, 'net.elsewhere'), 'AccessDenied');
    });
  });
}

function withBus(template: string, use: (address: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-policy-'));
  const file = join(folder, 'bus.conf');
  const policy = join(folder, 'policy.conf');
  const listen = `<listen>unix:path=${join(folder, 'bus')}</listen>`;
  writeFileSync(policy, fillIn(readFileSync(template, 'utf8'), completeDirectories({})));
  const rules = `<type>system</type>${listen}${SYSTEM_RULES}<include>${policy}</include>`;
  writeFileSync(file, `${DOCTYPE}<busconfig>${rules}</busconfig>`);
  const arguments_ = [`--config-file=${file}`, '--fork', '--print-pid', '--nopidfile'];
  const pid = execFileSync('dbus-daemon', arguments_, { encoding: 'utf8' });
  try {
    use(`unix:path=${join(folder, 'bus')}`);
  } finally {
    process.kill(Number(pid));
    rmSync(folder, { recursive: true });
  }
}

function requestName(address: string, name: string): string {
  const call = ['--print-reply=literal', '--dest=org.freedesktop.DBus', '/', 'org.freedesktop.DBus.RequestName'];
  try {
    return execFileSync('dbus-send', [`--bus=${address}`, ...call, `string:${name}`, 'uint32:0'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim();
  } catch (error) {
    return String(error);
  }
}

test.run();
