/**
 * What is in a program is what was configured: a feature turned off leaves none of its files in any
 * bundle, the console has none of the daemon's, and building twice gives the same bytes.
 */

import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FEATURES } from '../../tools/configure/tables.ts';
import {
  PROGRAMS, bundleProgram, fullConfiguration, isWanted, type Bundle, type Program,
} from '../../tools/programs.ts';

for (const program of PROGRAMS) {
  test(`${program.name} is the same, byte for byte, when built twice`, async () => {
    const [first, second] = await Promise.all([bundle(program), bundle(program)]);
    assert.is(digest(first), digest(second));
  });
}

/** With every feature on: bundled once for all of them. */
let everything: Promise<string[]> | undefined;

for (const [name, feature] of Object.entries(FEATURES)) {
  test(`${name} is linked when on, and leaves nothing behind when off`, async () => {
    everything ??= inputsOfAll([]);
    const left = await inputsOfAll([name]);
    for (const module of [feature.module, feature.vpnModule]) {
      if (module === undefined) continue;
      assert.ok((await everything).includes(module), `${module} is in no program`);
      assert.equal(left.filter((input) => belongsTo(input, module)), []);
    }
  });
}

test('the console links neither the daemon nor the native code', async () => {
  const console = PROGRAMS.find(({ name }) => name === 'connmanctl');
  assert.ok(console !== undefined);
  const inputs = Object.keys((await bundle(console)).metafile.inputs);
  assert.equal(inputs.filter((input) => /^(src\/(system|daemon|netlink|dhcp)|plugins)\//.test(input)), []);
});

test('the one package is in the one program that reads portals, and that goes with its plugin', async () => {
  const isPackage = (input: string): boolean => input.includes('node_modules/');
  for (const program of PROGRAMS) {
    const inputs = Object.keys((await bundle(program)).metafile.inputs);
    assert.is(inputs.some(isPackage), program.name === 'confined-wispr', program.name);
  }
  const [connmand] = PROGRAMS;
  const child = PROGRAMS.find(({ name }) => name === 'confined-wispr');
  assert.ok(connmand !== undefined && child !== undefined);
  assert.is(isWanted(child, { connmand: (await bundle(connmand)).metafile }), true);
  assert.is(isWanted(child, { connmand: (await bundle(connmand, ['wispr'])).metafile }), false);
});

function bundle(program: Program, off: readonly string[] = []): Promise<Bundle> {
  const full = fullConfiguration();
  return bundleProgram(program, { ...full, features: full.features.filter((name) => isStillOn(name, off)) });
}

/** A feature goes with what it requires. */
function isStillOn(name: string, off: readonly string[]): boolean {
  return !off.includes(name) && (FEATURES[name]?.requires ?? []).every((required) => isStillOn(required, off));
}

async function inputsOfAll(off: readonly string[]): Promise<string[]> {
  const bundles = await Promise.all(PROGRAMS.map((program) => bundle(program, off)));
  return bundles.flatMap(({ metafile }) => Object.keys(metafile.inputs));
}

/** A large plugin is a folder of its own. */
function belongsTo(input: string, module: string): boolean {
  const folder = dirname(module);
  return input === module || (!folder.endsWith('plugins') && input.startsWith(`${folder}/`));
}

function digest({ text }: Bundle): string {
  return createHash('sha256').update(text).digest('hex');
}

test.run();
