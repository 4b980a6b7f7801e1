/**
 * Every key of main.conf has its effect, shown by a test that sets it: whoever adds a key adds a test.
 * Keys of parts that are not built are named here, with what they wait for.
 */

import { test } from 'uvu';
import { GENERAL } from '../../src/daemon/main-conf.ts';
import { assertNone, sources } from './sources.ts';

/** Key → what it waits for. A key that has a test must not stand here. */
const WAITING: Readonly<Record<string, string>> = {
  AutoConnectRoamingServices: 'cellular',
  BackgroundScanning: 'Wi-Fi',
};

/** Reading a key is not its effect; helpers prove nothing by themselves. */
const isProof = (path: string): boolean =>
  /^test\/(unit|integration|guest)\//.test(path) && path !== 'test/unit/daemon/main-conf.test.ts';

const proofs = sources.filter(({ path }) => isProof(path));

test('every key of main.conf is set by a test, or waits for a part that is not built', () => {
  assertNone(Object.keys(GENERAL).flatMap((key) => {
    const isSet = new RegExp(`(\\\\n|\\b)${key}\\b\\s*[=:]`); // as in the file, or as an option of an object
    const proof = proofs.find(({ text }) => isSet.test(text))?.path;
    if (proof === undefined && WAITING[key] === undefined) return [`${key}: no test sets it`];
    if (proof !== undefined && WAITING[key] !== undefined) return [`${key}: waits for nothing, see ${proof}`];
    return [];
  }));
});

test('what waits is a key', () => {
  assertNone(Object.keys(WAITING).filter((key) => !(key in GENERAL)).map((key) => `${key}: no such key`));
});

test.run();
