/**
 * The machine's sleep, as whoever knows of it tells the core: what must be on disk before, and what
 * is to be looked at again after. Knows nothing of how the machine is put to sleep.
 */

import { Emitter, type Observable } from './shared/emitter.ts';
import { logger } from './shared/log.ts';

const log = logger('src/sleep.ts');

/** Told by a plugin, observed by the core. */
export class Sleep {
  readonly #beginning = new Emitter<void>();
  readonly #ended = new Emitter<void>();

  /** Emits before the machine sleeps; what observers do they do at once. */
  get beginning(): Observable<void> {
    return this.#beginning;
  }

  /** Emits when it is awake again: leases may have ended, cables been pulled, the clock gone wrong. */
  get ended(): Observable<void> {
    return this.#ended;
  }

  /** The machine is about to sleep; on return all is ready for it. */
  begin(): void {
    log.info('the machine goes to sleep');
    this.#beginning.emit();
  }

  /** The machine is awake. */
  end(): void {
    log.info('the machine is awake');
    this.#ended.emit();
  }
}
