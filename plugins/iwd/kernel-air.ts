/**
 * What iwd does not tell and the kernel does (nl80211): which access points offer WPS, and how an
 * attempt to join ended. Without that family in the kernel nothing is known of either.
 */

import type { Core, Scope } from '../../src/api.ts';
import { openGenl, type Genl } from '../../src/netlink/genl/genl.ts';
import { type HeardAccessPoint, listHeard, type MlmeEvent, observeMlme } from '../../src/netlink/genl/nl80211-air.ts';
import { Emitter } from '../../src/shared/emitter.ts';
import { logger } from '../../src/shared/log.ts';

const log = logger('plugins/iwd/kernel-air.ts');

/** The kernel's view of the air. */
export class KernelAir {
  readonly #core: Pick<Core, 'netlink'>;
  readonly #scope: Scope;
  readonly #events = new Emitter<{ readonly ifindex: number; readonly event: MlmeEvent }>();
  #genl: Genl | undefined;
  /** Whether its events are heard. */
  #hears: Promise<boolean> | undefined;

  /** Nothing is opened before it is asked for something; all is closed with `scope`. */
  constructor(core: Pick<Core, 'netlink'>, scope: Scope) {
    this.#core = core;
    this.#scope = scope;
  }

  /** What an interface heard last; nothing where that cannot be known. */
  async heard(ifindex: number): Promise<readonly HeardAccessPoint[]> {
    try {
      return await listHeard(this.#open(), ifindex, this.#scope.signal);
    } catch (error) {
      log.debug('%d: %s', ifindex, error instanceof Error ? error.message : error);
      return [];
    }
  }

  /** Notes what happens to an interface until `scope` closes; undefined where it is not told. */
  async record(ifindex: number, scope: Scope): Promise<readonly MlmeEvent[] | undefined> {
    this.#hears ??= this.#listen();
    if (!(await this.#hears)) return undefined;
    const events: MlmeEvent[] = [];
    this.#events.observe(scope, (each) => {
      if (each.ifindex === ifindex) events.push(each.event);
    });
    return events;
  }

  async #listen(): Promise<boolean> {
    try {
      await observeMlme(this.#open(), this.#scope, (ifindex, event) => this.#events.emit({ ifindex, event }));
      return true;
    } catch (error) {
      log.debug('%s', error instanceof Error ? error.message : error);
      return false;
    }
  }

  #open(): Genl {
    return (this.#genl ??= openGenl({ system: { netlink: this.#core.netlink } }, this.#scope));
  }
}
