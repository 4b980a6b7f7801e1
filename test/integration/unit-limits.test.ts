/**
 * connmand within the limits of its systemd unit: capabilities and read-only directories as
 * connman.service has them. It brings a link online, reads a PAC file in its child, and scripts of
 * dispatcher.d get the same limits, as connmand(8) says.
 */

import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { completeDirectories } from '../../tools/configure/directories.ts';
import { connmandPage } from '../../tools/documents/pages.ts';
import { until } from '../helpers/patience.ts';
import { SERVER_ADDRESS } from '../helpers/cell.ts';
import { daemon, plugIn, SERVICE, withWiredCell } from '../helpers/wired.ts';

const UNIT = readFileSync('src/connman.service.in', 'utf8');
const CAPABILITIES = [...UNIT.matchAll(/^CapabilityBoundingSet=(.*)$/gm)].flatMap(([, names = '']) => names.split(' '));

const SCRIPT = `#!/bin/sh
[ "$CONNMAN_STATE" = ready ] || exit 0
grep CapBnd /proc/self/status >/run/limits
touch /etc/written 2>>/run/limits
touch /usr/written 2>>/run/limits
echo done >>/run/limits
`;

test('all of it works within the limits of the unit, and scripts have them too', () =>
  withWiredCell({}, async (cell) => {
    assert.match(UNIT, /^ProtectSystem=full$/m);
    const scripts = cell.device.path('/etc/connman/dispatcher.d');
    mkdirSync(scripts, { mode: 0o755 });
    writeFileSync(`${scripts}/10-look`, SCRIPT);
    chmodSync(`${scripts}/10-look`, 0o755);
    // systemd.exec(5): full is /usr, the boot loader's directories and /etc.
    const limits = ['/usr', '/etc'].map((path) => `mount --rbind ${path} ${path} && mount -o remount,bind,ro ${path}`);
    const bounding = ['-all', ...CAPABILITIES.map((name) => name.toLowerCase().replace('cap_', '+'))]
      .filter((each) => each !== '+sys_time'); // which no test has
    const run = `exec setpriv --bounding-set ${bounding.join(',')} --inh-caps ${bounding.join(',')} "$@"`;
    await cell.startDaemon(
      ['unshare', '-m', 'sh', '-ec', [...limits, run].join('\n'), 'sh', ...daemon.argv], daemon.busName,
    );
    await plugIn(cell);
    const hasRun = async (): Promise<boolean> =>
      (await cell.device.run(['cat', '/run/limits'])).stdout.endsWith('done\n');
    await until('the script to have run', hasRun);
    const told = cell.device.read('/run/limits');
    assert.equal([...told.matchAll(/^touch: .*'(\S+)': Read-only file system$/gm)].map(([, path]) => path), [
      '/etc/written', '/usr/written',
    ]);
    assert.is(BigInt(`0x${/CapBnd:\s+(\w+)/.exec(told)?.[1]}`), bits(CAPABILITIES));
    assert.match(await cell.device.output(['cat', '/etc/resolv.conf']), 'nameserver');
    const settings = ['grep', '-q', '^Name=Wired', `/var/lib/connman/${SERVICE}/settings`];
    await until('settings to be written', async () => (await cell.device.run(settings)).status === 0);

    // The child that reads the file of a proxy is nobody, and is ended by us.
    const server = cell.server.spawn([process.execPath, '-e', PAC_SERVER]);
    await server.waitForLine((line) => line === 'ready');
    const connmanctl = (...words: string[]): Promise<string> =>
      cell.device.output([resolve('build/bin/connmanctl'), ...words]);
    await connmanctl('config', SERVICE, '--proxy', 'auto', `http://${SERVER_ADDRESS}:8080/proxy.pac`);
    await until('a check by way of the proxy, which refuses', async () => {
      return /OnlineCheck = .*Outcome=failed, Reason=refused/.test(await connmanctl('extras', SERVICE));
    });
    await connmanctl('checkpoint', 'create');
  }));

/** Names a proxy that refuses. */
const PAC_SERVER = `require('http').createServer((_, reply) => {
  reply.end('function FindProxyForURL() { return "PROXY ${SERVER_ADDRESS}:9"; }');
}).listen(8080, '${SERVER_ADDRESS}', () => console.log('ready'));`;

test('the manual names every limit that scripts inherit', () => {
  const page = connmandPage(completeDirectories({}));
  for (const [, limit = ''] of UNIT.matchAll(/^((?:Protect|Capability|Private|NoNew|Restrict)\w+)=/gm)) {
    assert.match(page, limit);
  }
});

/** linux/capability.h, without CAP_SYS_TIME. */
function bits(names: readonly string[]): bigint {
  const numbers: Readonly<Record<string, bigint>> = {
    CAP_KILL: 5n, CAP_SETGID: 6n, CAP_SETUID: 7n, CAP_NET_BIND_SERVICE: 10n, CAP_NET_ADMIN: 12n, CAP_NET_RAW: 13n,
    CAP_SYS_MODULE: 16n, CAP_SYS_ADMIN: 21n,
  };
  return names.reduce((sum, name) => sum | (numbers[name] === undefined ? 0n : 1n << numbers[name]), 0n);
}

test.run();
