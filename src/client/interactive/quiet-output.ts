/**
 * Standard output as readline gets it, which can be told to show nothing of what is typed: a
 * passphrase is for the daemon, not for who looks over one's shoulder or scrolls back. What is
 * written to standard output past it is shown all the same.
 */

import { Writable } from 'node:stream';

/** One for each readline interface; `destroy` it with that. */
export class QuietOutput extends Writable {
  readonly isTTY = true;
  /** While true, what readline draws is thrown away. */
  isQuiet = false;
  readonly #onResize = (): void => void this.emit('resize');

  constructor() {
    super();
    process.stdout.on('resize', this.#onResize);
  }

  get columns(): number {
    return process.stdout.columns;
  }

  get rows(): number {
    return process.stdout.rows;
  }

  override _write(chunk: Uint8Array, _encoding: string, done: () => void): void {
    if (!this.isQuiet) process.stdout.write(chunk);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    process.stdout.off('resize', this.#onResize);
    done(error);
  }
}
