/**
 * Dictionaries kept as bytes. An entry of an a{sv} begins at a multiple of eight wherever it
 * stands (D-Bus specification, "Marshaling containers"), so its bytes can be kept and copied into
 * any message: a property is marshalled when it changes, not when it is asked for.
 */

/** The entries of an a{sv}, marshalled little endian; accepted wherever an a{sv} goes out. */
export class EncodedDictionary {
  /** Entries in order, each padded to eight but the last; what follows the array's length. */
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get bytes(): Uint8Array {
    return this.#bytes;
  }
}
