/**
 * Where the usage of services is kept: `<service>/data` beside their settings, as ConnMan's. A file
 * is never a reason to fail: what cannot be read counts as none, what cannot be written is logged.
 */

import { closeSync, existsSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { messageOf } from '../shared/errors.ts';
import { logger } from '../shared/log.ts';
import { isErrno, writeFileAtomically } from './files.ts';

const log = logger('src/daemon/usage-files.ts');

/** No such file is larger. */
const MAX_BYTES = 65_536;

/** Files by service identifier. */
export interface UsageFiles {
  read(identifier: string): Uint8Array | undefined;
  /** Writes only beside settings: a service that is not kept keeps no usage either. */
  write(identifier: string, bytes: Uint8Array): void;
}

/** Those below the storage `directory`. */
export function usageFiles(directory: string): UsageFiles {
  const pathOf = (identifier: string): string | undefined =>
    /^[\w.-]{1,200}$/.test(identifier) && !identifier.startsWith('.') ? `${directory}/${identifier}` : undefined;
  return {
    read(identifier) {
      const path = pathOf(identifier);
      return path === undefined ? undefined : readPlainFile(`${path}/data`);
    },
    write(identifier, bytes) {
      const path = pathOf(identifier);
      if (path === undefined || !existsSync(`${path}/settings`)) return;
      try {
        writeFileAtomically(`${path}/data`, bytes);
      } catch (error) {
        log.error('%s/data cannot be written: %s', path, messageOf(error));
      }
    },
  };
}

function readPlainFile(path: string): Uint8Array | undefined {
  try {
    const fd = openSync(path, 'r');
    try {
      const stat = fstatSync(fd);
      return stat.isFile() && stat.size <= MAX_BYTES ? readFileSync(fd) : undefined;
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    log.warn('%s cannot be read: %s', path, messageOf(error));
    return undefined;
  }
}
