/**
 * How a program's text becomes a running program: a loader beside it compiles the text with V8's
 * code cache, made at build time for the Node that built it. With the cache every function is there
 * compiled: the first cable is online in half the time and a start costs 15 to 25 ms of CPU less.
 */

import { execFileSync } from 'node:child_process';

/**
 * The loader, the same for every program: it goes by its own name. A cache of another Node is not
 * looked for, one that V8 refuses is ignored. The text is ASCII, which V8 reads at half the memory.
 */
export const LOADER = `'use strict';
// Starts the program beside this file, with the code cache for this Node if the build made one.
const { readFileSync } = require('node:fs');
const { Script } = require('node:vm');
const { pathToFileURL } = require('node:url');
const program = __filename.slice(0, -'.cjs'.length);
let cachedData;
try {
  cachedData = readFileSync(program + '.' + process.version + '-' + process.arch + '.cache');
} catch {}
const filename = program + '.js';
const script = new Script(readFileSync(filename, 'latin1'), { filename, cachedData });
cachedData = undefined;
script.runInThisContext()(require, pathToFileURL(filename).href);
`;

/** The cache's file name: V8 checks its own version and flags, but not the processor. */
export function cacheName(program: string): string {
  return `${program}.${process.version}-${process.arch}.cache`;
}

/** All files of a program in its library folder. */
export function programFiles(program: string): string[] {
  return [`${program}.cjs`, `${program}.js`, cacheName(program)];
}

/**
 * The code cache of a program's text, with every function compiled. Made in a Node of its own,
 * because flags of V8 are for the whole process; they are reset before the cache notes them.
 */
export function makeCodeCache(text: Uint8Array, filename: string): Uint8Array {
  return execFileSync(process.execPath, ['-e', MAKE_CACHE, filename], { input: text, maxBuffer: 1 << 28 });
}

const MAKE_CACHE = `
const { Script } = require('node:vm');
const v8 = require('node:v8');
v8.setFlagsFromString('--no-lazy');
const script = new Script(require('node:fs').readFileSync(0, 'latin1'), { filename: process.argv[1] });
v8.setFlagsFromString('--lazy');
process.stdout.write(script.createCachedData());
`;
