/**
 * What the README and package.json promise exists: every command, script file and path named there.
 */

import { existsSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import { assertNone } from './sources.ts';

const readme = readFileSync('README.md', 'utf8');
const scripts: Readonly<Record<string, string>> = JSON.parse(readFileSync('package.json', 'utf8')).scripts;

test('every npm command of the README is a script', () => {
  const calls = readme.matchAll(/\bnpm (?:run ([a-z:-]+)|(test)\b)/g);
  const commands = [...calls].map(([, run, plain]) => run ?? plain ?? '');
  assertNone([...new Set(commands)].filter((name) => scripts[name] === undefined));
});

test('every script is in the README', () => {
  const internal = ['prepare'];
  const names = Object.keys(scripts).filter((name) => !internal.includes(name));
  assertNone(names.filter((name) => !readme.includes(`npm run ${name}`) && !readme.includes(`npm ${name}`)));
});

test('every file that a script runs exists', () => {
  const files = Object.values(scripts).flatMap((script) => script.match(/\b[\w/-]+\.(ts|mjs)\b/g) ?? []);
  assertNone([...new Set(files)].filter((file) => !existsSync(file)));
});

test('every path in backticks in the README exists', () => {
  const mentions = readme.matchAll(/`((?:src|plugins|vpn|tools|test|\.ci)\/[\w./-]*)`/g);
  const paths = [...mentions].map(([, path]) => path ?? '');
  assertNone([...new Set(paths)].filter((path) => !existsSync(path)));
});

test.run();
