/**
 * The hosts file, followed through its changes. Editors replace it, so its directory is watched.
 */

import { basename, dirname } from 'node:path';
import type { Clock } from '../shared/clock.ts';
import { messageOf } from '../shared/errors.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';
import { readSmallFile, watchFiles } from './files.ts';

const log = logger('src/daemon/hosts-file.ts');

/** Tells the text of `path`, at once if it is there and after each change until `scope` closes; `''` when it goes. */
export function watchHostsFile(path: string, clock: Clock, scope: Scope, onText: (text: string) => void): void {
  const name = basename(path);
  watchFiles({ directory: dirname(path), suffix: name }, clock, scope, (change) => {
    if (change.name === name) onText(read(path));
  });
}

function read(path: string): string {
  try {
    return readSmallFile(path) ?? '';
  } catch (error) {
    log.warn('%s cannot be read: %s', path, messageOf(error));
    return '';
  }
}
