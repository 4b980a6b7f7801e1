/**
 * The profiles in iwd's state directory (profile.ts): written where D-Bus cannot say it, and read for
 * the key that WPS brought. iwd follows its directory; a profile counts when iwd shows its network.
 */

import { readSmallFile, type Scope, writeFileAtomically } from '../../src/api.ts';
import { iwdDaemonInterface, iwdKnownNetworkInterface } from '../../src/dbus/interfaces/iwd.ts';
import type { Clock } from '../../src/shared/clock.ts';
import { messageOf } from '../../src/shared/errors.ts';
import { logger } from '../../src/shared/log.ts';
import { type IwdObjects, plainPath } from './objects.ts';
import { formatProfile, type Profile, profileName, type ProfileType, secretOf } from './profile.ts';

const log = logger('plugins/iwd/profiles.ts');

const MANAGER_PATH = '/net/connman/iwd';

/** iwd sees a file at once, if it sees it at all. */
const NOTICE_MS = 5_000;

/** Which network a profile is of. */
export interface ProfileKey {
  readonly ssid: Uint8Array;
  readonly type: ProfileType;
}

/** All profiles of one life of iwd. */
export class IwdProfiles {
  readonly #objects: IwdObjects;
  readonly #clock: Clock;
  readonly #scope: Scope;
  /** Objects that are about to go. */
  readonly #forgotten = new Set<string>();
  #directory: Promise<string> | undefined;

  constructor(objects: IwdObjects, clock: Clock, scope: Scope) {
    this.#objects = objects;
    this.#clock = clock;
    this.#scope = scope;
    objects.changed.observe(scope, ({ path }) => {
      if (objects.get(path, iwdKnownNetworkInterface) === undefined) this.#forgotten.delete(path);
    });
  }

  /** The object of a network that iwd knows; undefined where it does not. */
  known(key: ProfileKey): string | undefined {
    const path = `${MANAGER_PATH}/${Buffer.from(key.ssid).toString('hex')}_${key.type}`;
    const known = this.#objects.with(iwdKnownNetworkInterface).find((each) => plainPath(each) === path);
    return known === undefined || this.#forgotten.has(known) ? undefined : known;
  }

  /**
   * Has iwd know a network as `profile` says, without a secret. Rejects with NotSupported where it
   * cannot, OperationTimeout where it does not notice, or what the system says.
   */
  async write(key: ProfileKey, profile: Profile): Promise<void> {
    const path = await this.#path(key);
    const text = formatProfile(profile);
    if (read(path) !== text) writeFileAtomically(path, text);
    const limits = this.#scope.child();
    try {
      const limit = this.#clock.deadline('iwd profile', NOTICE_MS, this.#scope.signal, limits);
      await this.#objects.wait(() => this.known(key), limit, limits);
    } finally {
      await limits.close();
    }
  }

  /** The passphrase or key that iwd keeps; undefined where it has none or it cannot be read. */
  async secret(key: ProfileKey): Promise<string | undefined> {
    return secretOf(read(await this.#path(key)) ?? '');
  }

  /** Has iwd forget a network with its profile, if it knows it: for us it has from now on. Never rejects. */
  async forget(key: ProfileKey): Promise<void> {
    const known = this.known(key);
    if (known === undefined) return;
    this.#forgotten.add(known);
    // Its object goes later than the answer comes.
    await this.#objects.proxy(iwdKnownNetworkInterface, known).Forget().catch((error: unknown) => {
      log.debug('%s: %s', known, error);
      this.#forgotten.delete(known);
    });
  }

  async #path(key: ProfileKey): Promise<string> {
    this.#directory ??= this.#objects.proxy(iwdDaemonInterface, MANAGER_PATH).GetInfo()
      .then((info) => info.get('StateDirectory')?.as('s') ?? '/var/lib/iwd');
    return `${await this.#directory}/${profileName(key.ssid, key.type)}`;
  }
}

function read(path: string): string | undefined {
  try {
    return readSmallFile(path);
  } catch (error) {
    log.debug('%s: %s', path, messageOf(error));
    return undefined;
  }
}
