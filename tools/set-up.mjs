/**
 * Makes a bare clone ready, on bare Node: the npm packages of the lockfile, the modules configure
 * writes, and the system packages that tests and lab need. Says what it does; a no-op when all is
 * there. `--configure` (npm's `prepare`) does the second alone and needs no development tools.
 */

import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { delimiter, dirname } from 'node:path';
import { chdir } from 'node:process';
import { fileURLToPath } from 'node:url';

/** Commands that must be there, and the Debian package that brings each. */
const SYSTEM_PACKAGES = [
  { commands: ['dbus-daemon'], packageName: 'dbus-daemon' },
  { commands: ['dnsmasq'], packageName: 'dnsmasq-base' },
  { commands: ['ip'], packageName: 'iproute2' },
  { commands: ['cc', 'gcc', 'clang'], packageName: 'gcc libc6-dev' },
];
const COMMAND_PATH = `${process.env.PATH ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`;

function main(isConfigureOnly) {
  if (!isConfigureOnly) installNpmPackages();
  if (existsSync('node_modules/tsx')) run('node', ['--import', 'tsx', 'configure.ts', '--quiet', '--again']);
  if (!isConfigureOnly) installSystemPackages();
}

/** npm records what it installed in node_modules/.package-lock.json. */
function installNpmPackages() {
  const installed = statSync('node_modules/.package-lock.json', { throwIfNoEntry: false });
  if (installed !== undefined && installed.mtimeMs >= statSync('package-lock.json').mtimeMs) return;
  say('installing the npm packages of package-lock.json');
  run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund']);
}

function installSystemPackages() {
  const missing = SYSTEM_PACKAGES.filter(({ commands }) => !commands.some(isThere));
  if (missing.length === 0) return;
  const names = missing.flatMap(({ packageName }) => packageName.split(' '));
  const advice = `install ${names.join(' ')} (Debian's names) and run this again`;
  const commands = missing.map((entry) => entry.commands[0]).join(', ');
  if (!isThere('apt-get')) throw new Error(`${commands} not found: ${advice}`);
  if (process.getuid?.() !== 0) throw new Error(`root is needed to install packages: ${advice}`);
  say(`installing ${names.join(' ')} with apt-get`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const install = ['install', '--yes', '--no-install-recommends', ...names];
  if (spawnSync('apt-get', install, { stdio: 'inherit', env }).status === 0) return;
  say('trying again with fresh package lists');
  run('apt-get', ['update'], env);
  run('apt-get', install, env);
}

function isThere(command) {
  return COMMAND_PATH.split(delimiter).some((folder) => {
    try {
      accessSync(`${folder}/${command}`, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function run(command, args, env = process.env) {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit', env });
  if (error !== undefined) throw new Error(`${command}: ${error.message}`);
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed`);
}

function say(text) {
  console.log(`set-up: ${text}`);
}

chdir(dirname(dirname(fileURLToPath(import.meta.url))));
try {
  main(process.argv.includes('--configure'));
} catch (error) {
  console.error(`set-up: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
