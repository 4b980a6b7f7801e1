/**
 * Files about network interfaces for scripts and programs without a bus: one for each interface
 * index, readable by all, replaced at once. They are state of this boot and never a reason to fail:
 * what cannot be written is logged, once until it works again.
 */

import { chmodSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf } from '../shared/errors.ts';
import { logger } from '../shared/log.ts';
import { replacePublicFile } from './files.ts';

const log = logger('src/daemon/device-files.ts');

/** Files by interface index. */
export interface DeviceFiles {
  /** The interfaces that have one, perhaps from an earlier daemon. */
  list(): number[];
  write(ifindex: number, text: string): void;
  remove(ifindex: number): void;
}

/** Those in `directory`, which is made with the first one. */
export function deviceFiles(directory: string): DeviceFiles {
  let isFailing = false;
  const attempt = (what: string, action: () => void): void => {
    try {
      action();
      isFailing = false;
    } catch (error) {
      if (!isFailing) log.error('cannot %s: %s', what, messageOf(error));
      isFailing = true;
    }
  };
  return {
    list: () => indicesIn(directory),
    write(ifindex, text) {
      attempt(`write ${directory}/${ifindex}`, () => {
        // The daemon's umask is for secrets; this is for everyone.
        if (mkdirSync(directory, { recursive: true }) !== undefined) {
          for (const each of [dirname(directory), directory]) chmodSync(each, 0o755);
        }
        replacePublicFile(`${directory}/${ifindex}`, text);
      });
    },
    remove: (ifindex) => attempt(`remove ${directory}/${ifindex}`, () => {
      rmSync(`${directory}/${ifindex}`, { force: true });
    }),
  };
}

function indicesIn(directory: string): number[] {
  try {
    return readdirSync(directory).filter((name) => /^[1-9][0-9]{0,9}$/.test(name)).map(Number);
  } catch (error) {
    log.debug('%s: %s', directory, messageOf(error));
    return [];
  }
}
