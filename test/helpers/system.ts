/**
 * The real System for tests: builds the addon unless CAUSEWAY_ADDON names one, and opens it.
 */

import { resolve } from 'node:path';
import type { System } from '../../src/system/system.ts';
import { openSystem } from '../../src/system/node-system.ts';
import { ADDON_PATH, buildAddon } from '../../tools/build-addon.ts';

/** Opens the addon of this tree; run from the project's top. */
export function testSystem(): System {
  useTestAddon();
  return openSystem();
}

/** Makes sure that CAUSEWAY_ADDON names an addon that is up to date. */
export function useTestAddon(): void {
  if (process.env['CAUSEWAY_ADDON'] !== undefined) return;
  const file = resolve(ADDON_PATH);
  buildAddon(file);
  process.env['CAUSEWAY_ADDON'] = file;
}
