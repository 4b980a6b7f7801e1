/**
 * Parts a stream of bytes into lines of bounded length. Time and memory grow with what comes in,
 * however small the pieces.
 */

const LONGEST_LINE = 64 * 1024;

/** Collects bytes until a line is whole. */
export class LineSplitter {
  readonly #pieces: Uint8Array[] = [];
  #length = 0;

  /** The lines that `bytes` complete, without their ends; undefined once one is longer than 64 KiB. */
  push(bytes: Uint8Array): string[] | undefined {
    const lines: string[] = [];
    let start = 0;
    for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, start)) {
      this.#keep(bytes.subarray(start, end));
      if (this.#length > LONGEST_LINE) return undefined;
      lines.push(Buffer.concat(this.#pieces.splice(0)).toString());
      this.#length = 0;
      start = end + 1;
    }
    this.#keep(bytes.subarray(start));
    return this.#length > LONGEST_LINE ? undefined : lines;
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#length += bytes.length;
    if (this.#length <= LONGEST_LINE) this.#pieces.push(Uint8Array.from(bytes));
  }
}
